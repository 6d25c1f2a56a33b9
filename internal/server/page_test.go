package server

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
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
	require.NotContains(t, a.body, "=\"http", "nothing comes from elsewhere")
	_, rest, _ := strings.Cut(a.body, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	hash := sha256.Sum256([]byte(style))
	require.Contains(t, a.header.Get("Content-Security-Policy"), "'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"'",
		"the policy's hash is that of the style as it is sent")

	s = start(t, func(o *Options) { o.Changes = failing{o.Changes, errSecret} })
	a = s.do("GET", "/", "")
	require.Equal(t, 200, a.status)
	require.Contains(t, a.body, "does not answer")
	require.NotContains(t, a.body, "secret")
}

func TestPageOfOneChange(t *testing.T) {
	s := start(t, nil)
	id := s.record(`{"kind":"deploy","service":"web","environment":"prod","who":"Ann & Bob","version":"v42","previous_version":"v41",
		"start":"2026-01-02T03:04:05Z","status":"running","text":"two\nlines <b>","risk":"carts","contingency":"roll back","commit":"c0ffee",
		"flag":{"key":"new-cart","from":false,"to":"on"},"labels":{"region":"eu"},"expect":[{"expr":"up","direction":"same","within":"10m","note":"no harm"}],
		"links":[{"rel":"diff","title":"the diff","href":"https://git.example/d/1"}],"evidence":[{"source":"ci","time":"2026-01-02T03:04:06Z","text":"started"}]}`).ID
	a := s.do("GET", "/changes/"+id, "")
	require.Equal(t, 200, a.status)
	for _, want := range []string{
		"deploy web v42", "running", "Ann &amp; Bob", "v41 → v42", "two\nlines &lt;b&gt;", "carts", "roll back", "c0ffee", "new-cart</code>: false → on", "region", "eu",
		"same within 10m: no harm", `<a href="https://git.example/d/1" rel="noreferrer">the diff</a>`, "ci: started", "2026-01-02 03:04:05 UTC", "tidemark change finish " + id,
		"What the log was told",
	} {
		require.Contains(t, a.body, want)
	}

	s.do("PATCH", "/api/v1/changes/"+id, `{"status":"failed","end":"2026-01-02T03:09:05Z"}`)
	a = s.do("GET", "/changes/"+id, "")
	require.Contains(t, a.body, "after 5 minutes")
	require.Contains(t, a.body, `class="failed"`)
	require.NotContains(t, a.body, "change finish", "what is over need not be finished")

	a = s.do("GET", "/changes/018f0000-0000-7000-8000-000000000000", "")
	require.Equal(t, 404, a.status)
	require.Contains(t, a.body, "the log has no such change")
}

func TestPageOfChanges(t *testing.T) {
	s := start(t, nil)
	require.Contains(t, s.do("GET", "/changes", "").body, "There is no such change.")
	for _, change := range []string{
		`{"kind":"deploy","service":"web","version":"v1","start":"2026-01-02T03:04:05Z"}`,
		`{"kind":"deploy","service":"web","version":"v2","start":"2026-01-02T04:04:05Z"}`,
		`{"kind":"flag","service":"api","title":"dark mode","start":"2026-01-02T05:04:05Z"}`,
	} {
		s.record(change)
	}
	// A form sends its empty fields as well.
	a := s.do("GET", "/changes?kind=deploy&service=&q=&from=2026-01-02T00:00:00Z&limit=1", "")
	require.Equal(t, 200, a.status)
	require.Contains(t, a.body, "deploy web v2")
	require.NotContains(t, a.body, "deploy web v1")
	require.NotContains(t, a.body, "dark mode")
	require.Contains(t, a.body, `<input name="kind" value="deploy"`)
	require.Contains(t, a.body, `<input type="hidden" name="from" value="2026-01-02T00:00:00Z">`)

	_, rest, found := strings.Cut(a.body, `<a href="`+"/changes?")
	require.True(t, found, "leads to what is older")
	link, _, _ := strings.Cut(rest, `"`)
	a = s.do("GET", "/changes?"+strings.ReplaceAll(link, "&amp;", "&"), "")
	require.Contains(t, a.body, "deploy web v1")
	require.NotContains(t, a.body, "deploy web v2")
	require.NotContains(t, a.body, `name="cursor"`, "another selection has other pages")

	a = s.do("GET", "/changes?kind=deploy&colour="+url.QueryEscape("<red>"), "")
	require.Equal(t, 422, a.status)
	require.Contains(t, a.body, "is no parameter here")
	require.NotContains(t, a.body, "<red>")
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
