package server

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	provider "github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/internal/auth"
	"github.com/tidemark/tidemark/internal/server/ofrep"
	"github.com/tidemark/tidemark/internal/server/ofrep/ofreptest"
)

// flagSets are flags without their controls: of production, the default, and staging.
type flagSets struct {
	mu      sync.Mutex
	sets    map[string]*flag.Set
	changed chan struct{} // closed with each change
	// entered, if set, is called where an evaluation asks for its flags.
	entered func()
}

func newFlagSets(t testing.TB) *flagSets {
	t.Helper()
	return &flagSets{changed: make(chan struct{}), sets: map[string]*flag.Set{
		"production": flag.NewSet("production", ofreptest.Flags(t, "production", time.Unix(1771622898, 0)), time.Now, nil),
		"staging":    flag.NewSet("staging", nil, time.Now, nil),
	}}
}

func (s *flagSets) Set(environment string) (*flag.Set, bool) {
	if s.entered != nil {
		s.entered()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	set, ok := s.sets[environment]
	return set, ok
}

func (s *flagSets) Follow(ctx context.Context, environment string, fn func(ofrep.State) error) error {
	for {
		s.mu.Lock()
		set, changed := s.sets[environment], s.changed
		s.mu.Unlock()
		modified := set.Modified.UTC()
		if err := fn(ofrep.State{ETag: environment + modified.Format(time.RFC3339Nano), Modified: modified}); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// flip makes a variation the one that everybody gets.
func (s *flagSets) flip(t testing.TB, key, variation string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.sets["production"]
	f, ok := set.Get(key)
	require.True(t, ok)
	rule := *f.Definition.DefaultRule
	rule.VariationResult = &variation
	f.Definition.DefaultRule, f.Updated = &rule, annotate.At(set.Modified.Add(time.Second))
	s.sets["production"] = set.With(f)
	close(s.changed)
	s.changed = make(chan struct{})
}

const (
	bulkPath = "/ofrep/v1/evaluate/flags"
	nobody   = `{"context":{}}`
)

// evaluate asks for one flag.
func (r *running) evaluate(key string, headers ...string) answer {
	r.t.Helper()
	a := r.do("POST", bulkPath+"/"+key, nobody, append([]string{"Content-Type", "application/json"}, headers...)...)
	ofreptest.Single(r.t, a.status, []byte(a.body))
	return a
}

func TestFlagsAreEvaluated(t *testing.T) {
	s := start(t, nil)
	require.Equal(t, 200, s.evaluate("banner").status)
	require.Equal(t, 404, s.evaluate("none").status)
	require.Contains(t, s.evaluate("none%2Fof%20these").body, `"key":"none/of these"`)
	require.Equal(t, 404, s.do("POST", "/environments/moon"+bulkPath+"/banner", nobody).status)
	require.Equal(t, 200, s.do("POST", "/environments/staging"+bulkPath, nobody).status)
	require.Equal(t, 200, s.do("POST", "/v1/allflags", `{"user":{"key":"u"}}`).status)
	a := s.do("POST", bulkPath, nobody)
	ofreptest.Bulk(t, a.status, []byte(a.body))
	a = s.do("POST", bulkPath, nobody, "If-None-Match", a.header.Get("ETag"))
	require.Equal(t, http.StatusNotModified, a.status)
	require.Empty(t, a.body)
	require.Equal(t, 405, s.do("GET", bulkPath, "").status)
}

func TestRefusalsOfEvaluationsAreInTheirCallersForm(t *testing.T) {
	s := start(t, func(o *Options) {
		o.Authority = nil
		o.Limits.EvaluationBytes, o.Limits.CollectBytes = 100, 200
	})
	large := `{"context":{"a":"` + strings.Repeat("x", 300) + `"}}`
	f := func(status int, key, path, body string, headers ...string) {
		t.Helper()
		a := s.do("POST", path, body, headers...)
		require.Equal(t, status, a.status, a.body)
		require.Equal(t, "application/json", a.header.Get("Content-Type"))
		var got map[string]any
		require.NoError(t, json.Unmarshal([]byte(a.body), &got))
		require.NotEmpty(t, got[key], a.body)
		require.NotEmpty(t, a.header.Get("X-Request-Id"))
	}
	wrong := []string{"Authorization", "Bearer tmk_wrong"}
	f(401, "errorDetails", bulkPath, nobody, wrong...)
	f(401, "errorDetails", bulkPath+"/banner", nobody, wrong...)
	f(401, "message", "/v1/allflags", nobody, wrong...)
	f(413, "errorDetails", bulkPath+"/banner", large)
	f(413, "message", "/v1/allflags", large)
	f(413, "message", "/v1/data/collector", `{"events":[],"meta":`+large+`}`)
	require.Contains(t, s.do("POST", bulkPath, nobody, wrong...).header.Get("WWW-Authenticate"), "Bearer")
}

func TestEvaluationsAreBounded(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	var first sync.Once
	s := start(t, func(o *Options) {
		o.Limits.Evaluations = 1
		o.Flags.(*flagSets).entered = func() {
			first.Do(func() {
				close(inside)
				<-release
			})
		}
	})
	done := make(chan answer)
	go func() { done <- s.evaluate("banner") }()
	<-inside
	a := s.evaluate("banner")
	require.Equal(t, http.StatusTooManyRequests, a.status)
	require.Equal(t, "1", a.header.Get("Retry-After"))
	require.Equal(t, 200, s.do("GET", "/api/v1/changes", "").status, "others have turnstiles of their own")

	// OpenFeature's own client takes it for what it is, and the code's default.
	require.NoError(t, openfeature.SetNamedProviderAndWait(t.Name(), provider.NewProvider(s.url)))
	ann := openfeature.NewEvaluationContext("ann", nil)
	details, err := openfeature.NewClient(t.Name()).BooleanValueDetails(t.Context(), "banner", true, ann)
	require.ErrorContains(t, err, "rate limit")
	require.True(t, details.Value)
	close(release)
	require.Equal(t, 200, (<-done).status)
	require.Equal(t, 200, s.evaluate("banner").status)
}

func TestAPanicOfAnEvaluationIsAnAnswer(t *testing.T) {
	s := start(t, func(o *Options) { o.Flags.(*flagSets).entered = func() { panic("the test's own panic") } })
	a := s.evaluate("banner")
	require.Equal(t, 500, a.status)
	require.Contains(t, a.body, "request_id")
	require.Empty(t, s.evaluations.inside)
}

func TestWhoMayEvaluate(t *testing.T) {
	k := func(o *Options) { o.ListenAddress = anyone }
	s := start(t, k)
	shop := s.token("shop", auth.Evaluator)
	require.Equal(t, 200, s.evaluate("banner").status, "anonymous callers are viewers")
	for _, headers := range [][]string{{"Authorization", "Bearer " + shop}, {"X-API-Key", shop}} {
		require.Equal(t, 200, s.evaluate("banner", headers...).status)
		require.Equal(t, 403, s.do("POST", "/v1/flag/configuration", "", headers...).status, "a definition says whom a flag is for")
		s.do("GET", "/api/v1/changes", "", headers...).problem(t, 403)
		s.do("POST", "/api/v1/changes", `{"kind":"deploy"}`, headers...).problem(t, 403)
		s.do("GET", "/metrics", "", headers...).problem(t, 403)
	}
	s.authority.Apply(auth.Settings{Anonymous: auth.None})
	a := s.evaluate("banner")
	require.Equal(t, 401, a.status)
	require.Contains(t, a.body, "role evaluator")
	require.Equal(t, 200, s.evaluate("banner", "X-API-Key", shop).status)
	require.Equal(t, 401, s.do("GET", "/ofrep/v1/events", "").status)
}

// flagFollower reads the events of flags.
type flagFollower struct {
	follower
}

func (r *running) followFlags(t *testing.T, path string, headers ...string) *flagFollower {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", r.url+path, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := r.http.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	f := &flagFollower{follower{t, resp, bufio.NewScanner(resp.Body)}}
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, "text/event-stream; charset=utf-8", resp.Header.Get("Content-Type"))
	require.Equal(t, []string{"retry: 2000", ": follows the flags"}, f.next())
	return f
}

// event returns the next event's id and entity tag.
func (f *flagFollower) event() (id, etag string) {
	f.t.Helper()
	lines := f.next()
	require.Len(f.t, lines, 3)
	require.Equal(f.t, "event: message", lines[1])
	data := strings.TrimPrefix(lines[2], "data: ")
	ofreptest.Event(f.t, []byte(data))
	got := decodeAs[struct{ Type, ETag string }](f.t, data)
	require.Equal(f.t, "refetchEvaluation", got.Type)
	return strings.TrimPrefix(lines[0], "id: "), got.ETag
}

func TestFlagsAreFollowed(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.KeepAlive = time.Millisecond })
	f := s.followFlags(t, "/ofrep/v1/events", "Accept-Encoding", "gzip")
	skip := func(f *flagFollower) (id, etag string) {
		for {
			lines := f.next()
			if len(lines) == 3 {
				return strings.TrimPrefix(lines[0], "id: "), lines[2]
			}
			require.Equal(t, []string{": keep-alive"}, lines)
		}
	}
	id, _ := skip(f)
	s.flags().flip(t, "banner", "off")
	next, _ := skip(f)
	require.NotEqual(t, id, next)
}

