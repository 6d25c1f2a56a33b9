package server

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

// follower reads a stream.
type follower struct {
	t    *testing.T
	resp *http.Response
	scan *bufio.Scanner
}

// follow opens a stream and reads its greeting.
func (r *running) follow(t *testing.T, query string, headers ...string) *follower {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", r.url+"/api/v1/changes/stream"+query, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := r.http.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	f := &follower{t, resp, bufio.NewScanner(resp.Body)}
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, "text/event-stream; charset=utf-8", resp.Header.Get("Content-Type"))
	require.Empty(t, resp.Header.Get("Content-Encoding"))
	require.Equal(t, []string{"retry: 2000", ": follows the changes"}, f.next())
	return f
}

// next returns the lines up to the next empty one; nil at the end.
func (f *follower) next() []string {
	f.t.Helper()
	var lines []string
	for f.scan.Scan() {
		if f.scan.Text() == "" {
			return lines
		}
		lines = append(lines, f.scan.Text())
	}
	return nil
}

// event returns the next event's id and change.
func (f *follower) event() (string, annotate.Change) {
	f.t.Helper()
	lines := f.next()
	require.Len(f.t, lines, 3)
	require.Equal(f.t, "event: change", lines[1])
	return strings.TrimPrefix(lines[0], "id: "), decodeAs[annotate.Change](f.t, strings.TrimPrefix(lines[2], "data: "))
}

func TestStreamResumes(t *testing.T) {
	s := start(t, nil)
	for i := range 3 {
		s.record(fmt.Sprintf(`{"kind":"deploy","title":"line one\u2028 %d","service":"web"}`, i))
	}
	s.record(`{"kind":"flag"}`)

	all := s.follow(t, "?last_event_id=0", "Accept-Encoding", "gzip, zstd")
	var ids []string
	for i := range 4 {
		id, change := all.event()
		ids = append(ids, id)
		require.Equal(t, i == 3, change.Kind == "flag")
	}
	resumed := s.follow(t, "?last_event_id=0", "Last-Event-ID", ids[1])
	id, change := resumed.event()
	require.Equal(t, ids[2], id)
	require.Equal(t, "line one\u2028 2", change.Title)

	flags := s.follow(t, "?last_event_id=0&kind=flag")
	id, _ = flags.event()
	require.Equal(t, ids[3], id)

	// What is new reaches those who have caught up.
	c := s.record(`{"kind":"flag","title":"new"}`)
	for _, f := range []*follower{all, flags} {
		_, change := f.event()
		require.Equal(t, c.ID, change.ID)
	}
}

func TestStreamShowsThatItLives(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.KeepAlive = time.Millisecond })
	f := s.follow(t, "")
	for range 3 {
		require.Equal(t, []string{": keep-alive"}, f.next())
	}
}

func TestStreamsAreBounded(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.Streams = 1 })
	f := s.follow(t, "")
	a := s.do("GET", "/api/v1/changes/stream", "")
	a.problem(t, 503)
	require.NotEmpty(t, a.header.Get("Retry-After"))
	f.resp.Body.Close()
	require.Eventually(t, func() bool { return len(s.streams.inside) == 0 }, 5*time.Second, time.Millisecond,
		"a reader that goes away makes room")
	s.follow(t, "")
}

func TestStopEndsStreams(t *testing.T) {
	s := start(t, nil)
	f := s.follow(t, "")
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	require.NoError(t, s.Stop(ctx))
	require.Less(t, time.Since(began), 3*time.Second)
	require.Nil(t, f.next(), "the stream ends, and ends in order")
	require.NoError(t, f.scan.Err())
}
