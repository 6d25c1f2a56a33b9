//go:build e2e

// Package sdks runs OpenFeature's SDKs, with their providers, against a Tidemark.
package sdks

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate/changelog"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
	"github.com/tidemark/tidemark/internal/auth"
	"github.com/tidemark/tidemark/internal/server"
	"github.com/tidemark/tidemark/internal/server/ofrep"
	"github.com/tidemark/tidemark/internal/server/ofrep/ofreptest"
)

// patience is how long a test waits for what must come; it is no measure of how
// long it should take.
const patience = 60 * time.Second

const production = "production"

// tidemark is a server over real flags and a real log, that answers evaluators
// alone, behind a proxy that holds each answer against OFREP's document.
type tidemark struct {
	t       *testing.T
	control *control.Control
	metrics *metrics.Set
	token   string // an evaluator's
	viewer  string // whoever evaluates in process reads definitions
	url     string // the proxy's

	mu       sync.Mutex
	statuses map[int]int // how often the proxy saw each in answer to an evaluation
	paths    map[string]int
}

func start(t *testing.T, origins ...string) *tidemark {
	t.Helper()
	ctx, folder := context.Background(), t.TempDir()
	td := &tidemark{t: t, metrics: metrics.NewSet(), statuses: map[int]int{}, paths: map[string]int{}}
	log, err := changelog.Open(ctx, filepath.Join(folder, "changes.db"), changelog.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	td.control, err = control.Open(ctx, control.Options{
		Log: log, Tally: flag.NewTally(td.metrics), Settings: control.Settings{Environments: []string{production, "staging"}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, td.control.Close()) })
	for key, definition := range ofreptest.Definitions(t) {
		td.write(production, key, control.Put(definition))
	}
	tokens, err := auth.OpenTokens(ctx, filepath.Join(folder, "auth.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tokens.Close()) })
	td.token, _, err = tokens.Create(ctx, "shop", auth.Evaluator, time.Time{})
	require.NoError(t, err)
	td.viewer, _, err = tokens.Create(ctx, "backend", auth.Viewer, time.Time{})
	require.NoError(t, err)

	nothing := http.NotFoundHandler()
	s, err := server.New(server.Options{
		ListenAddress: "127.0.0.1:0",
		Changes:       log,
		Authority:     auth.NewAuthority(tokens, &auth.Users{}, auth.Settings{Anonymous: auth.None}, td.metrics),
		Flags:         ofrep.Controlled{Control: td.control}, FlagEnvironment: func() string { return production }, FlagOrigins: origins,
		Prometheus: nothing, Federate: nothing,
		WriteMetrics: td.metrics.WritePrometheus,
		Reload:       func(context.Context) error { return nil },
		Ready:        func() error { return nil },
		Home:         func(context.Context) server.Home { return server.Home{} },
		Logger:       slog.New(slog.DiscardHandler), Metrics: td.metrics,
	})
	require.NoError(t, err)
	require.NoError(t, s.Start(ctx))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		require.NoError(t, s.Stop(ctx))
	})
	proxy := httptest.NewServer(td.proxy("http://" + s.Addr().String()))
	t.Cleanup(func() {
		proxy.CloseClientConnections()
		proxy.Close()
	})
	td.url = proxy.URL
	return td
}

// write does something to a flag, as somebody would through the API.
func (td *tidemark) write(environment, key string, c control.Command) {
	td.t.Helper()
	_, err := td.control.Write(context.Background(), control.Request{
		ID: control.ID{Environment: environment, Key: key}, Author: control.Author{By: "ann", Reason: "the test wants it"},
	}, c)
	require.NoError(td.t, err)
}

// flip gives everybody a variation of a flag.
func (td *tidemark) flip(key, to string) {
	td.t.Helper()
	td.write(production, key, control.Do(flag.Action{Flip: &flag.Flip{To: to}}))
}

// proxy passes requests on, and checks the answers.
func (td *tidemark) proxy(target string) http.Handler {
	to, err := url.Parse(target)
	require.NoError(td.t, err)
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Header.Set("Accept-Encoding", "identity")
		},
		FlushInterval: -1, // events must not wait
		ErrorLog:      slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		ModifyResponse: func(resp *http.Response) error {
			path := resp.Request.URL.Path
			td.mu.Lock()
			td.paths[path]++
			td.mu.Unlock()
			switch {
			case strings.HasSuffix(path, "/ofrep/v1/events") && resp.StatusCode == http.StatusOK:
				resp.Body = td.checkEvents(resp.Body)
				return nil
			case !strings.Contains(path, "/ofrep/v1/evaluate/") || resp.Request.Method != http.MethodPost:
				return nil
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil {
				return err
			}
			resp.Body = io.NopCloser(bytes.NewReader(body))
			td.check(path, resp.StatusCode, body)
			return nil
		},
	}
}

func (td *tidemark) check(path string, status int, body []byte) {
	td.mu.Lock()
	defer td.mu.Unlock()
	td.statuses[status]++
	if strings.HasSuffix(path, "/flags") {
		ofreptest.Bulk(failing{td.t}, status, body)
		return
	}
	ofreptest.Single(failing{td.t}, status, body)
}

// failing fails a test from a goroutine that is not the test's own.
type failing struct{ *testing.T }

func (f failing) FailNow() { f.Fail() }

// checkEvents checks each event as it passes.
func (td *tidemark) checkEvents(body io.ReadCloser) io.ReadCloser {
	out, in := io.Pipe()
	go func() {
		defer body.Close()
		lines := bufio.NewReader(body)
		for {
			line, err := lines.ReadBytes('\n')
			if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
				ofreptest.Event(failing{td.t}, data)
			}
			if _, failed := in.Write(line); failed != nil || err != nil {
				in.CloseWithError(err)
				return
			}
		}
	}()
	return out
}

// seen returns how often the proxy saw a status in answer to an evaluation.
func (td *tidemark) seen(status int) int {
	td.mu.Lock()
	defer td.mu.Unlock()
	return td.statuses[status]
}

// asked returns how often a path was asked for.
func (td *tidemark) asked(path string) int {
	td.mu.Lock()
	defer td.mu.Unlock()
	return td.paths[path]
}

func (td *tidemark) scrape() string {
	var text strings.Builder
	td.metrics.WritePrometheus(&text)
	return text.String()
}
