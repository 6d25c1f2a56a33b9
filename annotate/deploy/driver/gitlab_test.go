package driver

import (
	"errors"
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
	gitlabProject = "/api/v4/projects/acme%2Fshop"
	gitlabMake    = "POST " + gitlabProject + "/pipeline"
	gitlabList    = "GET " + gitlabProject + "/pipelines"
	gitlabOne     = "GET " + gitlabProject + "/pipelines/61"
	gitlabJobList = "GET " + gitlabProject + "/pipelines/61/jobs"
)

func testGitLab(url string) *GitLab {
	return &GitLab{
		Remote: testRemote(), API: url, Project: "acme/shop", Ref: "main", Token: secret.Value(testToken),
		Variables: map[string]deploy.Template{"VERSION": "{version}", "WHY": "{reason}", deployVariable: "mine"},
	}
}

func TestGitLabBegins(t *testing.T) {
	testBegin(t, gitlabMake, func(*fake) {}, func(url string) Driver { return testGitLab(url) })

	f := newFake(t).on(gitlabMake, says(201, `{"id": 61, "iid": 21, "status": "created", "web_url": "https://gitlab.example/acme/shop/-/pipelines/61"}`), says(201, "ok"), says(201, "{}"))
	ref, err := testGitLab(f.URL+"/").Begin(t.Context(), remoteJob(t))
	require.NoError(t, err)
	require.Equal(t, deploy.Ref{ID: "61", URL: "https://gitlab.example/acme/shop/-/pipelines/61"}, ref)
	require.JSONEq(t, `{"ref": "main", "variables": [
		{"key": "TIDEMARK_DEPLOY_ID", "value": "`+testRun+`", "variable_type": "env_var"},
		{"key": "VERSION", "value": "1.4.2", "variable_type": "env_var"},
		{"key": "WHY", "value": "fix \"it\"\n/now", "variable_type": "env_var"}]}`, f.request(0).body)
	require.Equal(t, testToken, f.request(0).header.Get("PRIVATE-TOKEN"))
	for range 2 {
		_, err = testGitLab(f.URL).Begin(t.Context(), remoteJob(t))
		require.ErrorIs(t, err, ErrUncertain, "an answer that does not say which")
	}
}

func TestGitLabFinds(t *testing.T) {
	two := says(200, `[{"id": 62, "web_url": "p62"}, {"id": 61, "web_url": "p61"}]`)
	variable := func(id string) http.HandlerFunc {
		return says(200, `[{"key": "TIDEMARK_DEPLOY_ID", "value": "`+id+`"}]`)
	}
	full := says(200, "["+strings.TrimSuffix(strings.Repeat(`{"id": 62},`, gitlabPipelines), ",")+"]")
	for _, test := range []struct {
		name      string
		list      http.HandlerFunc
		first     http.HandlerFunc
		second    http.HandlerFunc
		age       time.Duration
		found     string
		uncertain bool
		later     bool
	}{
		{"it by its variable", two, variable(otherRun), variable(testRun), 0, "61", false, false},
		{"it by its name", says(200, `[{"id": 61, "name": "deploy `+testRun+`"}]`), nil, nil, 0, "61", false, false},
		{"only another's", two, variable(otherRun), says(200, `[]`), time.Hour, "", false, false},
		{"nothing", says(200, `[]`), nil, nil, time.Hour, "", false, false},
		{"nothing yet", says(200, `[]`), nil, nil, time.Minute, "", false, true},
		{"no right to the variables", two, says(403, `{"message": "403 Forbidden"}`), nil, time.Hour, "", true, false},
		{"too many to tell", full, variable(otherRun), nil, time.Hour, "", true, false},
		{"a server that fails", says(500, ""), nil, nil, time.Hour, "", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t).on(gitlabList, test.list)
			if test.first != nil {
				f.on(gitlabList+"/62/variables", test.first)
			}
			if test.second != nil {
				f.on(gitlabList+"/61/variables", test.second)
			}
			g := testGitLab(f.URL)
			g.Now = func() time.Time { return testStarted.Add(test.age) }
			ref, ok, err := g.Find(t.Context(), remoteJob(t))
			require.Equal(t, test.found != "", ok)
			require.Equal(t, test.found, ref.ID)
			require.Equal(t, test.uncertain, errors.Is(err, ErrUncertain), "%v", err)
			require.Equal(t, test.uncertain || test.later, err != nil, "%v", err)
			require.Contains(t, f.request(0).asked, "source=api&updated_after=2026-11-01T11%3A55%3A00Z")
		})
	}
}

