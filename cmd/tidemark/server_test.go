//go:build e2e

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what must come; it is no measure of how
// long it should take.
const patience = 60 * time.Second

// process is a program that the test started, with what it wrote to stderr.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	log    lockedBuffer
	exited chan error
}

// start runs a program and ends it with the test, if the test did not.
func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(name, args...), exited: make(chan error, 1)}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	require.NoError(t, p.cmd.Start())
	go func() { p.exited <- p.cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		if t.Failed() {
			t.Logf("%s wrote:\n%s", name, p.log.String())
		}
	})
	return p
}

// waitLog waits for a line of the log that matches, and returns its first group.
func (p *process) waitLog(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	var found string
	require.Eventually(p.t, func() bool {
		m := re.FindStringSubmatch(p.log.String())
		if m != nil {
			found = m[len(m)-1]
		}
		return m != nil
	}, patience, 10*time.Millisecond, "no line matches %s in:\n%s", pattern, &p.log)
	return found
}

// stop sends sig and waits for the end.
func (p *process) stop(sig syscall.Signal) error {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(sig))
	select {
	case err := <-p.exited:
		return err
	case <-time.After(patience):
		p.t.Fatalf("%s did not end after %s", p.cmd.Path, sig)
		return nil
	}
}

// tidemark is a running server.
type tidemark struct {
	*process
	url string
}

// serve starts a server on a free port and waits until it is ready.
func serve(t *testing.T, args ...string) *tidemark {
	t.Helper()
	p := start(t, "tidemark", append([]string{"serve", "--web.listen-address=127.0.0.1:0"}, args...)...)
	return &tidemark{process: p, url: p.waitLog(`msg=ready url=(\S+)`)}
}

// get returns the body of a path that answers 200.
func (s *tidemark) get(path string) string {
	s.t.Helper()
	resp, err := http.Get(s.url + path)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, resp.StatusCode, "%s: %s", path, body)
	return string(body)
}

// post sends a JSON body and returns the status and the answer.
func (s *tidemark) post(path, body string) (int, string) {
	s.t.Helper()
	resp, err := http.Post(s.url+path, "application/json", strings.NewReader(body))
	require.NoError(s.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, string(answer)
}

// sample is one element of an instant query's answer.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
}

// query answers an instant query.
func (s *tidemark) query(promql string) []sample {
	s.t.Helper()
	var answer struct {
		Data struct {
			Result []sample `json:"result"`
		} `json:"data"`
	}
	require.NoError(s.t, json.Unmarshal([]byte(s.get("/api/v1/query?query="+url.QueryEscape(promql))), &answer))
	return answer.Data.Result
}

// value returns the value of the only sample that a query answers with, or "".
func (s *tidemark) value(promql string) string {
	s.t.Helper()
	result := s.query(promql)
	if len(result) != 1 {
		return ""
	}
	return fmt.Sprint(result[0].Value[1])
}

// waitValue waits until a query answers with one sample of the value wanted.
func (s *tidemark) waitValue(promql, want string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.value(promql) == want }, patience, 100*time.Millisecond,
		"%s never became %s", promql, want)
}

// writeFile writes a file of the test and returns its path.
func writeFile(t *testing.T, path, content string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// lockedBuffer is a buffer that a program writes while a test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String returns what was written so far.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// containsAll reports whether s holds each of parts.
func containsAll(s string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(s, part) {
			return false
		}
	}
	return true
}
