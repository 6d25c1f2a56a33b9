package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/runlog"
	"github.com/tidemark/tidemark/annotate/secret"
)

const (
	testRun   = "0198c0de-0000-7000-8000-000000000001"
	otherRun  = "0198c0de-0000-7000-8000-000000000002"
	testToken = "t0ken-that-nobody-sees"
)

var testStarted = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// fake is a server with an answer for each request, by method and path.
type fake struct {
	*httptest.Server
	t        *testing.T
	mu       sync.Mutex
	routes   map[string][]http.HandlerFunc // the last one stays
	requests []request
}

// request is one that a fake was asked: its method and URL, and what came with it.
type request struct {
	asked, body string
	header      http.Header
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, routes: map[string][]http.HandlerFunc{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// on has the answers given to a route, one after the other.
func (f *fake) on(route string, answers ...http.HandlerFunc) *fake {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.routes[route] = append(f.routes[route], answers...)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.requests = append(f.requests, request{r.Method + " " + r.URL.RequestURI(), string(body), r.Header})
	route := r.Method + " " + r.URL.EscapedPath()
	answers := f.routes[route]
	if len(answers) > 1 {
		f.routes[route] = answers[1:]
	}
	f.mu.Unlock()
	if len(answers) == 0 {
		http.Error(w, `{"message": "Not Found"}`, http.StatusNotFound)
		return
	}
	answers[0](w, r)
}

// posted is the body of the last request with this beginning, and how many there were.
func (f *fake) posted(start string) (body string, count int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if strings.HasPrefix(r.asked, start) {
			body, count = r.body, count+1
		}
	}
	return body, count
}

// request is the one that was asked as number i.
func (f *fake) request(i int) request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[i]
}

// says is an answer of JSON, or text where body does not begin like a document.
func says(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if strings.HasPrefix(body, "{") || strings.HasPrefix(body, "[") {
			w.Header().Set("Content-Type", "application/json")
		}
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// hangsUp ends the connection without an answer.
func hangsUp(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

// waits records how long a driver would have waited, and does not.
type waits struct{ d []time.Duration }

func (w *waits) remote() Remote {
	return Remote{
		Now: func() time.Time { return testStarted.Add(time.Hour) },
		Wait: func(ctx context.Context, d time.Duration) error {
			w.d = append(w.d, d)
			if len(w.d) > 100 {
				return errors.New("it waits for ever")
			}
			return ctx.Err()
		},
	}
}

func testRemote() Remote { return (&waits{}).remote() }

func remoteJob(t *testing.T) Job {
	folder := t.TempDir()
	return Job{
		Run: deploy.Run{
			ID: testRun, Service: "shop", Environment: "production",
			Version: "1.4.2", PreviousVersion: "1.4.1", Parameters: map[string]string{"region": "eu"},
			Reason: "fix \"it\"\n/now", Who: &annotate.Who{Name: "Ada"}, Started: annotate.At(testStarted),
		},
		Folder: folder, Log: runlog.File{Path: filepath.Join(folder, "log")},
	}
}

func began(job Job, id string) Job {
	job.Ref = deploy.Ref{ID: id}
	return job
}

func logged(t *testing.T, job Job) string {
	text, err := job.Log.Read(0, 1<<20)
	require.NoError(t, err)
	return string(text)
}

// testBegin holds for every driver: what it makes of answers to the request that
// begins a deploy. Each is made for a server; route is that request.
func testBegin(t *testing.T, route string, prepare func(*fake), driver func(url string) Driver) {
	for _, test := range []struct {
		name      string
		answer    http.HandlerFunc
		uncertain bool
		message   string
	}{
		{"refused", says(422, `{"message": "no such branch for `+testToken+`"}`), false, "no such branch for ***"},
		{"not allowed", says(403, `{"error": "forbidden"}`), false, "forbidden"},
		{"not there", says(404, `{"message": {"base": ["Reference not found"]}}`), false, "Reference not found"},
		{"too many", says(429, "slow down", "Retry-After", "7"), false, "slow down"},
		{"elsewhere", says(307, "", "Location", "https://other.example/x"), false, "https://other.example"},
		{"an unclear redirect", says(302, "", "Location", "/elsewhere"), true, "redirects"},
		{"failed", says(500, "oops"), true, "500"},
		{"bad gateway", says(502, "<html>nginx</html>"), true, "502"},
		{"unavailable", says(503, ""), true, "503"},
		{"gateway timeout", says(504, ""), true, "504"},
		{"hung up", hangsUp, true, "EOF"},
	} {
		t.Run("begin "+test.name, func(t *testing.T) {
			f := newFake(t)
			prepare(f)
			f.on(route, test.answer)
			ref, err := driver(f.URL).Begin(t.Context(), remoteJob(t))
			require.Error(t, err)
			require.Zero(t, ref)
			require.Equal(t, test.uncertain, errors.Is(err, ErrUncertain), "%s", err)
			require.Equal(t, !test.uncertain, strings.Contains(err.Error(), "nothing was begun"), "%s", err)
			require.ErrorContains(t, err, test.message)
			require.NotContains(t, err.Error(), testToken)
			_, count := f.posted(route)
			require.Equal(t, 1, count, "it is asked once")
		})
	}
	t.Run("begin without a server", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		listener.Close()
		_, err = driver("http://"+listener.Addr().String()).Begin(t.Context(), remoteJob(t))
		require.Error(t, err)
		require.NotErrorIs(t, err, ErrUncertain)
	})
	t.Run("begin is given up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f := newFake(t)
		prepare(f)
		f.on(route, func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		})
		_, err := driver(f.URL).Begin(ctx, remoteJob(t))
		require.ErrorIs(t, err, ErrUncertain)
	})
}

