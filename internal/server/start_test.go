package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
	"github.com/tidemark/tidemark/annotate/flag/control"
	"github.com/tidemark/tidemark/annotate/flag/flagfile"
	"github.com/tidemark/tidemark/internal/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// anyone is where a server listens that others can reach.
const anyone = "0.0.0.0:0"

// running is a server that listens, over a real change log and real tokens.
type running struct {
	*Server
	t      testing.TB
	url    string
	log    *lines
	set    *metrics.Set
	tokens *auth.Tokens
	// authority is the server's, where the test has none of its own.
	authority *auth.Authority
	http      *http.Client
}

// start starts a server; change alters its options first.
func start(t testing.TB, change func(*Options)) *running {
	t.Helper()
	ctx := context.Background()
	dir := t.TempDir()
	r := &running{t: t, log: &lines{}, set: metrics.NewSet()}
	changes, err := changelog.Open(ctx, filepath.Join(dir, "changes.db"), changelog.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, changes.Close()) })
	r.tokens, err = auth.OpenTokens(ctx, filepath.Join(dir, "auth.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.tokens.Close()) })

	o := Options{
		ListenAddress: "127.0.0.1:0",
		Changes:       changes,
		Prometheus: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			fmt.Fprintf(w, "prometheus %s %s %d", r.Method, r.URL.Path, len(body))
		}),
		Flags:           newFlagSets(t),
		FlagEnvironment: func() string { return "production" },
		Federate:        http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "federate") }),
		WriteMetrics:    r.set.WritePrometheus,
		Reload:          func(context.Context) error { return nil },
		Ready:           func() error { return nil },
		Home:            func(context.Context) Home { return Home{} },
		Version:         "v0-test",
		Logger:          slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Metrics:         r.set,
	}
	if log, ok := o.Changes.(*changelog.Log); ok {
		o.FlagFiles = func() []flagfile.Status {
			return []flagfile.Status{{Environment: "production", Path: "flags.yaml", Problems: []string{"flags.yaml:3: new-checkout.defaultRule: is missing"}}}
		}
		o.Hooks = newHooks(t, log, r.set)
		o.FlagControl = newControl(t, log, r.set, control.Settings{Environments: []string{"production"}})
	}
	if change != nil {
		change(&o)
	}
	if o.Authority == nil {
		users, err := auth.OpenUsers(o.WebConfigFile)
		require.NoError(t, err)
		r.authority = auth.NewAuthority(r.tokens, users, auth.Settings{Anonymous: auth.Viewer, Users: map[string]auth.Role{"ann": auth.Operator}}, r.set)
		o.Authority = r.authority
	}
	r.Server, err = New(o)
	require.NoError(t, err)
	require.NoError(t, r.Start(ctx))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		require.NoError(t, r.Stop(ctx))
	})
	_, port, err := net.SplitHostPort(r.Addr().String())
	require.NoError(t, err)
	r.url = "http://127.0.0.1:" + port
	r.http = &http.Client{
		Transport:     &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(r.http.CloseIdleConnections)
	return r
}

// in returns r for a part of the test that has a testing.TB of its own.
func (r *running) in(t testing.TB) *running {
	part := *r
	part.t = t
	return &part
}

// flags are those that the server evaluates.
func (r *running) flags() *flagSets { return r.opts.Flags.(*flagSets) }

// token makes a token and returns its text.
func (r *running) token(name string, role auth.Role) string {
	r.t.Helper()
	text, _, err := r.tokens.Create(context.Background(), name, role, time.Time{})
	require.NoError(r.t, err)
	return text
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request; headers are names and values in turn.
func (r *running) do(method, path, body string, headers ...string) answer {
	r.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, r.url+path, reader)
	require.NoError(r.t, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := r.http.Do(req)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return answer{resp.StatusCode, resp.Header, string(content)}
}

// record records a change and returns it.
func (r *running) record(body string) annotate.Change {
	r.t.Helper()
	a := r.do(http.MethodPost, "/api/v1/changes", body)
	require.Contains(r.t, []int{http.StatusCreated, http.StatusOK}, a.status, a.body)
	return decodeAs[annotate.Change](r.t, a.body)
}

func decodeAs[T any](t testing.TB, body string) T {
	t.Helper()
	var value T
	require.NoError(t, json.Unmarshal([]byte(body), &value), body)
	return value
}

// problem checks that a is problem details in the one form, and returns them.
func (a answer) problem(t testing.TB, status int) Problem {
	t.Helper()
	require.Equal(t, status, a.status, a.body)
	require.Equal(t, "application/problem+json", a.header.Get("Content-Type"), a.body)
	var p Problem
	dec := json.NewDecoder(strings.NewReader(a.body))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&p), a.body)
	require.Equal(t, status, p.Status)
	require.Equal(t, http.StatusText(status), p.Title)
	require.NotEmpty(t, p.Detail)
	require.Equal(t, a.header.Get("X-Request-Id"), p.RequestID)
	return p
}

// lines is a log that a test reads while a server writes it.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// waitLog waits for a line that contains text, since a line is written after
// its answer, and returns it.
func (r *running) waitLog(text string) string {
	r.t.Helper()
	var found string
	require.Eventually(r.t, func() bool {
		for line := range strings.Lines(r.log.String()) {
			if strings.Contains(line, text) {
				found = line
				return true
			}
		}
		return false
	}, 5*time.Second, time.Millisecond, "no line has %q", text)
	return found
}

// failing is a log of changes that is out of order.
type failing struct {
	Changes
	err error
}

func (f failing) Record(context.Context, string, annotate.Report) (annotate.Result, error) {
	if f.err == nil {
		panic("the test's own panic")
	}
	return annotate.Result{}, f.err
}

func (f failing) Newest(context.Context, annotate.Filter, annotate.Per) (annotate.Newest, error) {
	return annotate.Newest{}, f.err
}

func (f failing) List(context.Context, annotate.List) (annotate.Page, error) {
	return annotate.Page{}, f.err
}

var errSecret = errors.New("open /secret/path: permission denied")
