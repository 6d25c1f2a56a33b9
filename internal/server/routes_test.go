package server

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/internal/auth"
)

// pathOf fills the parameters of a route.
func pathOf(r *route) string {
	path := strings.ReplaceAll(r.path, "{id}", "0192f0c0-0000-7000-8000-000000000000")
	return strings.ReplaceAll(path, "*", "status/config")
}

func TestNobodyWritesWithoutAToken(t *testing.T) {
	s := start(t, func(o *Options) { o.ListenAddress = anyone })
	foreign := s.token("wall", auth.Viewer)
	operator := s.token("ci", auth.Operator)
	for _, r := range s.table() {
		path := pathOf(r)
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			if r.class.goesOn() && r.need <= auth.Viewer {
				return // it would go on; its own tests read it
			}
			s := s.in(t)
			a := s.do(r.method, path, "")
			if r.need > auth.Viewer {
				require.Equal(t, http.StatusUnauthorized, a.status)
				require.Contains(t, a.body, "tidemark token create")
				require.Contains(t, a.header.Get("WWW-Authenticate"), "Bearer")
				low := s.do(r.method, path, "", "Authorization", "Bearer "+foreign)
				require.Equal(t, http.StatusForbidden, low.status)
				if r.refusal == nil { // others have a form of their own for problems
					a.problem(t, http.StatusUnauthorized)
					low.problem(t, http.StatusForbidden)
				}
			} else {
				require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, a.status, a.body)
				require.Less(t, a.status, 500, a.body)
			}
			if r.need > auth.Operator {
				s.do(r.method, path, "", "Authorization", "Bearer "+operator).problem(t, http.StatusForbidden)
			}
			if r.need > auth.None {
				a := s.do(r.method, path, "", "Authorization", "Bearer tmk_wrong")
				require.Equal(t, http.StatusUnauthorized, a.status, "wrong credentials never become anonymous")
			}
			if r.need <= auth.Viewer {
				require.True(t, r.secret || r.class != writing && r.class != pushing, "a route that writes asks for an operator, or for a secret")
			}
		})
	}
}

func TestWhatIsNotInTheTableIsRefused(t *testing.T) {
	s := start(t, func(o *Options) { o.ListenAddress = anyone })
	admin := "Bearer " + s.token("boss", auth.Admin)
	f := func(method, path string, want int) {
		t.Helper()
		a := s.do(method, path, "", "Authorization", admin)
		a.problem(t, want)
		if want == http.StatusMethodNotAllowed {
			require.NotEmpty(t, a.header.Get("Allow"))
		}
	}
	f("GET", "/nothing", 404)
	f("POST", "/nothing", 404)
	f("GET", "/api", 404)
	f("DELETE", "/api/v1/changes", 405)
	f("PUT", "/api/v1/changes", 405)
	f("DELETE", "/api/v1/changes/0192f0c0-0000-7000-8000-000000000000", 405)
	f("GET", "/-/reload", 405)
	f("POST", "/metrics", 405)
	f("POST", "/api/v1/a_new_endpoint", 405)
	f("DELETE", "/api/v1/series", 405)
	f("PATCH", "/api/v1/query", 405)
	f("POST", "/api/v1/admin/tsdb/new", 405)
	f("GET", "/api/v1/changes/a/b/c", 404)
	f("GET", "/api/v1/changes/", 404)
}

func TestPrometheusIsMounted(t *testing.T) {
	s := start(t, nil)
	f := func(method, path, want string) {
		t.Helper()
		a := s.do(method, path, "")
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, want, a.body)
	}
	f("GET", "/api/v1/query?query=up", "prometheus GET /query 0")
	f("POST", "/api/v1/query", "prometheus POST /query 0")
	f("GET", "/api/v1/label/job/values", "prometheus GET /label/job/values 0")
	f("POST", "/api/v1/write", "prometheus POST /write 0")
	f("GET", "/federate", "federate")
}