func TestCredentialsStayWithTheirServer(t *testing.T) {
	other := newFake(t).on("GET /log", says(200, "the log"))
	f := newFake(t).on("GET /log", says(302, "", "Location", other.URL+"/log"))
	s, err := testRemote().open(f.URL, secret.Value(testToken), func(h http.Header, token string) { h.Set("Private-Token", token) })
	require.NoError(t, err)
	defer s.close()
	s.header.Set("X-Key", "k")
	var text strings.Builder
	_, err = s.text(t.Context(), f.URL+"/log", &text)
	require.NoError(t, err)
	require.Equal(t, "the log", text.String())
	a, err := s.get(t.Context(), call{url: f.URL + "/log"})
	require.NoError(t, err)
	require.Equal(t, "the log", string(a.body))
	require.Equal(t, testToken, f.request(0).header.Get("Private-Token"))
	require.Equal(t, "k", f.request(1).header.Get("X-Key"))
	for i := range 2 {
		require.Empty(t, other.request(i).header.Get("Private-Token"))
		require.Empty(t, other.request(i).header.Get("X-Key"))
	}

	f.on("GET /circle", says(302, "", "Location", "/circle"))
	_, err = s.get(t.Context(), call{url: f.URL + "/circle"})
	require.ErrorContains(t, err, "redirects more than 5 times")
	f.on("GET /long", says(200, strings.Repeat("x", maxAnswer+1)))
	_, err = s.get(t.Context(), call{url: f.URL + "/long"})
	require.ErrorContains(t, err, "more than 1048576 bytes")
}

func TestWhatIsUnchangedIsNotSentAgain(t *testing.T) {
	f := newFake(t).on("GET /run", says(200, `{"n": 1}`, "ETag", `"a"`), says(304, ""))
	s, err := testRemote().open(f.URL, secret.Secret{}, bearer)
	require.NoError(t, err)
	defer s.close()
	for range 2 {
		var v struct{ N int }
		_, err := s.json(t.Context(), f.URL+"/run", &v)
		require.NoError(t, err)
		require.Equal(t, 1, v.N)
	}
	require.Equal(t, `"a"`, f.request(1).header.Get("If-None-Match"))
}

