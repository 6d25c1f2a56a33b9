package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c, err := New(Options{Server: server.URL, Token: "s3cret", Timeout: 5 * time.Second})
	require.NoError(t, err)
	return c
}

func TestParseServer(t *testing.T) {
	f := func(server, want string) {
		t.Helper()
		u, err := ParseServer(server)
		if want == "" {
			require.Error(t, err)
			require.NotContains(t, err.Error(), "hunter2")
			return
		}
		require.NoError(t, err)
		require.Equal(t, want, u.String())
	}
	f("http://127.0.0.1:9797", "http://127.0.0.1:9797")
	f("https://Tide.example/", "https://tide.example")
	f("https://tide.example/mark/", "https://tide.example/mark")
	f("", "")
	f("localhost:9797", "")
	f("ftp://tide.example", "")
	f("http://", "")
	f("https://tide.example?a=b", "")
	f("https://me:hunter2@tide.example", "")
	f("https://me:hunter2@tide.example:port", "")
	f("http://[::1]:9797", "http://[::1]:9797")
}

func TestExposesToken(t *testing.T) {
	f := func(server, token string, want bool) {
		t.Helper()
		c, err := New(Options{Server: server, Token: token})
		require.NoError(t, err)
		require.Equal(t, want, c.ExposesToken())
	}
	f("http://tide.example", "x", true)
	f("http://10.0.0.7:9797", "x", true)
	f("http://tide.example", "", false)
	f("https://tide.example", "x", false)
	f("http://127.0.0.1:9797", "x", false)
	f("http://127.8.0.1", "x", false)
	f("http://localhost:9797", "x", false)
	f("http://[::1]:9797", "x", false)
	f("http://localhost.evil.example", "x", true)
}

func TestTokenOfSeveralLinesIsRefused(t *testing.T) {
	_, err := New(Options{Server: DefaultServer, Token: "a\nX-Evil: b"})
	require.ErrorContains(t, err, "one word")
	require.NotContains(t, err.Error(), "Evil")
}

func TestRecord(t *testing.T) {
	status := http.StatusCreated
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "POST /api/v1/changes", r.Method+" "+r.URL.Path)
		require.Equal(t, "Bearer s3cret", r.Header.Get("Authorization"))
		require.Equal(t, "application/json", r.Header.Get("Content-Type"))
		var report annotate.Report
		require.NoError(t, json.NewDecoder(r.Body).Decode(&report))
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"id":"0192","kind":%q,"start":"2026-01-02T03:04:05.000Z","status":"succeeded","revision":1}`, report.Kind)
	})
	result, err := c.Record(context.Background(), annotate.Report{Kind: "deploy"})
	require.NoError(t, err)
	require.True(t, result.Created)
	require.Equal(t, "deploy", result.Change.Kind)

	status = http.StatusOK
	result, err = c.Record(context.Background(), annotate.Report{Kind: "deploy"})
	require.NoError(t, err)
	require.False(t, result.Created)
}

func TestErrors(t *testing.T) {
	f := func(status int, contentType, body, want string, refused bool) {
		t.Helper()
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
		_, err := c.Record(context.Background(), annotate.Report{Kind: "deploy"})
		require.ErrorContains(t, err, want)
		require.Equal(t, refused, Refused(err))
	}
	problem := "application/problem+json"
	f(422, problem, `{"status":422,"title":"Unprocessable","detail":"start is before 1990","errors":[{"message":"is before 1990","location":"body.start","value":1}]}`,
		"the server answered 422: start is before 1990", true)
	f(422, problem, `{"title":"Unprocessable","errors":[{"message":"is missing","location":"body.kind"}]}`,
		"Unprocessable; body.kind: is missing", true)
	f(400, "text/html", "<h1>no</h1>", "the server answered 400: Bad Request", true)
	f(400, problem, "{", "the server answered 400: Bad Request", true)
	f(409, problem, `{"detail":"it is another's"}`, "it is another's", true)
	f(413, problem, `{}`, "413", true)
	f(401, problem, `{"detail":"writing needs a token"}`, "writing needs a token", false)
	f(403, problem, `{}`, "403", false)
	f(404, "text/plain", "", "404", false)
	f(429, problem, `{}`, "429", false)
	f(500, problem, `{}`, "500", false)
	f(503, problem, `{"detail":"the disk is full"}`, "the disk is full", false)
	f(200, "application/json", "<html>", "is the URL right?", false)
	f(200, "application/json", "{}", "is it a Tidemark server?", false)
}

func TestRedirectIsNoSuccess(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/api/v1/changes", r.URL.Path, "the redirect was followed")
		http.Redirect(w, r, "https://elsewhere.example/login", http.StatusFound)
	})
	_, err := c.Record(context.Background(), annotate.Report{Kind: "deploy"})
	require.ErrorContains(t, err, "it redirects to https://elsewhere.example/login")
	require.False(t, Refused(err))
}

func TestUnreachable(t *testing.T) {
	c, err := New(Options{Server: "http://127.0.0.1:1"})
	require.NoError(t, err)
	_, err = c.Change(context.Background(), "x")
	require.ErrorContains(t, err, "cannot reach http://127.0.0.1:1")
	require.False(t, Refused(err))
}

func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request) { <-release }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	c, err := New(Options{Server: server.URL, Timeout: 20 * time.Millisecond})
	require.NoError(t, err)
	_, err = c.Change(context.Background(), "x")
	require.ErrorContains(t, err, "did not answer within 20ms")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestList(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "cursor=c&environment=production&from=2026-01-02T03%3A04%3A05.000Z&kind=deploy&kind=flag"+
			"&label.team=a%26b&limit=7&q=two+words&service=web&status=failed&who=Ada", r.URL.RawQuery)
		fmt.Fprint(w, `{"changes":[{"id":"1","kind":"deploy","status":"failed"}],"next":"more"}`)
	})
	page, err := c.List(context.Background(), annotate.List{
		Filter: annotate.Filter{
			From:  annotate.At(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
			Kinds: []string{"deploy", "flag"}, Services: []string{"web"}, Environments: []string{"production"},
			Statuses: []annotate.Status{annotate.Failed}, Who: []string{"Ada"},
			Labels: map[string]string{"team": "a&b"}, Text: "two words",
		},
		Limit: 7, Cursor: "c",
	})
	require.NoError(t, err)
	require.Len(t, page.Changes, 1)
	require.Equal(t, "more", *page.Next)
}

func TestAmend(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "PATCH /api/v1/changes/a%2Fb", r.Method+" "+r.URL.EscapedPath())
		var fields map[string]any
		require.NoError(t, json.NewDecoder(r.Body).Decode(&fields))
		require.Equal(t, map[string]any{"status": "failed", "risk": nil}, fields)
		fmt.Fprint(w, `{"id":"a/b","status":"failed"}`)
	})
	change, err := c.Amend(context.Background(), "a/b", annotate.Patch{
		Set: annotate.Report{Status: annotate.Failed}, Clear: []string{"risk"},
	})
	require.NoError(t, err)
	require.Equal(t, annotate.Failed, change.Status)
}

func TestRevisions(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/api/v1/changes/7/revisions", r.URL.Path)
		fmt.Fprint(w, `{"revisions":[{"revision":1,"by":"ci"},{"revision":2,"by":"ada"}]}`)
	})
	revisions, err := c.Revisions(context.Background(), "7")
	require.NoError(t, err)
	require.Len(t, revisions, 2)
	require.Equal(t, "ada", revisions[1].By)
}
