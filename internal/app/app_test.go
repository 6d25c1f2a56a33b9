package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tidemark/tidemark/ingest/store"
)

// TestMain fails where goroutines are left at the end. What a stop had to cut short
// goes on for a while, so it gets some time.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		err := goleak.Find()
		for end := time.Now().Add(patience); err != nil && time.Now().Before(end); {
			err = goleak.Find() // each call waits a little itself
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// options are those of a Tidemark on a free port, in a folder of the test's.
func options(t *testing.T) Options {
	t.Helper()
	return Options{
		StoragePath:         t.TempDir(),
		Retention:           store.Retention{Time: 15 * 24 * time.Hour},
		ListenAddress:       "127.0.0.1:0",
		QueryTimeout:        time.Minute,
		QueryMaxSamples:     1_000_000,
		QueryMaxConcurrency: 4,
		Flags:               map[string]string{},
		Version:             "v0-test",
		Logger:              slog.New(slog.DiscardHandler),
	}
}

// running is a started App with a client of its own.
type running struct {
	*App
	t    *testing.T
	http *http.Client
}

// start starts an App, and ends it with the test if the test did not.
func start(t *testing.T, opts Options) *running {
	t.Helper()
	a, err := New(opts)
	require.NoError(t, err)
	require.NoError(t, a.Start(t.Context()))
	r := &running{App: a, t: t, http: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(func() {
		r.end()
		r.http.CloseIdleConnections()
	})
	return r
}

// end stops the App; again is well.
func (r *running) end() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 9*time.Second)
	defer cancel()
	require.NoError(r.t, r.Stop(ctx))
}

// get returns the status and the body of a path.
func (r *running) get(path string) (int, string) {
	r.t.Helper()
	resp, err := r.http.Get(r.URL() + path)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return resp.StatusCode, string(body)
}

// post sends a JSON body, and returns the status and the answer.
func (r *running) post(path, body string) (int, string) {
	r.t.Helper()
	resp, err := r.http.Post(r.URL()+path, "application/json", strings.NewReader(body))
	require.NoError(r.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return resp.StatusCode, string(answer)
}

// value is the value of the only series that a query answers with, or "".
func (r *running) value(promql string) string {
	r.t.Helper()
	code, body := r.get("/api/v1/query?query=" + url.QueryEscape(promql))
	require.Equal(r.t, http.StatusOK, code, body)
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	require.NoError(r.t, json.Unmarshal([]byte(body), &answer))
	if len(answer.Data.Result) != 1 {
		return ""
	}
	return fmt.Sprint(answer.Data.Result[0].Value[1])
}

// wait waits until a query answers with the value wanted.
func (r *running) wait(promql, want string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.value(promql) == want }, patience, 20*time.Millisecond, promql)
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestStartsServesAndStartsAgain(t *testing.T) {
	opts := options(t)
	opts.ConfigFile = write(t, filepath.Join(t.TempDir(), "tidemark.yml"), "global: {scrape_interval: 1s}\n")
	a := start(t, opts)
	a.wait(`up{job="tidemark"}`, "1")
	a.wait(`up{job="node"}`, "1")
	code, body := a.post("/api/v1/changes", `{"kind":"deploy","service":"web","version":"v1"}`)
	require.Equal(t, http.StatusCreated, code, body)
	code, body = a.get("/federate?match[]=tidemark_version_info")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, `version="v1"`)
	a.end()
	a.end() // again

	a = start(t, opts)
	require.Equal(t, "1", a.value(`tidemark_version_info{service="web"}`))
	require.Equal(t, "1", a.value(`max_over_time(up{job="tidemark"}[5m])`))
}

func TestServesUnderThePathOfTheExternalURL(t *testing.T) {
	opts := options(t)
	opts.ExternalURL = &url.URL{Scheme: "https", Host: "metrics.example", Path: "/tide/"}
	a := start(t, opts)
	require.Equal(t, "http://"+a.Addr()+"/tide", a.URL())
	for _, path := range []string{"/", "/api/v1/query?query=1", "/api/v1/changes", "/federate?match[]=up", "/metrics", "/-/ready", "/openapi.json"} {
		code, body := a.get(path)
		require.Equal(t, http.StatusOK, code, "%s: %s", path, body)
	}
	resp, err := a.http.Get("http://" + a.Addr() + "/api/v1/query?query=1")
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}

// TestFailedStartReleasesEverything has a start fail at one part after the
// other, and then succeed on the same folder.
func TestFailedStartReleasesEverything(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	in := func(name string) func(*testing.T, *Options) func() {
		return func(t *testing.T, o *Options) func() {
			path := filepath.Join(o.StoragePath, name)
			require.NoError(t, os.Mkdir(path, 0o700))
			return func() { require.NoError(t, os.Remove(path)) }
		}
	}
	// Each breaks something, and returns what mends it.
	tests := map[string]struct {
		spoil func(*testing.T, *Options) func()
		want  string
	}{
		"change log":  {in("changes.db"), "changes.db"},
		"tokens":      {in("auth.db"), "auth.db"},
		"running log": {in("queries.active"), "queries.active"},
		"samples": {func(t *testing.T, o *Options) func() {
			path := write(t, filepath.Join(o.StoragePath, "samples"), "a file")
			return func() { require.NoError(t, os.Remove(path)) }
		}, "samples"},
		"address": {func(_ *testing.T, o *Options) func() {
			o.ListenAddress = taken.Addr().String()
			return func() { o.ListenAddress = "127.0.0.1:0" }
		}, "listen"},
		"configuration": {func(t *testing.T, o *Options) func() {
			o.ConfigFile = write(t, filepath.Join(t.TempDir(), "tidemark.yml"), "global: {query_log_file: /missing/folder/queries.log}\n")
			return func() { write(t, o.ConfigFile, "") }
		}, "query_log_file"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			opts := options(t)
			mend := tc.spoil(t, &opts)
			a, err := New(opts)
			require.NoError(t, err)
			require.ErrorContains(t, a.Start(t.Context()), tc.want)
			mend()
			require.Equal(t, "1", start(t, opts).value("vector(1)"))
		})
	}
}

func TestStartThatIsToldToStop(t *testing.T) {
	opts := options(t)
	a, err := New(opts)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, a.Start(ctx), context.Canceled)
	require.NoError(t, a.Stop(t.Context()))
	require.Equal(t, "1", start(t, opts).value("vector(1)"))
}

func TestStorageFolder(t *testing.T) {
	first := start(t, options(t))
	f := func(path, want string) {
		t.Helper()
		opts := options(t)
		opts.StoragePath = path
		a, err := New(opts)
		require.NoError(t, err)
		require.ErrorContains(t, a.Start(t.Context()), want)
	}
	f(first.opts.StoragePath, "another Tidemark keeps its data there")
	file := write(t, filepath.Join(t.TempDir(), "data"), "")
	f(file, "is a file: give a folder")
	f(filepath.Join(file, "below"), "creating the storage folder")
	require.Equal(t, "1", first.value("vector(1)"))
}