func TestFollowersResume(t *testing.T) {
	s := start(t, nil)
	f := s.followFlags(t, "/environments/production/ofrep/v1/events")
	id, etag := f.event()
	require.Equal(t, id, etag)
	require.Equal(t, int64(1771622898), s.flags().sets["production"].Modified.Unix())

	same := s.followFlags(t, "/ofrep/v1/events", lastEventID, id)
	s.flags().flip(t, "banner", "off")
	newer, _ := same.event()
	require.NotEqual(t, id, newer, "who has seen the flags as they are hears of the next change alone")
	again, _ := s.followFlags(t, "/ofrep/v1/events", lastEventID, id).event()
	require.Equal(t, newer, again, "who has seen older ones hears at once")

	a := s.do("GET", "/environments/moon/ofrep/v1/events", "")
	require.Equal(t, 404, a.status)
	require.Contains(t, a.body, "no environment")
}

func TestFollowersShowATicket(t *testing.T) {
	s := start(t, func(o *Options) { o.ListenAddress = anyone })
	s.authority.Apply(auth.Settings{Anonymous: auth.None})
	shop := s.token("shop", auth.Evaluator)
	a := s.do("POST", bulkPath, nobody, "Authorization", "Bearer "+shop)
	streams := decodeAs[struct {
		EventStreams []struct{ Endpoint struct{ RequestURI string } }
	}](t, a.body)
	path := streams.EventStreams[0].Endpoint.RequestURI
	require.Contains(t, path, "?ticket=")
	require.NotContains(t, a.body, shop)
	f := s.followFlags(t, path)
	f.event()
	f.resp.Body.Close()
	require.Contains(t, s.waitLog("path=/ofrep/v1/events"), "query=[hidden]")

	ticket := path[strings.Index(path, "?"):]
	require.Equal(t, 401, s.do("POST", bulkPath+ticket, nobody).status, "a ticket follows, and no more")
	require.Equal(t, 401, s.do("GET", "/api/v1/changes"+ticket, "").status)
	require.Equal(t, 401, s.do("GET", "/ofrep/v1/events?ticket=x.y", "").status)
	require.NoError(t, s.tokens.Revoke(context.Background(), "shop"))
	require.Equal(t, 401, s.do("GET", path, "").status)
}

