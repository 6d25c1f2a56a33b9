package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

const server = "http://tide.test"

// sink is a server: it keeps what it takes, and answers with fail's error.
type sink struct {
	mu   sync.Mutex
	got  []annotate.Report
	fail func(annotate.Report) error
}

var errRefused = errors.New("this can never be taken")

func (s *sink) Server() string { return server }

func (s *sink) Send(_ context.Context, r annotate.Report) error {
	if s.fail != nil {
		if err := s.fail(r); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, r)
	return nil
}

func (s *sink) Refused(err error) bool { return errors.Is(err, errRefused) }

func (s *sink) ids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, r := range s.got {
		ids = append(ids, r.ExternalID)
	}
	return ids
}

func open(t *testing.T) *Spool {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "spool"))
	require.NoError(t, err)
	return s
}

func entry(id string) Entry {
	return Entry{Server: server, Report: annotate.Report{
		Source: "test", ExternalID: id, Kind: "deploy", Status: annotate.Running,
		Start: annotate.At(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
	}}
}

func put(t *testing.T, s *Spool, ids ...string) {
	t.Helper()
	for _, id := range ids {
		_, err := s.Put(entry(id))
		require.NoError(t, err)
	}
}

func files(t *testing.T, s *Spool, sub string) []string {
	t.Helper()
	names, err := filepath.Glob(s.path(sub, "*"))
	require.NoError(t, err)
	return names
}

func TestFlushSendsInOrder(t *testing.T) {
	s, to := open(t), &sink{}
	var want []string
	for i := range 30 {
		want = append(want, fmt.Sprint(i))
	}
	put(t, s, want...)
	waiting, err := s.Waiting()
	require.NoError(t, err)
	require.Equal(t, 30, waiting)

	done, err := s.Flush(context.Background(), to)
	require.NoError(t, err)
	require.Equal(t, Flushed{Sent: 30}, done)
	require.Equal(t, want, to.ids())
	require.Empty(t, files(t, s, queueDir))

	done, err = s.Flush(context.Background(), to)
	require.NoError(t, err)
	require.Equal(t, Flushed{}, done)
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	s := open(t)
	put(t, s, "a")
	_, err := s.PutRefused(entry("b"), errRefused)
	require.NoError(t, err)
	require.NoError(t, filepath.Walk(s.Dir(), func(path string, info os.FileInfo, err error) error {
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, path)
		return nil
	}))
}

func TestFlushStopsAtTheFirstThatCannotBeSent(t *testing.T) {
	s := open(t)
	down := errors.New("the server is down")
	to := &sink{fail: func(r annotate.Report) error {
		if r.ExternalID != "a" {
			return down
		}
		return nil
	}}
	put(t, s, "a", "b", "c")
	done, err := s.Flush(context.Background(), to)
	require.ErrorIs(t, err, down)
	require.Equal(t, Flushed{Sent: 1, Waiting: 2}, done)

	to.fail = nil
	_, err = s.Flush(context.Background(), to)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c"}, to.ids())
}

func TestFlushLeavesOtherServersAlone(t *testing.T) {
	s, to := open(t), &sink{}
	other := entry("other")
	other.Server = "http://elsewhere.test"
	_, err := s.Put(other)
	require.NoError(t, err)
	put(t, s, "mine")
	done, err := s.Flush(context.Background(), to)
	require.NoError(t, err)
	require.Equal(t, Flushed{Sent: 1}, done)
	require.Equal(t, []string{"mine"}, to.ids())
	require.Len(t, files(t, s, queueDir), 1)
}

func TestFlushSetsAsideWhatIsRefused(t *testing.T) {
	s := open(t)
	to := &sink{fail: func(r annotate.Report) error {
		if r.ExternalID == "bad" {
			return errRefused
		}
		return nil
	}}
	put(t, s, "a", "bad", "b")
	done, err := s.Flush(context.Background(), to)
	require.NoError(t, err)
	require.Equal(t, 2, done.Sent)
	require.Len(t, done.Problems, 1)
	require.Contains(t, done.Problems[0], errRefused.Error())
	require.Equal(t, []string{"a", "b"}, to.ids())

	refused := files(t, s, refusedDir)
	require.Len(t, refused, 1)
	e, err := s.read(refusedDir, filepath.Base(refused[0]))
	require.NoError(t, err)
	require.Equal(t, "bad", e.Report.ExternalID)
	require.Equal(t, errRefused.Error(), e.Refused.Reason)
}

func TestRefusedReportsAreBounded(t *testing.T) {
	s := open(t)
	s.maxFiles = 2
	to := &sink{fail: func(r annotate.Report) error {
		if strings.HasPrefix(r.ExternalID, "bad") {
			return errRefused
		}
		return nil
	}}
	for _, id := range []string{"bad1", "bad2"} {
		_, err := s.PutRefused(entry(id), errRefused)
		require.NoError(t, err)
	}
	_, err := s.PutRefused(entry("bad3"), errRefused)
	require.ErrorIs(t, err, ErrFull)

	put(t, s, "bad4", "good")
	done, err := s.Flush(context.Background(), to)
	require.NoError(t, err)
	require.Equal(t, 1, done.Sent, "one that is refused does not hold up the others")
	require.Equal(t, 1, done.Waiting)
	require.Contains(t, done.Problems[0], "look at them")
}