func TestRetryAfter(t *testing.T) {
	now := testStarted
	f := func(header string, want time.Duration) {
		t.Helper()
		require.Equal(t, want, retryAfter(header, now))
	}
	f("", 0)
	f("7", 7*time.Second)
	f("-7", 0)
	f("99999999999", maxRetryAfter)
	f(now.Add(time.Minute).Format(http.TimeFormat), time.Minute)
	f("soon", 0)
	again, limited := limit(403, http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {fmt.Sprint(now.Unix() + 90)}}, now)
	require.True(t, limited)
	require.Equal(t, 90*time.Second, again)
	_, limited = limit(403, http.Header{}, now)
	require.False(t, limited)
}

func TestABrokenMemoryIsForgotten(t *testing.T) {
	folder := t.TempDir()
	m := recall(folder)
	require.True(t, m.is("a", "b"))
	require.False(t, m.is("a", "b"))
	require.NoError(t, m.keep())
	require.Equal(t, "b", recall(folder).Said["a"])
	require.NoError(t, os.WriteFile(m.path, []byte(`{"said": `), 0o600))
	require.Empty(t, recall(folder).Said)
}

func TestABeginningHasItsOwnConnection(t *testing.T) {
	var from sync.Map
	remember := func(w http.ResponseWriter, r *http.Request) {
		_, seen := from.LoadOrStore(r.RemoteAddr, true)
		fmt.Fprint(w, seen)
	}
	f := newFake(t).on("GET /", remember).on("POST /", remember)
	s, err := Remote{}.open(f.URL, secret.Secret{}, bearer)
	require.NoError(t, err)
	defer s.close()
	for range 3 {
		_, err := s.get(t.Context(), call{url: f.URL + "/"})
		require.NoError(t, err)
		a, err := s.begin(t.Context(), call{method: http.MethodPost, url: f.URL + "/"})
		require.NoError(t, err)
		require.Equal(t, "false", string(a.body))
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := newFake(t).on("GET /run", func(w http.ResponseWriter, r *http.Request) {
		cancel()
		fmt.Fprint(w, `{"state": "busy"}`)
	})
	h := &HTTP{URL: deploy.Template(f.URL), Status: &HTTPStatus{URL: deploy.Template(f.URL + "/run"), Field: "state"}}
	_, err := h.Follow(ctx, remoteJob(t))
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, Remote{}.wait(t.Context(), 1))
}

func TestDriversHaveTheNamesOfTheConfiguration(t *testing.T) {
	names := []string{}
	for _, d := range []Driver{&HTTP{}, &GitHub{}, &GitLab{}, &Jenkins{}, &ArgoCD{}} {
		names = append(names, d.Name())
	}
	require.Equal(t, []string{"http", "github", "gitlab", "jenkins", "argocd"}, names)
}

func TestWhatARedirectLeavesOpen(t *testing.T) {
	f := func(status int, location string, want bool) {
		t.Helper()
		from := &url.URL{Scheme: "http", Host: "ci.example", Path: "/deploy"}
		a := &answer{status: status, header: http.Header{"Location": {location}}, url: from}
		require.Equal(t, want, a.mayHaveBegun())
	}
	f(301, "https://ci.example/deploy", false)
	f(301, "https://ci.example/runs/1", true)
	f(303, "/runs/1", true)
	f(302, "", true)
	f(302, "mailto:x", true)
	f(307, "/other", false)
	f(308, "/other", false)
	f(400, "", false)
	f(501, "", false)
	f(500, "", true)
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"message": {"base": ["Reference not found"]}}`), "application/json", "s3cret")
	f.Add([]byte(`{"errors": [{"code": "x"}], "error": null}`), "text/plain; charset", "")
	f.Add([]byte("\x1b[31m\xff no "), "", "no")
	f.Fuzz(func(t *testing.T, body []byte, kind, secret string) {
		text := shorten(message(&answer{header: http.Header{"Content-Type": {kind}}, body: body}), secret)
		require.True(t, utf8.ValidString(text))
		require.LessOrEqual(t, len(text), maxMessage+len("…"))
		require.Equal(t, -1, strings.IndexFunc(text, unicode.IsControl))
	})
}
