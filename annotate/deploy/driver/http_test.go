package driver

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/secret"
)

func TestHTTPBegins(t *testing.T) {
	testBegin(t, "POST /hook/1.4.2", func(*fake) {}, func(url string) Driver {
		return &HTTP{Remote: testRemote(), URL: deploy.Template(url + "/hook/{version}"), Token: secret.Value(testToken)}
	})
}

func TestHTTPIsOverWithItsAnswer(t *testing.T) {
	f := newFake(t).on("POST /hook", says(200, "deployed with "+testToken))
	h := &HTTP{
		Remote: testRemote(), URL: deploy.Template(f.URL + "/hook"), Token: secret.Value(testToken), TokenHeader: "X-Token",
		Headers: map[string]string{"X-Team": "shop"}, Page: "https://pages.example/{id}",
	}
	job := remoteJob(t)
	_, _, err := h.Find(t.Context(), job)
	require.ErrorIs(t, err, ErrUncertain)

	ref, err := h.Begin(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, deploy.Ref{ID: testRun, URL: "https://pages.example/" + testRun}, ref)
	found, ok, err := h.Find(t.Context(), job)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, ref, found)
	job.Ref = ref
	outcome, err := h.Follow(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, deploy.Outcome{Status: annotate.Succeeded, Text: "the server answered 200 OK"}, outcome)
	require.Contains(t, logged(t, job), "deployed with ***\n")

	require.Equal(t, testToken, f.request(0).header.Get("X-Token"))
	require.Equal(t, "shop", f.request(0).header.Get("X-Team"))
	require.Equal(t, testRun, f.request(0).header.Get("Idempotency-Key"))
	require.JSONEq(t, `{"id": "`+testRun+`", "service": "shop", "environment": "production", "version": "1.4.2",
		"previous_version": "1.4.1", "parameters": {"region": "eu"}, "reason": "fix \"it\"\n/now", "who": "Ada"}`, f.request(0).body)
	require.ErrorContains(t, h.Cancel(t.Context(), job), "no URL")
}

func TestHTTPValuesStayWithinTheirPlace(t *testing.T) {
	f := newFake(t).on("PUT /a/rel%2F1%22%0A%3Fx%23y/b", says(204, ""))
	job := remoteJob(t)
	job.Version = "rel/1\"\n?x#y"
	h := &HTTP{
		Remote: testRemote(), Method: "PUT", URL: deploy.Template(f.URL + "/a/{version}/b?v={version}&k={service}"),
		Body: map[string]any{"v": "v{version}", "list": []any{"{reason}", 1, true, nil}, "deep": map[any]any{"{id}": deploy.Template("{who}")}},
	}
	_, err := h.Begin(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, "PUT /a/rel%2F1%22%0A%3Fx%23y/b?v=rel%2F1%22%0A%3Fx%23y&k=shop", f.request(0).asked)
	require.JSONEq(t, `{"v": "vrel/1\"\n?x#y", "list": ["fix \"it\"\n/now", 1, true, null], "deep": {"{id}": "Ada"}}`, f.request(0).body)

	for _, bad := range []deploy.Template{"{version}/x", "https://{version}/x", "https://a.{version}", "ftp://a/b", "", "https:///x"} {
		h.URL = bad
		_, err := h.Begin(t.Context(), job)
		require.ErrorContains(t, err, "URL must begin with", "%s", bad)
		require.NotErrorIs(t, err, ErrUncertain)
	}
	job.Version = ".."
	h.URL = "https://a.example/x/{version}/y"
	_, err = h.Begin(t.Context(), job)
	require.ErrorContains(t, err, "go up")
}