func gitlabSays(status string) http.HandlerFunc {
	return says(200, `{"id": 61, "status": "`+status+`", "web_url": "https://gitlab.example/61"}`)
}

func TestGitLabFollows(t *testing.T) {
	w := &waits{}
	f := newFake(t).
		on(gitlabOne, gitlabSays("created"), says(429, "", "Retry-After", "30"), gitlabSays("running"), gitlabSays("manual"), gitlabSays("failed")).
		on(gitlabJobList, says(200, `[]`),
			says(200, `[{"id": 9, "name": "apply", "stage": "deploy", "status": "created"}, {"id": 8, "name": "plan", "stage": "check", "status": "running"}]`),
			says(200, `[{"id": 9, "name": "apply", "stage": "deploy", "status": "manual"}, {"id": 8, "name": "plan", "stage": "check", "status": "success"}]`),
			says(200, `[{"id": 9, "name": "apply", "stage": "deploy", "status": "failed", "failure_reason": "script_failure"}, {"id": 8, "name": "plan", "stage": "check", "status": "success"}]`)).
		on("GET "+gitlabProject+"/jobs/8/trace", says(200, "\x1b[32mplanned "+testToken+"\x1b[0m")).
		on("GET "+gitlabProject+"/jobs/9/trace", says(200, "broke\n"))
	g := testGitLab(f.URL)
	g.Remote = w.remote()
	job := began(remoteJob(t), "61")
	outcome, err := g.Follow(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, deploy.Outcome{Status: annotate.Failed, Text: "the pipeline ended as failed"}, outcome)
	require.Equal(t, `https://gitlab.example/61
The pipeline is created
The pipeline is running
check / plan: running
The pipeline is waiting for somebody to start a job by hand
check / plan: success

--- check / plan ---
planned ***
deploy / apply: manual
The pipeline is failed
deploy / apply: failed (script failure)

--- deploy / apply ---
broke
`, logged(t, job))
	require.Equal(t, []time.Duration{DefaultInterval, 30 * time.Second, DefaultInterval, DefaultInterval}, w.d)
	before := logged(t, job)
	_, err = g.Follow(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, before, logged(t, job), "after a restart, nothing is written again")
}

func TestGitLabEnds(t *testing.T) {
	f := func(status string, want annotate.Status) {
		t.Helper()
		outcome, over := gitlabOutcome(status)
		require.Equal(t, want != "", over)
		require.Equal(t, want, outcome.Status)
	}
	f("success", annotate.Succeeded)
	f("failed", annotate.Failed)
	f("canceled", annotate.Cancelled)
	f("skipped", annotate.Failed)
	for _, going := range []string{"created", "waiting_for_resource", "preparing", "pending", "running", "manual", "scheduled", "canceling", ""} {
		f(going, "")
	}
}

func TestGitLabIsLost(t *testing.T) {
	f := newFake(t)
	g := testGitLab(f.URL)
	_, err := g.Follow(t.Context(), began(remoteJob(t), "61"))
	require.ErrorContains(t, err, "nor can be seen")

	f.on(gitlabList, says(200, `[]`))
	outcome, err := g.Follow(t.Context(), began(remoteJob(t), "61"))
	require.NoError(t, err)
	require.Equal(t, annotate.Lost, outcome.Status)
	require.Contains(t, outcome.Text, "404")
}

func TestGitLabCancels(t *testing.T) {
	f := newFake(t).on("POST "+gitlabProject+"/pipelines/61/cancel", says(200, `{"id": 61}`), says(403, `{"message": "403 Forbidden"}`))
	g := testGitLab(f.URL)
	job := began(remoteJob(t), "61")
	require.NoError(t, g.Cancel(t.Context(), job))
	require.ErrorContains(t, g.Cancel(t.Context(), job), "403 Forbidden")
}
