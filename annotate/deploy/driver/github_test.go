package driver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/secret"
)

const (
	githubDispatches = "POST /repos/acme/shop/actions/workflows/deploy.yml/dispatches"
	githubRunList    = "GET /repos/acme/shop/actions/workflows/deploy.yml/runs"
	githubRunRoute   = "GET /repos/acme/shop/actions/runs/999"
	githubJobRoute   = "GET /repos/acme/shop/actions/runs/999/jobs"
)

func testGitHub(url string) *GitHub {
	return &GitHub{
		Remote: testRemote(), API: url, Repository: "acme/shop", Workflow: "deploy.yml", Ref: "main", Token: secret.Value(testToken),
		Inputs: map[string]deploy.Template{"version": "{version}", "why": "{reason}", "tidemark_id": "{id}"},
	}
}

func TestGitHubBegins(t *testing.T) {
	testBegin(t, githubDispatches, func(*fake) {}, func(url string) Driver { return testGitHub(url) })

	f := newFake(t).on(githubDispatches, says(200, `{"workflow_run_id": 999, "run_url": "https://api.github.com/x", "html_url": "https://github.com/acme/shop/actions/runs/999"}`))
	g := testGitHub(f.URL + "/")
	g.Ref = "{version}"
	ref, err := g.Begin(t.Context(), remoteJob(t))
	require.NoError(t, err)
	require.Equal(t, deploy.Ref{ID: "999", URL: "https://github.com/acme/shop/actions/runs/999"}, ref)
	require.JSONEq(t, `{"ref": "1.4.2", "return_run_details": true,
		"inputs": {"version": "1.4.2", "why": "fix \"it\"\n/now", "tidemark_id": "`+testRun+`"}}`, f.request(0).body)
	require.Equal(t, "Bearer "+testToken, f.request(0).header.Get("Authorization"))
	require.Equal(t, "2022-11-28", f.request(0).header.Get("X-GitHub-Api-Version"))
	require.Equal(t, "https://api.github.com/repos/a%3F/b%2Fc/actions", (&GitHub{Repository: "a?/b/c"}).actions())
}

func TestGitHubBeginsOnAnOldServer(t *testing.T) {
	mine := `{"workflow_runs": [{"id": 7, "display_title": "deploy ` + otherRun + `"}, {"id": 999, "display_title": "deploy ` + testRun + `", "html_url": "page"}]}`
	old := func(t *testing.T) *fake {
		return newFake(t).on(githubDispatches, says(422, `{"message": "Invalid request.\n\n\"return_run_details\" is not a permitted key."}`), says(204, ""))
	}
	f := old(t).on(githubRunList, says(200, `{"workflow_runs": []}`), says(200, mine))
	ref, err := testGitHub(f.URL).Begin(t.Context(), remoteJob(t))
	require.NoError(t, err)
	require.Equal(t, deploy.Ref{ID: "999", URL: "page"}, ref)
	body, count := f.posted(githubDispatches)
	require.Equal(t, 2, count, "the first was refused for a key that the server does not know")
	require.NotContains(t, body, "return_run_details")

	f = old(t).on(githubRunList, says(200, `{"workflow_runs": []}`))
	_, err = testGitHub(f.URL).Begin(t.Context(), remoteJob(t))
	require.ErrorIs(t, err, ErrUncertain)
	require.ErrorContains(t, err, "run-name")

	f = old(t)
	g := testGitHub(f.URL)
	delete(g.Inputs, "tidemark_id")
	_, err = g.Begin(t.Context(), remoteJob(t))
	require.ErrorIs(t, err, ErrUncertain)
}

func TestGitHubFinds(t *testing.T) {
	full := strings.TrimSuffix(strings.Repeat(`{"id": 7, "display_title": "deploy `+otherRun+`"},`, githubRuns), ",")
	for _, test := range []struct {
		name      string
		runs      http.HandlerFunc
		age       time.Duration
		found     string
		uncertain bool
		later     bool
	}{
		{"it", says(200, `{"workflow_runs": [{"id": 999, "display_title": "deploy `+testRun+`"}]}`), 0, "999", false, false},
		{"no run at all", says(200, `{"workflow_runs": []}`), time.Hour, "", false, false},
		{"none yet", says(200, `{"workflow_runs": []}`), time.Minute, "", false, true},
		{"only another's", says(200, `{"workflow_runs": [{"id": 7, "name": "deploy `+otherRun+`"}]}`), time.Hour, "", false, false},
		{"one without a name", says(200, `{"workflow_runs": [{"id": 7, "display_title": "Deploy"}]}`), time.Hour, "", true, false},
		{"too many to tell", says(200, `{"workflow_runs": [`+full+`]}`), time.Hour, "", true, false},
		{"no answer", hangsUp, time.Hour, "", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t).on(githubRunList, test.runs)
			g := testGitHub(f.URL)
			g.Now = func() time.Time { return testStarted.Add(test.age) }
			ref, ok, err := g.Find(t.Context(), remoteJob(t))
			require.Equal(t, test.found != "", ok)
			require.Equal(t, test.found, ref.ID)
			require.Equal(t, test.uncertain, errors.Is(err, ErrUncertain), "%v", err)
			require.Equal(t, test.uncertain || test.later, err != nil, "%v", err)
			require.Contains(t, f.request(0).asked, "created=%3E%3D2026-11-01T11%3A55%3A00Z&event=workflow_dispatch")
		})
	}
}

