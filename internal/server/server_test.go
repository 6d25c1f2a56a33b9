package server

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

func TestErrorsOfTheLog(t *testing.T) {
	f := func(err error, status int, detail string) {
		t.Helper()
		s := start(t, func(o *Options) { o.Changes = failing{o.Changes, err} })
		a := s.do("POST", "/api/v1/changes", `{"kind":"deploy"}`)
		p := a.problem(t, status)
		require.Contains(t, p.Detail, detail)
		require.NotContains(t, a.body, "secret")
		if status == 429 || status == 503 {
			require.NotEmpty(t, a.header.Get("Retry-After"))
		}
		line := s.waitLog("request_id=" + p.RequestID)
		require.Contains(t, line, "status="+fmt.Sprint(status))
		if status == 500 {
			require.Contains(t, line, "level=ERROR")
		}
	}
	wrapped := func(code annotate.Code) error {
		return fmt.Errorf("outside: %w", &annotate.Error{Code: code, Message: "a hint", Err: errSecret})
	}
	f(wrapped(annotate.Invalid), 422, "a hint")
	f(wrapped(annotate.NotFound), 404, "a hint")
	f(wrapped(annotate.Conflict), 409, "a hint")
	f(wrapped(annotate.TooMany), 429, "a hint")
	f(wrapped(annotate.Unavailable), 503, "a hint")
	f(wrapped("new"), 500, "under the request_id")
	f(errSecret, 500, "under the request_id")
	f(context.DeadlineExceeded, 503, "in time")
	f(nil, 500, "under the request_id") // it panics
}

func TestAPanicIsLoggedWhole(t *testing.T) {
	s := start(t, func(o *Options) { o.Changes = failing{Changes: o.Changes} })
	s.do("POST", "/api/v1/changes", `{"kind":"deploy"}`)
	line := s.waitLog("the test's own panic")
	require.Contains(t, line, "start_test.go")
	require.Equal(t, uint64(1), s.meters.panics.Get())
	require.Equal(t, 200, s.do("GET", "/-/healthy", "").status)
}

func TestRequestIDs(t *testing.T) {
	s := start(t, nil)
	f := func(given string, kept bool) {
		t.Helper()
		got := s.do("GET", "/-/healthy", "", "X-Request-Id", given).header.Get("X-Request-Id")
		require.Equal(t, kept, got == given, got)
		require.NotEmpty(t, got)
	}
	f("abc-123_x.y:z", true)
	f("", false)
	f("two words", false)
	f(strings.Repeat("x", 65), false)
	f(`"quoted"`, false)
}

func TestAccessLogHidesSecrets(t *testing.T) {
	f := func(query, want string) {
		t.Helper()
		require.Equal(t, want, loggable(query))
	}
	f("kind=deploy&limit=1", "kind=deploy&limit=1")
	f("token=abc&kind=deploy", "[hidden]&kind=deploy")
	f("api_key=abc", "[hidden]")
	f("q=tmk_0123456789abcdef_secret", "[hidden]")
	f("q=%74mk_0123456789abcdef_secret", "[hidden]")
	require.Len(t, loggable(strings.Repeat("x", 5000)), maxLogged)

	s := start(t, nil)
	s.do("GET", "/api/v1/changes?access_token=hunter2", "", "Authorization", "Bearer tmk_hunter3")
	line := s.waitLog("/api/v1/changes")
	require.NotContains(t, line, "hunter")
	for _, key := range []string{"method=GET", "route=/api/v1/changes", "status=401", "bytes=", "took=", "request_id=", "who=", "remote=127.0.0.1"} {
		require.Contains(t, line, key)
	}
}

func TestSecurityHeaders(t *testing.T) {
	s := start(t, nil)
	for _, path := range []string{"/", "/api/v1/changes", "/nothing", "/api/v1/query", "/metrics"} {
		h := s.do("GET", path, "").header
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'", path)
		require.Empty(t, h.Get("Access-Control-Allow-Origin"), path)
	}
	require.Empty(t, s.do("OPTIONS", "/api/v1/changes", "", "Origin", "https://evil.example").header.Get("Access-Control-Allow-Origin"))
}

func TestAForeignPageCannotWriteThroughABrowser(t *testing.T) {
	s := start(t, nil)
	f := func(want int, headers ...string) {
		t.Helper()
		a := s.do("POST", "/api/v1/changes", `{"kind":"deploy"}`, headers...)
		require.Equal(t, want, a.status, a.body)
	}
	f(201)
	f(201, "Origin", s.url)
	f(401, "Origin", "https://evil.example")
	f(401, "Sec-Fetch-Site", "cross-site")
	f(401, "Host", "rebound.example")
	f(401, "X-Forwarded-For", "10.0.0.7")
	require.Equal(t, 200, s.do("GET", "/api/v1/changes", "", "Origin", "https://grafana.example").status)
}