func TestEveryOwnRouteIsDocumentedAndTheOtherWayRound(t *testing.T) {
	s := start(t, nil)
	a := s.do("GET", "/openapi.json", "")
	require.Equal(t, "application/openapi+json", a.header.Get("Content-Type"))
	doc := decodeAs[struct {
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}](t, a.body)

	documented, registered := map[string]bool{}, map[string]bool{}
	for path, item := range doc.Paths {
		for method := range item {
			documented[strings.ToUpper(method)+" "+path] = true
		}
	}
	for _, r := range s.table() {
		own := slices.ContainsFunc([]string{changesPath, "/api/v1/flag", hooksPath, "/hooks/"}, func(prefix string) bool { return strings.HasPrefix(r.path, prefix) })
		grafanas := strings.HasPrefix(r.path, "/api/annotations") // which documents them itself
		if own || r.refusal != nil && !grafanas {
			registered[r.method+" "+r.path] = true
		}
	}
	require.Equal(t, registered, documented)
	require.NotContains(t, a.body, "ErrorModel")
	require.NotContains(t, a.body, "$schema")
	for reference := range strings.SplitSeq(a.body, `"$ref":"`+schemaPrefix) {
		name, _, _ := strings.Cut(reference, `"`)
		if name != "{" && !strings.HasPrefix(reference, "{") {
			require.Contains(t, doc.Components.Schemas, name)
		}
	}
	for _, name := range []string{"from", "label.NAME", "limit", "cursor", "last_event_id", "Last-Event-ID", "per", "at", "resolution"} {
		require.Contains(t, a.body, `"name":"`+name+`"`)
	}
}

func TestUnderAnExternalPath(t *testing.T) {
	s := start(t, func(o *Options) {
		u := mustURL("https://tide.example/mark/")
		o.ExternalURL = u
	})
	for path, to := range map[string]string{"/": "/mark/", "/mark": "/mark/"} {
		a := s.do("GET", path, "")
		require.Equal(t, http.StatusFound, a.status)
		require.Equal(t, to, a.header.Get("Location"))
	}
	require.Contains(t, s.do("GET", "/mark/", "").body, `href="/mark/api/v1/changes"`)
	require.Equal(t, "prometheus GET /query 0", s.do("GET", "/mark/api/v1/query", "").body)
	s.do("GET", "/api/v1/query", "").problem(t, 404)
	s.do("GET", "/marked/-/healthy", "").problem(t, 404)
	require.Equal(t, 200, s.do("GET", "/mark/-/healthy", "").status)

	a := s.do("POST", "/mark/api/v1/changes", `{"kind":"deploy"}`)
	require.Equal(t, 201, a.status, a.body)
	require.Equal(t, 200, s.do("GET", a.header.Get("Location"), "").status)
	require.Contains(t, s.do("GET", "/mark/openapi.json", "").body, `"servers":[{"url":"/mark"}]`)
}

func TestOperating(t *testing.T) {
	trouble := error(nil)
	s := start(t, func(o *Options) {
		o.Ready = func() error { return trouble }
	})
	require.Equal(t, 200, s.do("GET", "/-/healthy", "").status)
	require.Equal(t, 200, s.do("HEAD", "/-/healthy", "").status)
	require.Equal(t, 200, s.do("GET", "/-/ready", "").status)
	require.Equal(t, 200, s.do("HEAD", "/-/ready", "").status)
	require.Equal(t, 200, s.do("POST", "/-/reload", "").status)
	require.Equal(t, 200, s.do("PUT", "/-/reload", "").status)
	trouble = io.ErrUnexpectedEOF
	a := s.do("GET", "/-/ready", "")
	require.Equal(t, 503, a.status)
	require.Contains(t, a.body, "unexpected EOF")

	a = s.do("GET", "/metrics", "")
	require.Equal(t, 200, a.status)
	require.Contains(t, a.body, `tidemark_http_requests_total{method="GET",route="/-/ready",code="503"} 1`)
	require.Contains(t, a.body, `tidemark_http_request_duration_seconds_bucket{method="GET",route="/-/healthy",le="+Inf"} 1`)
	require.Contains(t, a.body, `tidemark_http_inside_max{limit="writes"} 256`)
	require.Empty(t, s.do("HEAD", "/metrics", "").body)
}