func githubJobs(state, step string) string {
	conclusion := ""
	if state == "completed" {
		conclusion = step
	}
	return fmt.Sprintf(`{"total_count": 1, "jobs": [{"id": 5, "name": "Deploy", "status": %q, "conclusion": %q, "steps": [
		{"name": "Check out", "number": 1, "status": "completed", "conclusion": "success"},
		{"name": "Apply", "number": 2, "status": "completed", "conclusion": %q}, {"name": "Wait", "number": 3, "status": "queued"}]}]}`, state, conclusion, step)
}

func githubRunSays(status, conclusion string) http.HandlerFunc {
	quoted, _ := json.Marshal(conclusion)
	if conclusion == "" {
		quoted = []byte("null")
	}
	return says(200, fmt.Sprintf(`{"id": 999, "status": %q, "conclusion": %s, "html_url": "https://github.com/run"}`, status, quoted))
}

func TestGitHubFollows(t *testing.T) {
	blobs := newFake(t).on("GET /blob", says(200, "applied with "+testToken+"\n"))
	w := &waits{}
	f := newFake(t).
		on(githubRunRoute, githubRunSays("queued", ""), says(403, `{"message": "rate limit"}`, "Retry-After", "90"),
			githubRunSays("in_progress", ""), githubRunSays("completed", "success")).
		on(githubJobRoute, says(200, `{"jobs": []}`), says(200, githubJobs("in_progress", "success")), says(200, githubJobs("completed", "success"))).
		on("GET /repos/acme/shop/actions/jobs/5/logs", says(302, "", "Location", blobs.URL+"/blob?sig=x"))
	g := testGitHub(f.URL)
	g.Remote = w.remote()
	job := began(remoteJob(t), "999")
	outcome, err := g.Follow(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, deploy.Outcome{Status: annotate.Succeeded, Text: "the run completed with success"}, outcome)
	require.Equal(t, `https://github.com/run
The run is queued
The run is in progress
Deploy / Check out: success
Deploy / Apply: success
Deploy: in progress
The run is completed
Deploy: success

--- Deploy ---
applied with ***
`, logged(t, job))
	require.Equal(t, []time.Duration{DefaultInterval, 90 * time.Second, DefaultInterval}, w.d)
	require.Empty(t, blobs.request(0).header.Get("Authorization"))

	before := logged(t, job)
	_, err = g.Follow(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, before, logged(t, job), "after a restart, nothing is written again")
}

func TestGitHubEnds(t *testing.T) {
	for conclusion, want := range map[string]annotate.Status{
		"success": annotate.Succeeded, "neutral": annotate.Succeeded, "failure": annotate.Failed, "cancelled": annotate.Cancelled,
		"timed_out": annotate.Failed, "skipped": annotate.Failed, "startup_failure": annotate.Failed, "": annotate.Failed,
	} {
		f := newFake(t).on(githubRunRoute, githubRunSays("completed", conclusion)).on(githubJobRoute, says(200, githubJobs("completed", "failure")))
		job := began(remoteJob(t), "999")
		outcome, err := testGitHub(f.URL).Follow(t.Context(), job)
		require.NoError(t, err)
		require.Equal(t, want, outcome.Status, conclusion)
		require.Contains(t, logged(t, job), "Deploy: its log cannot be had: ")
	}
}

func TestGitHubRestartsInTheMiddle(t *testing.T) {
	torn := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "half")
	}
	f := newFake(t).
		on(githubRunRoute, githubRunSays("completed", "success")).
		on(githubJobRoute, says(200, githubJobs("completed", "success"))).
		on("GET /repos/acme/shop/actions/jobs/5/logs", torn, says(200, "the whole\n"))
	job := began(remoteJob(t), "999")
	_, err := testGitHub(f.URL).Follow(t.Context(), job)
	require.ErrorContains(t, err, "EOF")
	outcome, err := testGitHub(f.URL).Follow(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, annotate.Succeeded, outcome.Status)
	require.Equal(t, "https://github.com/run\nThe run is completed\nDeploy / Check out: success\nDeploy / Apply: success\nDeploy: success\n\n--- Deploy ---\nthe whole\n", logged(t, job))
}

func TestGitHubIsLost(t *testing.T) {
	f := newFake(t)
	g := testGitHub(f.URL)
	_, err := g.Follow(t.Context(), began(remoteJob(t), "999"))
	require.ErrorContains(t, err, "nor can be seen", "the token may have lost its right")

	f.on("GET /repos/acme/shop/actions/workflows/deploy.yml", says(200, `{"id": 1}`))
	outcome, err := g.Follow(t.Context(), began(remoteJob(t), "999"))
	require.NoError(t, err)
	require.Equal(t, annotate.Lost, outcome.Status)
	require.Contains(t, outcome.Text, "not there any more")
}

func TestGitHubCancels(t *testing.T) {
	f := newFake(t).on("POST /repos/acme/shop/actions/runs/999/cancel", says(202, `{}`), says(409, `{"message": "Cannot cancel a workflow run that is completed."}`), says(403, `{"message": "Must have admin rights"}`))
	g := testGitHub(f.URL)
	job := began(remoteJob(t), "999")
	require.NoError(t, g.Cancel(t.Context(), job))
	require.NoError(t, g.Cancel(t.Context(), job), "it has ended")
	require.ErrorContains(t, g.Cancel(t.Context(), job), "Must have admin rights")
}
