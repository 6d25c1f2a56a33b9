package server

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

func TestBodiesAreBounded(t *testing.T) {
	s := start(t, func(o *Options) {
		o.Limits = Limits{ChangeBytes: 100, BatchBytes: 1000, PushBytes: 2000, QueryBytes: 300}
	})
	f := func(path string, size, want int) {
		t.Helper()
		body := `{"kind":"deploy","text":"` + strings.Repeat("x", size-27) + `"}`
		a := s.do("POST", path, body)
		require.Equal(t, want, a.status, a.body)
		if want == 413 {
			require.Contains(t, a.problem(t, 413).Detail, "larger than")
		}
	}
	f("/api/v1/changes", 100, 201)
	f("/api/v1/changes", 101, 413)
	f("/api/v1/changes", 1001, 413)
	f("/api/v1/write", 2000, 200)
	f("/api/v1/write", 2001, 413)
	f("/api/v1/otlp/v1/metrics", 2001, 413)
	f("/api/v1/query", 300, 200)
	f("/api/v1/query", 301, 413)
	a := s.do("POST", "/api/v1/changes/list", strings.Repeat("x", 301), "Content-Type", formType)
	require.Contains(t, a.problem(t, 413).Detail, "larger than")

	t.Run("also when their length is not said", func(t *testing.T) {
		req, err := http.NewRequest("POST", s.url+"/api/v1/changes", io.MultiReader(strings.NewReader(strings.Repeat(" ", 5000))))
		require.NoError(t, err)
		resp, err := s.http.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, 413, resp.StatusCode)
	})
}

func TestHeadersAreBounded(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.HeaderBytes = 4 << 10 })
	conn, err := net.Dial("tcp", s.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nX-Long: %s\r\n\r\n", strings.Repeat("x", 10<<10))
	require.NoError(t, err)
	status, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, status, "431")
}

func TestASlowBodyCostsOnlyItself(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.BodyTimeout = 50 * time.Millisecond })
	conn, err := net.Dial("tcp", s.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST /api/v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(answer), "408 Request Timeout")
	require.Contains(t, string(answer), "did not arrive within 50ms")
}

func TestADeadlineForTheBodyDoesNotEndTheWork(t *testing.T) {
	release := make(chan struct{})
	var ended error
	s := start(t, func(o *Options) {
		o.Limits.BodyTimeout = 50 * time.Millisecond
		o.Prometheus = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			select {
			case <-r.Context().Done():
				ended = r.Context().Err()
			case <-release:
			}
		})
	})
	time.AfterFunc(200*time.Millisecond, func() { close(release) })
	require.Equal(t, 200, s.do("POST", "/api/v1/query", "query=up").status)
	require.NoError(t, ended)
}

func TestWritesAreBounded(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	s := start(t, func(o *Options) {
		o.Limits.Pushes = 1
		o.Prometheus = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside <- struct{}{}; <-release })
	})
	done := make(chan answer)
	go func() { done <- s.do("POST", "/api/v1/write", "x") }()
	<-inside
	a := s.do("POST", "/api/v1/write", "x")
	a.problem(t, 503)
	require.Equal(t, "1", a.header.Get("Retry-After"))
	require.Equal(t, 201, s.do("POST", "/api/v1/changes", `{"kind":"deploy"}`).status, "changes have a limit of their own")
	close(release)
	require.Equal(t, 200, (<-done).status)
}

func TestAnswersAreCompressed(t *testing.T) {
	s := start(t, nil)
	f := func(accept, want string, decode func(io.Reader) io.Reader) {
		t.Helper()
		a := s.do("GET", "/openapi.json", "", "Accept-Encoding", accept)
		require.Equal(t, want, a.header.Get("Content-Encoding"))
		require.Contains(t, a.header.Get("Vary"), "Accept-Encoding")
		plain, err := io.ReadAll(decode(strings.NewReader(a.body)))
		require.NoError(t, err)
		require.True(t, bytes.Equal(s.spec, plain))
	}
	f("", "", func(r io.Reader) io.Reader { return r })
	f("gzip", "gzip", func(r io.Reader) io.Reader {
		z, err := gzip.NewReader(r)
		require.NoError(t, err)
		return z
	})
	f("gzip, zstd", "zstd", func(r io.Reader) io.Reader {
		z, err := zstd.NewReader(r)
		require.NoError(t, err)
		t.Cleanup(z.Close)
		return z
	})
}