func TestFollowersAreBoundedAndEnd(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.Followers = 1 })
	f := s.followFlags(t, "/ofrep/v1/events")
	f.event()
	a := s.do("GET", "/ofrep/v1/events", "")
	require.Equal(t, http.StatusTooManyRequests, a.status)
	require.NotEmpty(t, a.header.Get("Retry-After"))
	s.follow(t, "")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	require.NoError(t, s.Stop(ctx))
	require.Nil(t, f.next(), "the stream ends, and ends in order")
	require.NoError(t, f.scan.Err())
}

func TestPagesOfOtherOrigins(t *testing.T) {
	const shop, evil = "https://shop.example", "https://evil.example"
	s := start(t, nil)
	json := []string{"Content-Type", "application/json"}
	f := func(want, method, path, origin string) http.Header {
		t.Helper()
		body := ""
		if method == "POST" {
			body = nobody
		}
		a := s.do(method, path, body, append(json, "Origin", origin)...)
		require.Equal(t, want, a.header.Get("Access-Control-Allow-Origin"))
		require.Empty(t, a.header.Get("Access-Control-Allow-Credentials"))
		return a.header
	}
	f("", "POST", bulkPath, shop) // off by default
	f("", "OPTIONS", bulkPath, shop)

	s.AllowOrigins([]string{"https://SHOP.example/", "http://localhost:3000"})
	h := f(shop, "POST", bulkPath, shop)
	require.Contains(t, h.Values("Vary"), "Origin")
	require.Contains(t, h.Get("Access-Control-Expose-Headers"), "ETag")
	h = f(shop, "OPTIONS", bulkPath+"/banner", shop)
	require.Equal(t, "POST", h.Get("Access-Control-Allow-Methods"))
	for _, name := range []string{"Content-Type", "Authorization", "X-API-Key", "If-None-Match", "Last-Event-ID", "Cache-Control"} {
		require.Contains(t, h.Get("Access-Control-Allow-Headers"), name)
	}
	require.Equal(t, "GET", f("http://localhost:3000", "OPTIONS", "/environments/staging/ofrep/v1/events", "http://localhost:3000").Get("Access-Control-Allow-Methods"))
	h = f("", "POST", bulkPath, evil)
	require.Contains(t, h.Values("Vary"), "Origin")
	f("", "OPTIONS", bulkPath, evil)
	f("", "POST", bulkPath, "null")
	require.Contains(t, s.do("POST", bulkPath, nobody).header.Values("Vary"), "Origin")

	// A page must be able to read why it is refused.
	a := s.do("POST", bulkPath, nobody, append(json, "Origin", shop, "Authorization", "Bearer tmk_wrong")...)
	require.Equal(t, 401, a.status)
	require.Equal(t, shop, a.header.Get("Access-Control-Allow-Origin"))

	// What may be evaluated from elsewhere opens nothing else.
	f("", "GET", "/api/v1/changes", shop)
	f("", "OPTIONS", "/api/v1/changes", shop)
	require.Equal(t, 401, s.do("POST", "/api/v1/changes", `{"kind":"deploy"}`, "Origin", shop).status)

	s.AllowOrigins([]string{"*"})
	f("*", "POST", bulkPath, evil)
	f("*", "OPTIONS", bulkPath, evil)
	s.AllowOrigins(nil)
	f("", "POST", bulkPath, shop)
}
