package server

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPage(t *testing.T) {
	s := start(t, func(o *Options) {
		o.Home = func(context.Context) Home {
			return Home{
				Versions:  []Running{{Service: "web", Environment: "prod", Version: "<v42>", Since: time.Now().Add(-2 * time.Hour)}},
				TargetsUp: 3, TargetsDown: 1,
			}
		}
	})
	require.Contains(t, s.do("GET", "/", "").body, "None yet.")
	s.record(`{"kind":"deploy","title":"<script>alert(1)</script>","who":"Ann & Bob","service":"web"}`)
	a := s.do("GET", "/", "")
	require.Equal(t, 200, a.status)
	require.Equal(t, "text/html; charset=UTF-8", a.header.Get("Content-Type"))
	require.NotContains(t, a.body, "<script>")
	for _, want := range []string{
		"&lt;script&gt;alert(1)", "Ann &amp; Bob", "3 targets up", "1 down", "&lt;v42&gt;", "2 hours ago", "v0-test", "/openapi.json", "/metrics",
	} {
		require.Contains(t, a.body, want)
	}
	require.NotContains(t, a.body, "http://", "nothing comes from elsewhere")
	_, rest, _ := strings.Cut(a.body, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	require.Equal(t, pageStyle, style, "the policy's hash is that of the style as it is sent")

	s = start(t, func(o *Options) { o.Changes = failing{o.Changes, errSecret} })
	a = s.do("GET", "/", "")
	require.Equal(t, 200, a.status)
	require.Contains(t, a.body, "does not answer")
	require.NotContains(t, a.body, "secret")
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f := func(d time.Duration, want string) {
		t.Helper()
		require.Equal(t, want, ago(now.Add(-d), now))
	}
	f(0, "just now")
	f(time.Second, "1 second ago")
	f(90*time.Second, "1 minute ago")
	f(3*time.Hour, "3 hours ago")
	f(49*time.Hour, "2 days ago")
	f(-10*time.Minute, "in 10 minutes")
}
