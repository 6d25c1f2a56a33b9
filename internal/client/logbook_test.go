package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/internal/client/spool"
)

// logServer is a server that takes reports, or answers them all with status.
type logServer struct {
	*httptest.Server
	status atomic.Int64
	mu     sync.Mutex
	got    []annotate.Report
}

func newLogServer(t *testing.T) *logServer {
	s := &logServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := s.status.Load(); status != 0 {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(int(status))
			fmt.Fprint(w, `{"detail":"not now"}`)
			return
		}
		var report annotate.Report
		if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, report)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id":"1"}`)
	}))
	t.Cleanup(s.Close)
	return s
}

// states returns external_id:status of what arrived.
func (s *logServer) states() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var states []string
	for _, r := range s.got {
		states = append(states, r.ExternalID+":"+string(r.Status))
	}
	return states
}

type warnings struct {
	mu   sync.Mutex
	said []string
}

func (w *warnings) add(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, s)
}

type fixture struct {
	server *logServer
	dir    string
	outbox *Outbox
	warned warnings
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{server: newLogServer(t), dir: filepath.Join(t.TempDir(), "spool")}
	f.outbox = f.open(t)
	return f
}

func (f *fixture) open(t *testing.T) *Outbox {
	t.Helper()
	c, err := New(Options{Server: f.server.URL})
	require.NoError(t, err)
	s, err := spool.Open(f.dir)
	require.NoError(t, err)
	return NewOutbox(c, s, f.warned.add)
}

func (f *fixture) files(t *testing.T, sub string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(f.dir, sub, "*"))
	require.NoError(t, err)
	return len(names)
}

func opening(id string) annotate.Report {
	return annotate.Report{Source: "test", ExternalID: id, Kind: "deploy", Status: annotate.Running, Start: annotate.At(time.Now())}
}

func closing(id string) annotate.Report {
	r := opening(id)
	r.Status, r.End = annotate.Succeeded, r.Start
	return r
}

func TestLogbook(t *testing.T) {
	f := newFixture(t)
	l := f.outbox.NewLogbook(10 * time.Second)
	l.Open(context.Background(), opening("a"))
	require.Equal(t, 1, f.files(t, "open"))
	l.Alive(time.Now())
	l.Close(context.Background(), closing("a"))
	require.Equal(t, []string{"a:running", "a:succeeded"}, f.server.states())
	require.Zero(t, f.files(t, "open")+f.files(t, "queue"))
	require.Empty(t, f.warned.said)
}

func TestLogbookWithoutAServer(t *testing.T) {
	f := newFixture(t)
	f.server.status.Store(503)
	l := f.outbox.NewLogbook(10 * time.Second)
	l.Open(context.Background(), opening("a"))
	l.Close(context.Background(), closing("a"))
	require.Equal(t, 2, f.files(t, "queue"))
	require.Len(t, f.warned.said, 1, "one warning is enough: %v", f.warned.said)

	f.server.status.Store(0)
	l = f.outbox.NewLogbook(10 * time.Second)
	l.Open(context.Background(), opening("b"))
	l.Close(context.Background(), closing("b"))
	states := f.server.states()
	require.ElementsMatch(t, []string{"a:running", "a:succeeded", "b:running", "b:succeeded"}, states)
	require.Less(t, slices.Index(states, "a:running"), slices.Index(states, "a:succeeded"))
	require.Zero(t, f.files(t, "queue"))
}

func TestLogbookOfARefusedReport(t *testing.T) {
	f := newFixture(t)
	f.server.status.Store(422)
	l := f.outbox.NewLogbook(10 * time.Second)
	l.Open(context.Background(), opening("a"))
	l.Close(context.Background(), closing("a"))
	require.Equal(t, 2, f.files(t, "refused"))
	require.Zero(t, f.files(t, "queue")+f.files(t, "open"))
	require.Contains(t, f.warned.said[0], "not now")
}

func TestLogbookWaitsNoLongerThanItsPatience(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	c, err := New(Options{Server: server.URL, Timeout: 50 * time.Millisecond})
	require.NoError(t, err)
	s, err := spool.Open(filepath.Join(t.TempDir(), "spool"))
	require.NoError(t, err)
	var warned warnings
	l := NewOutbox(c, s, warned.add).NewLogbook(50 * time.Millisecond)
	began := time.Now()
	l.Open(context.Background(), opening("a"))
	l.Close(context.Background(), closing("a"))
	require.Less(t, time.Since(began), 10*time.Second)
	waiting, err := s.Waiting()
	require.NoError(t, err)
	require.Equal(t, 2, waiting)
}

func TestLogbookWithoutASpool(t *testing.T) {
	server := newLogServer(t)
	c, err := New(Options{Server: server.URL})
	require.NoError(t, err)
	var warned warnings
	l := NewOutbox(c, nil, warned.add).NewLogbook(10 * time.Second)
	l.Open(context.Background(), opening("a"))
	l.Alive(time.Now())
	l.Close(context.Background(), closing("a"))
	require.Equal(t, []string{"a:running", "a:succeeded"}, server.states())
	require.Empty(t, warned.said)

	server.status.Store(500)
	l.Open(context.Background(), opening("b"))
	require.Contains(t, warned.said[0], "the report is lost")
}

func TestLogbookWhoseSpoolBreaks(t *testing.T) {
	f := newFixture(t)
	l := f.outbox.NewLogbook(10 * time.Second)
	l.Open(context.Background(), opening("a"))
	l.background.Wait()
	require.NoError(t, os.RemoveAll(f.dir))
	l.Close(context.Background(), closing("a"))
	require.Equal(t, []string{"a:running", "a:succeeded"}, f.server.states(), "what can be sent is sent")
	require.NotEmpty(t, f.warned.said)
}

func TestSendKeepsWhatCannotBeDelivered(t *testing.T) {
	f := newFixture(t)
	f.server.status.Store(429)
	_, err := f.outbox.Send(context.Background(), closing("a"))
	require.ErrorIs(t, err, ErrSpooled)
	f.server.status.Store(422)
	_, err = f.outbox.Send(context.Background(), closing("b"))
	require.ErrorContains(t, err, "not now")
	f.server.status.Store(0)
	done, err := f.outbox.Flush(context.Background())
	require.NoError(t, err)
	require.Equal(t, spool.Flushed{Sent: 1}, done)
	require.Equal(t, []string{"a:succeeded"}, f.server.states())
}
