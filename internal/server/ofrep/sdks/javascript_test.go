//go:build e2e

package sdks

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const npm = "testdata/npm"

// details are what an SDK says of an evaluation.
type details struct {
	Value                      any
	Variant, Reason, ErrorCode string
	FlagMetadata               map[string]any
}

// node runs a script with the SDKs, and returns what goes in and what comes out.
func (td *tidemark) node(script string, env ...string) (io.WriteCloser, *bufio.Scanner) {
	td.t.Helper()
	_, err := os.Stat(npm + "/node_modules")
	require.NoError(td.t, err, "OpenFeature's SDKs are not installed; run scripts/install-sdks, as make test does")
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	cmd := exec.CommandContext(ctx, "node", script)
	cmd.Dir = npm
	cmd.Env = append(os.Environ(), append([]string{"TIDEMARK_URL=" + td.url, "TIDEMARK_TOKEN=" + td.token, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1"}, env...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(td.t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(td.t, err)
	require.NoError(td.t, cmd.Start())
	td.t.Cleanup(func() {
		in.Close()
		cancel()
		_ = cmd.Wait()
	})
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	return in, scanner
}

// evaluated runs a script that writes details once.
func (td *tidemark) evaluated(script string) map[string]details {
	td.t.Helper()
	_, out := td.node(script)
	require.True(td.t, out.Scan(), "%s wrote nothing: %v", script, out.Err())
	var all map[string]details
	require.NoError(td.t, json.Unmarshal(out.Bytes(), &all), out.Text())
	require.False(td.t, out.Scan(), "%s ends", script)
	return all
}

// checkTypes checks what every SDK must say of flags of each type.
func checkTypes(t *testing.T, all map[string]details) {
	t.Helper()
	f := func(name, variant, reason string, value any) {
		t.Helper()
		d := all[name]
		require.Empty(t, d.ErrorCode, name)
		require.Equal(t, []any{variant, reason, value}, []any{d.Variant, d.Reason, d.Value}, name)
	}
	f("banner", "on", "STATIC", true)
	f("colour", "red", "TARGETING_MATCH", "#f00 <b>&\u2028")
	f("limit", "few", "STATIC", 5.0)
	f("ratio", "quarter", "STATIC", 0.25)
	f("layout", "wide", "STATIC", map[string]any{"columns": 3.0, "names": []any{"a", "b"}, "deep": map[string]any{"x": nil}})
	f("steps", "some", "STATIC", []any{"one", 2.0, map[string]any{"three": 3.0}})
	require.Equal(t, "SPLIT", all["cohort"].Reason)
	require.Contains(t, []string{"in", "out"}, all["cohort"].Variant)

	require.Equal(t, "FLAG_NOT_FOUND", all["none"].ErrorCode)
	require.Equal(t, "mine", all["none"].Value)
	require.Equal(t, true, all["old"].Value, "the code's own default")
}

func TestServerSDK(t *testing.T) {
	td := start(t)
	all := td.evaluated("server.mjs")
	checkTypes(t, all)
	require.Equal(t, "#00f", all["colourBob"].Value)
	require.Equal(t, "TARGETING_KEY_MISSING", all["cohortNobody"].ErrorCode)
	require.Equal(t, false, all["cohortNobody"].Value)
	require.Equal(t, "TYPE_MISMATCH", all["wrongType"].ErrorCode)
	require.Equal(t, 7.0, all["wrongType"].Value)
	require.Equal(t, map[string]any{"owner": "web", "permanent": true, "weight": 3.5, "links": `{"ticket":["A-1","A-2"]}`}, all["banner"].FlagMetadata)
	require.Positive(t, td.seen(404))
	require.Positive(t, td.seen(400))
	require.Contains(t, td.scrape(), `feature_flag_evaluations_total{environment="production",feature_flag_key="limit",feature_flag_result_variant="few",feature_flag_result_reason="static"} 1`)
}

// said is what a client tells in time.
type said struct {
	Event, Message string
	Flags          []string
	Details        map[string]details
}

// until returns what is said next of an event.
func until(t *testing.T, next func() (said, bool), event string) said {
	t.Helper()
	for {
		s, ok := next()
		require.True(t, ok, "nothing more is said, and %s was waited for", event)
		require.NotEqual(t, "failed", s.Event, s.Message)
		if s.Event == event {
			return s
		}
	}
}

// checkClient checks a web client from its start through a flip.
func (td *tidemark) checkClient(next func() (said, bool)) {
	t := td.t
	t.Helper()
	ready := until(t, next, "ready")
	checkTypes(t, ready.Details)
	require.Equal(t, "DISABLED", ready.Details["old"].Reason)
	require.Equal(t, "TYPE_MISMATCH", ready.Details["wrongType"].ErrorCode)

	td.flip("banner", "off")
	for {
		changed := until(t, next, "changed")
		if changed.Details["banner"].Value == false {
			require.Equal(t, "off", changed.Details["banner"].Variant)
			require.Contains(t, changed.Flags, "banner")
			return
		}
	}
}

// lines returns what a script says, line by line.
func lines(t *testing.T, out *bufio.Scanner) func() (said, bool) {
	return func() (said, bool) {
		if !out.Scan() {
			return said{}, false
		}
		var s said
		require.NoError(t, json.Unmarshal(out.Bytes(), &s), out.Text())
		return s, true
	}
}

func TestWebSDKIsToldOfAFlip(t *testing.T) {
	td := start(t)
	_, out := td.node("web.mjs")
	td.checkClient(lines(t, out))
	require.Positive(t, td.asked("/ofrep/v1/events"))
	require.Positive(t, td.seen(200))
}

func TestWebSDKPolls(t *testing.T) {
	td := start(t)
	_, out := td.node("web.mjs", "POLL_MS=20")
	next := lines(t, out)
	ready := until(t, next, "ready")
	checkTypes(t, ready.Details)
	require.Eventually(t, func() bool { return td.seen(http.StatusNotModified) > 3 }, patience, 10*time.Millisecond,
		"what has not changed is not sent again")
	require.Equal(t, 1, td.seen(http.StatusOK))
	td.flip("banner", "off")
	require.Equal(t, false, until(t, next, "changed").Details["banner"].Value)
	require.Zero(t, td.asked("/ofrep/v1/events"))
}

// site is a web site with a page that evaluates flags, of another origin than
// Tidemark's.
type site struct {
	*httptest.Server
	heard chan said
}

func newSite(t *testing.T) *site {
	s := &site{heard: make(chan said, 100)}
	mux := http.NewServeMux()
	mux.Handle("/npm/", http.StripPrefix("/npm/", http.FileServer(http.Dir(npm))))
	mux.HandleFunc("POST /said", func(w http.ResponseWriter, r *http.Request) {
		var what said
		if err := json.NewDecoder(r.Body).Decode(&what); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.heard <- what
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// next returns what the page says next.
func (s *site) next() (said, bool) {
	select {
	case what := <-s.heard:
		return what, true
	case <-time.After(patience):
		return said{}, false
	}
}

// browse shows the site's page in a real browser.
func (td *tidemark) browse(s *site) {
	td.t.Helper()
	page := s.URL + "/npm/page.html?" + url.Values{"url": {td.url}, "token": {td.token}}.Encode()
	ctx, cancel := context.WithCancel(context.Background())
	browser := exec.CommandContext(ctx, "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--user-data-dir="+td.t.TempDir(), "--remote-debugging-port=0", page)
	browser.WaitDelay = time.Second
	require.NoError(td.t, browser.Start(), "the test needs Chromium; run scripts/install-peers, as make test does")
	td.t.Cleanup(func() {
		cancel()
		_ = browser.Wait()
	})
}

func TestWebSDKInABrowser(t *testing.T) {
	s := newSite(t)
	td := start(t, s.URL)
	td.browse(s)
	td.checkClient(s.next)
	require.Positive(t, td.asked("/ofrep/v1/events"))
}

func TestABrowserKeepsPagesOfOtherOriginsOut(t *testing.T) {
	s := newSite(t)
	td := start(t, "https://another.example")
	td.browse(s)
	what, ok := s.next()
	require.True(t, ok)
	require.Equal(t, "failed", what.Event)
	require.Zero(t, td.seen(http.StatusOK), "it asked first, and was told no")
}

func TestGoFeatureFlagsJavaScriptProvider(t *testing.T) {
	td := start(t)
	all := td.evaluated("goff.mjs")
	checkTypes(t, all)
	require.Equal(t, "STATIC", all["bannerAgain"].Reason, "nothing is kept that a flip might change")
	require.Equal(t, "DISABLED", all["old"].Reason)
	require.Positive(t, td.asked("/v1/feature/layout/eval"))
	require.Positive(t, td.asked("/v1/data/collector"), "what failed is reported at the end")
}