func TestHTTPIsFollowed(t *testing.T) {
	status := HTTPStatus{Field: "run.state", Succeeded: []string{"done", "0"}, Failed: []string{"broken"}, Cancelled: []string{"stopped"}, Log: "run.out"}
	run := func(state, out string) string { return `{"run": {"state": ` + state + `, "out": "` + out + `"}}` }
	for _, test := range []struct {
		end  string
		want annotate.Status
	}{{`"done"`, annotate.Succeeded}, {"0", annotate.Succeeded}, {`"broken"`, annotate.Failed}, {`"stopped"`, annotate.Cancelled}} {
		w := &waits{}
		f := newFake(t).
			on("POST /hook", says(202, "", "Location", "/runs/1")).
			on("GET /runs/1", says(200, run(`"busy"`, `one\n`)), says(429, "", "Retry-After", "60"),
				says(200, run(`"busy"`, `one\ntwo\n`)), says(200, run(test.end, `three\n`)))
		h := &HTTP{Remote: w.remote(), URL: deploy.Template(f.URL + "/hook"), Status: &status, Token: secret.Value(testToken)}
		job := remoteJob(t)
		var err error
		job.Ref, err = h.Begin(t.Context(), job)
		require.NoError(t, err)
		outcome, err := h.Follow(t.Context(), job)
		require.NoError(t, err)
		require.Equal(t, test.want, outcome.Status)
		require.Equal(t, []time.Duration{DefaultInterval, time.Minute, DefaultInterval}, w.d)
		require.Regexp(t, `202 Accepted\none\nStatus: busy\ntwo\nthree\nStatus: `, logged(t, job))
	}
}

func TestHTTPCannotBeFollowed(t *testing.T) {
	f := newFake(t).on("POST /hook", says(202, ""))
	status := HTTPStatus{Field: "state"}
	h := &HTTP{Remote: testRemote(), URL: deploy.Template(f.URL + "/hook"), Status: &status, Cancelling: deploy.Template(f.URL + "/stop/{id}")}
	job := remoteJob(t)
	_, err := h.Begin(t.Context(), job)
	require.NoError(t, err)
	outcome, err := h.Follow(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, annotate.Lost, outcome.Status, "there is no Location")

	status.URL = deploy.Template(f.URL + "/runs/{id}")
	outcome, err = h.Follow(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, annotate.Lost, outcome.Status, "it is not there")
	require.Contains(t, outcome.Text, "404")

	f.on("GET /runs/"+testRun, says(200, `{"states": 1}`), hangsUp, says(200, "{"))
	for _, want := range []string{"no text, number or boolean at state", "EOF", "no JSON"} {
		_, err = h.Follow(t.Context(), job)
		require.ErrorContains(t, err, want)
	}

	f.on("POST /stop/"+testRun, says(202, ""), says(500, ""))
	require.NoError(t, h.Cancel(t.Context(), job))
	require.ErrorContains(t, h.Cancel(t.Context(), job), "500")
}

func TestATokenIsReadAnew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("first-token"), 0o600))
	f := newFake(t).on("GET /run", says(200, `{"state": "at first-token"}`), says(200, `{"state": "second-token"}`))
	h := &HTTP{Remote: testRemote(), URL: deploy.Template(f.URL), Token: secret.File(file), Status: &HTTPStatus{
		URL: deploy.Template(f.URL + "/run"), Field: "state", Succeeded: []string{"***"},
	}}
	h.Wait = func(context.Context, time.Duration) error {
		return os.WriteFile(file, []byte("second-token"), 0o600)
	}
	job := remoteJob(t)
	outcome, err := h.Follow(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, annotate.Succeeded, outcome.Status)
	require.Equal(t, "Bearer first-token", f.request(0).header.Get("Authorization"))
	require.Equal(t, "Bearer second-token", f.request(1).header.Get("Authorization"))
	require.Equal(t, "Status: at ***\nStatus: ***\n", logged(t, job))
}

func FuzzField(f *testing.F) {
	f.Add(`{"a": [{"b": 1}]}`, "a.0.b")
	f.Add(`[[]]`, "0.99999999999999999999")
	f.Fuzz(func(t *testing.T, text, path string) {
		var document any
		if json.Unmarshal([]byte(text), &document) != nil {
			t.Skip()
		}
		field(document, path)
	})
}

func TestHTTPDoesNotGuessHowADeployGoesThatWasFollowed(t *testing.T) {
	f := newFake(t).on("POST /hook", says(202, ""))
	h := &HTTP{
		Remote: testRemote(), URL: deploy.Template(f.URL + "/hook"),
		Status: &HTTPStatus{URL: deploy.Template(f.URL + "/status"), Field: "state", Succeeded: []string{"done"}, Failed: []string{"broken"}},
	}
	job := remoteJob(t)
	_, err := h.Begin(t.Context(), job)
	require.NoError(t, err)
	h.Status = nil // the configuration, after a restart
	_, err = h.Follow(t.Context(), job)
	require.ErrorContains(t, err, "put status back")
}
