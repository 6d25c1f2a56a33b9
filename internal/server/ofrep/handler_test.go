package ofrep

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/internal/server/ofrep/ofreptest"
)

// modified is when the tests' flags changed last.
var modified = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// sets are flags without their controls.
type sets struct {
	Flags
	current atomic.Pointer[map[string]*flag.Set]
}

func (s *sets) Set(environment string) (*flag.Set, bool) {
	set, ok := (*s.current.Load())[environment]
	return set, ok
}

// put makes f the flag of its key in its environment.
func (s *sets) put(f flag.Flag) {
	next := map[string]*flag.Set{}
	for name, set := range *s.current.Load() {
		if name == f.Environment {
			set = set.With(f)
		}
		next[name] = set
	}
	s.current.Store(&next)
}

// open is a gate that lets all in, until it is closed.
type open struct{ closed atomic.Bool }

func (o *open) Enter() bool { return !o.closed.Load() }
func (o *open) Leave()      {}

// served is a Handler that serves over HTTP.
type served struct {
	*Handler
	t       testing.TB
	sets    *sets
	gate    *open
	metrics *metrics.Set
	mux     *http.ServeMux
}

func serve(t testing.TB) *served {
	t.Helper()
	s := &served{t: t, sets: &sets{}, gate: &open{}, metrics: metrics.NewSet()}
	tally := flag.NewTally(s.metrics)
	s.sets.current.Store(&map[string]*flag.Set{
		"production": flag.NewSet("production", ofreptest.Flags(t, "production", modified), time.Now, tally),
		"staging":    flag.NewSet("staging", nil, time.Now, tally),
	})
	s.Handler = New(Options{
		Flags: s.sets, Gate: s.gate, Default: func() string { return "production" }, Prefix: "/mark",
		Ticket: func(context.Context) string { return "" }, MaxEvents: 1000,
	})
	s.mux = http.NewServeMux()
	for _, base := range []string{"", "/environments/{environment}"} {
		s.mux.HandleFunc("POST "+base+"/ofrep/v1/evaluate/flags/{key}", s.Single)
		s.mux.HandleFunc("POST "+base+"/ofrep/v1/evaluate/flags", s.Bulk)
		s.mux.HandleFunc("POST "+base+"/v1/feature/{key}/eval", s.RelayEvaluate)
		s.mux.HandleFunc("POST "+base+"/v1/allflags", s.RelayAll)
		s.mux.HandleFunc("POST "+base+"/v1/flag/configuration", s.Configuration)
		s.mux.HandleFunc("GET "+base+"/v1/flag/change", s.Changes)
		s.mux.HandleFunc("POST "+base+"/v1/data/collector", s.Collect)
	}
	return s
}

// do sends a request; headers are names and values in turn.
func (s *served) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	switch {
	case strings.HasSuffix(path, "/evaluate/flags"):
		ofreptest.Bulk(s.t, w.Code, w.Body.Bytes())
	case strings.Contains(path, "/evaluate/flags/"):
		ofreptest.Single(s.t, w.Code, w.Body.Bytes())
	}
	if w.Code != http.StatusNotModified {
		require.Equal(s.t, "application/json", w.Header().Get("Content-Type"))
	}
	return w
}

func (s *served) scrape() string {
	var text strings.Builder
	s.metrics.WritePrometheus(&text)
	return text.String()
}

func TestSingle(t *testing.T) {
	s := serve(t)
	f := func(key, context, want string) {
		t.Helper()
		w := s.do("POST", "/ofrep/v1/evaluate/flags/"+key, `{"context":`+context+`}`)
		require.Equal(t, 200, w.Code, w.Body)
		require.JSONEq(t, want, w.Body.String())
		again := s.do("POST", "/environments/production/ofrep/v1/evaluate/flags/"+key, `{"context":`+context+`}`)
		require.Equal(t, w.Body.String(), again.Body.String())
	}
	f("banner", `{"targetingKey":"u"}`, `{"key":"banner","value":true,"reason":"STATIC","variant":"on",
		"metadata":{"owner":"web","permanent":true,"weight":3.5,"links":"{\"ticket\":[\"A-1\",\"A-2\"]}"}}`)
	f("colour", `{"targetingKey":"u","beta":true}`, `{"key":"colour","value":"#f00 <b>&\u2028","reason":"TARGETING_MATCH","variant":"red","metadata":{"evaluatedRuleName":"beta"}}`)
	f("colour", `{}`, `{"key":"colour","value":"#00f","reason":"UNKNOWN","variant":"blue"}`)
	f("limit", `{}`, `{"key":"limit","value":5,"reason":"STATIC","variant":"few"}`)
	f("ratio", `{}`, `{"key":"ratio","value":0.25,"reason":"STATIC","variant":"quarter"}`)
	f("layout", `{}`, `{"key":"layout","value":{"columns":3,"names":["a","b"],"deep":{"x":null}},"reason":"STATIC","variant":"wide"}`)
	f("steps", `{}`, `{"key":"steps","value":["one",2,{"three":3}],"reason":"STATIC","variant":"some"}`)
	f("old", `{"targetingKey":"u"}`, `{"key":"old","reason":"DISABLED"}`)

	w := s.do("POST", "/ofrep/v1/evaluate/flags/cohort", `{"context":{"targetingKey":"u"}}`)
	require.Contains(t, w.Body.String(), `"reason":"SPLIT"`)
}