func TestFlushSetsAsideWhatIsNoReport(t *testing.T) {
	s, to := open(t), &sink{}
	put(t, s, "a")
	for name, content := range map[string]string{
		"0-empty.json":    "",
		"1-cut.json":      `{"server":"http://tide.test","repo`,
		"2-foreign.json":  `{"hello":"world"}`,
		"3-nothing.json":  `{"server":"http://tide.test","report":{}}`,
		"4-more.json":     `{"server":"s","report":{"source":"a","external_id":"b"}} {}`,
		"5-enormous.json": strings.Repeat(" ", maxEntry+1),
	} {
		require.NoError(t, os.WriteFile(s.path(queueDir, name), []byte(content), 0o600))
	}
	done, err := s.Flush(context.Background(), to)
	require.NoError(t, err)
	require.Equal(t, 1, done.Sent)
	require.Len(t, done.Problems, 6)
	require.Len(t, files(t, s, brokenDir), 6)
	require.Equal(t, []string{"a"}, to.ids())
}

func TestBounds(t *testing.T) {
	s := open(t)
	s.maxFiles = 3
	put(t, s, "a", "b", "c")
	_, err := s.Put(entry("d"))
	require.ErrorIs(t, err, ErrFull)
	require.ErrorContains(t, err, "tidemark change flush")
	_, err = s.Begin(entry("d"))
	require.ErrorIs(t, err, ErrFull)

	s = open(t)
	s.maxBytes = 100
	put(t, s, "a")
	_, err = s.Put(entry("b"))
	require.ErrorIs(t, err, ErrFull)

	s = open(t)
	big := entry("big")
	big.Report.Text = strings.Repeat("x", maxEntry)
	_, err = s.Put(big)
	require.ErrorContains(t, err, "at most")
	require.Empty(t, files(t, s, queueDir))
}

func TestOnlyWhatCanBeSentTwiceIsSpooled(t *testing.T) {
	s := open(t)
	e := entry("")
	_, err := s.Put(e)
	require.ErrorContains(t, err, "external_id")
	e = entry("a")
	e.Server = ""
	_, err = s.Put(e)
	require.ErrorContains(t, err, "server")
}

func TestWhoMayWriteToTheSpool(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o777)) //nolint:gosec // what is refused
	_, err := Open(dir)
	require.ErrorContains(t, err, "everyone may write")

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = Open(file)
	require.Error(t, err)
}

func TestHalfWrittenFilesAreSweptAway(t *testing.T) {
	s := open(t)
	half := s.path("123" + temporary)
	require.NoError(t, os.WriteFile(half, []byte(`{"ser`), 0o600))
	_, err := s.Flush(context.Background(), &sink{})
	require.NoError(t, err)
	require.FileExists(t, half, "it may still be being written")
	old := time.Now().Add(-2 * time.Hour)
	require.NoError(t, os.Chtimes(half, old, old))
	_, err = s.Flush(context.Background(), &sink{})
	require.NoError(t, err)
	require.NoFileExists(t, half)
}

func TestOneFlushAtATime(t *testing.T) {
	s := open(t)
	again, err := Open(s.Dir())
	require.NoError(t, err)
	put(t, s, "a")
	to := &sink{fail: func(annotate.Report) error {
		_, err := again.Flush(context.Background(), &sink{})
		require.ErrorIs(t, err, ErrBusy)
		return nil
	}}
	done, err := s.Flush(context.Background(), to)
	require.NoError(t, err)
	require.Equal(t, 1, done.Sent)
}

func TestManyProcessesAtOnce(t *testing.T) {
	dir, to := filepath.Join(t.TempDir(), "spool"), &sink{}
	const writers, each = 8, 20
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			s, err := Open(dir)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range each {
				if _, err := s.Put(entry(fmt.Sprintf("%d-%d", w, i))); err != nil {
					t.Error(err)
				}
				if _, err := s.Flush(context.Background(), to); err != nil && !errors.Is(err, ErrBusy) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	s, err := Open(dir)
	require.NoError(t, err)
	_, err = s.Flush(context.Background(), to)
	require.NoError(t, err)
	seen := map[string]int{}
	for _, id := range to.ids() {
		seen[id]++
	}
	require.Len(t, seen, writers*each, "each report arrived")
	require.Len(t, to.ids(), writers*each, "and arrived once")
}

func FuzzDecode(f *testing.F) {
	seed, err := entry("a").encode()
	require.NoError(f, err)
	f.Add(seed)
	f.Add(seed[:len(seed)/2])
	f.Add([]byte(`{"server":"s","report":{"source":"a","external_id":"b","start":1e300}}`))
	f.Add([]byte(`{"server":"s","report":null,"refused":{"time":"x"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decode(b)
		if err != nil {
			return
		}
		written, err := e.encode()
		if err != nil {
			return // such as a time that RFC 3339 has no form for
		}
		again, err := decode(written)
		require.NoError(t, err)
		require.Equal(t, e.Server, again.Server)
		require.Equal(t, e.Report.ExternalID, again.Report.ExternalID)
	})
}

func BenchmarkPut(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "spool"))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		name, err := s.Put(entry("a"))
		require.NoError(b, err)
		require.NoError(b, s.Remove(name))
	}
}