func TestSingleFails(t *testing.T) {
	s := serve(t)
	f := func(status int, key, body, code, detail string, headers ...string) {
		t.Helper()
		w := s.do("POST", key, body, headers...)
		require.Equal(t, status, w.Code, w.Body)
		var got struct{ Key, ErrorCode, ErrorDetails string }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		require.Equal(t, code, got.ErrorCode)
		require.Contains(t, got.ErrorDetails, detail)
		if code != "" {
			require.NotEmpty(t, got.Key)
		}
	}
	const banner, nobody = "/ofrep/v1/evaluate/flags/banner", `{"context":{}}`
	f(404, "/ofrep/v1/evaluate/flags/none", nobody, "FLAG_NOT_FOUND", "")
	f(404, "/ofrep/v1/evaluate/flags/other", nobody, "FLAG_NOT_FOUND", "")
	f(404, "/environments/moon"+banner, nobody, "FLAG_NOT_FOUND", `no environment called "moon"`)
	f(404, "/environments/staging"+banner, nobody, "FLAG_NOT_FOUND", "")
	f(400, "/ofrep/v1/evaluate/flags/cohort", nobody, "TARGETING_KEY_MISSING", "")
	f(400, banner, ``, "PARSE_ERROR", "empty")
	f(400, banner, `{"context":`, "PARSE_ERROR", "not JSON")
	f(400, banner, nobody+`{}`, "PARSE_ERROR", "at byte")
	f(400, banner, `[]`, "PARSE_ERROR", "must be a JSON object")
	f(400, banner, `{}`, "INVALID_CONTEXT", "context is missing")
	f(400, banner, `{"context":null}`, "INVALID_CONTEXT", "context is missing")
	f(400, banner, `{"context":"u"}`, "INVALID_CONTEXT", "context must be an object")
	f(400, banner, `{"context":{"targetingKey":7}}`, "INVALID_CONTEXT", "must be a string")
	f(400, banner, `{"context":{"a":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}}`, "INVALID_CONTEXT", "nested")
	f(415, banner, nobody, "", "must be JSON", "Content-Type", "text/plain")
	f(415, banner, nobody, "", "must be JSON", "Content-Type", "application/x-www-form-urlencoded", "Origin", "https://evil.example")
	f(415, banner, nobody, "", "compressed", "Content-Encoding", "gzip")
	s.gate.closed.Store(true)
	f(429, banner, nobody, "", "try again")
	require.Equal(t, "1", s.do("POST", banner, nobody).Header().Get("Retry-After"))
	s.gate.closed.Store(false)

	for _, kind := range []string{"", "application/json; charset=utf-8", "application/x-www-form-urlencoded", "application/cloudevents+json"} {
		require.Equal(t, 200, s.do("POST", banner, nobody, "Content-Type", kind).Code)
	}
	require.Equal(t, 200, s.do("POST", banner, `{"context":{"text":"{[{[{[{[\"{[{[{["},"more":1}`).Code)
}

// slow is a body that does not end well.
type slow struct{ err error }

func (s slow) Read([]byte) (int, error) { return 0, s.err }

type late struct{ error }

func (late) Timeout() bool { return true }

func TestBodiesThatDoNotArrive(t *testing.T) {
	s := serve(t)
	f := func(status int, body func() io.Reader) {
		t.Helper()
		for _, path := range []string{"/ofrep/v1/evaluate/flags", "/v1/allflags", "/v1/data/collector"} {
			r := httptest.NewRequest("POST", path, body())
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			r.Body = http.MaxBytesReader(w, r.Body, 64)
			s.mux.ServeHTTP(w, r)
			if path != "/v1/data/collector" {
				require.Equal(t, status, w.Code, w.Body)
			}
			require.GreaterOrEqual(t, w.Code, 400)
		}
	}
	f(400, func() io.Reader { return slow{io.ErrUnexpectedEOF} })
	f(408, func() io.Reader { return slow{late{io.ErrNoProgress}} })
	f(413, func() io.Reader { return strings.NewReader(`{"context":{"a":"` + strings.Repeat("x", 100) + `"}}`) })
}
