package driver

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/secret"
)

const (
	argoSync = "POST /api/v1/applications/shop/sync"
	argoGet  = "GET /api/v1/applications/shop"
	argoStop = "DELETE /api/v1/applications/shop/operation"
)

func testArgoCD(url string) *ArgoCD {
	return &ArgoCD{
		Remote: testRemote(), URL: url, Application: "shop", Namespace: "team-a", Project: "web",
		Revision: "v{version}", Prune: true, Token: secret.Value(testToken), SyncOnly: true,
	}
}

// argoApp is an application whose operation goes on, and the state of its last one.
func argoApp(going, last, phase, message, rest string) http.HandlerFunc {
	operation := func(id string) string {
		return `{"info": [{"name": "reason", "value": "x"}, {"name": "tidemark", "value": "` + id + `"}], "sync": {}}`
	}
	app := `{"metadata": {"name": "shop"}`
	if going != "" {
		app += `, "operation": ` + operation(going)
	}
	app += `, "status": {"health": {}`
	if last != "" {
		app += fmt.Sprintf(`, "operationState": {"operation": %s, "phase": %q, "message": %q, "startedAt": "2026-11-01T12:00:01Z"%s}`, operation(last), phase, message, rest)
	}
	return says(200, app+"}}")
}

func TestArgoCDBegins(t *testing.T) {
	testBegin(t, argoSync, func(*fake) {}, func(url string) Driver { return testArgoCD(url) })

	f := newFake(t).on(argoSync, argoApp(testRun, "", "", "", ""))
	a := testArgoCD(f.URL + "/")
	ref, err := a.Begin(t.Context(), remoteJob(t))
	require.NoError(t, err)
	require.Equal(t, deploy.Ref{ID: testRun, URL: f.URL + "/applications/team-a/shop"}, ref)
	require.JSONEq(t, `{"name": "shop", "appNamespace": "team-a", "project": "web", "revision": "v1.4.2", "prune": true,
		"infos": [{"name": "tidemark", "value": "`+testRun+`"}, {"name": "version", "value": "1.4.2"}]}`, f.request(0).body)
	require.Equal(t, "Bearer "+testToken, f.request(0).header.Get("Authorization"))

	a.Namespace, a.Project, a.Revision, a.Prune = "", "", "", false
	ref, err = a.Begin(t.Context(), remoteJob(t))
	require.NoError(t, err)
	require.Equal(t, f.URL+"/applications/shop", ref.URL)
	require.JSONEq(t, `{"name": "shop", "prune": false, "infos": [{"name": "tidemark", "value": "`+testRun+`"}, {"name": "version", "value": "1.4.2"}]}`, f.request(1).body)
}

func TestArgoCDFinds(t *testing.T) {
	before := says(200, `{"status": {"operationState": {"phase": "Succeeded", "startedAt": "2026-11-01T11:00:00Z"}}}`)
	for _, test := range []struct {
		name      string
		app       http.HandlerFunc
		age       time.Duration
		found     bool
		uncertain bool
		later     bool
	}{
		{"it goes on", argoApp(testRun, otherRun, "Succeeded", "", ""), 0, true, false, false},
		{"it is the last", argoApp("", testRun, "Failed", "", ""), 0, true, false, false},
		{"another followed", argoApp("", otherRun, "Succeeded", "", ""), time.Hour, false, true, false},
		{"another goes on", argoApp(otherRun, "", "", "", ""), time.Hour, false, true, false},
		{"the last is older", before, time.Hour, false, false, false},
		{"there was none ever", says(200, `{"status": {}}`), time.Hour, false, false, false},
		{"not yet", before, time.Minute, false, false, true},
		{"it may not be seen", says(403, `{"error": "permission denied"}`), time.Hour, false, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t).on(argoGet, test.app)
			a := testArgoCD(f.URL)
			a.Now = func() time.Time { return testStarted.Add(test.age) }
			ref, ok, err := a.Find(t.Context(), remoteJob(t))
			require.Equal(t, test.found, ok)
			require.Equal(t, test.found, ref.ID == testRun)
			require.Equal(t, test.uncertain, errors.Is(err, ErrUncertain), "%v", err)
			require.Equal(t, test.uncertain || test.later, err != nil, "%v", err)
			require.Equal(t, "GET /api/v1/applications/shop?appNamespace=team-a&project=web", f.request(0).asked)
		})
	}
}

func TestArgoCDFollows(t *testing.T) {
	result := func(status, message string) string {
		return `, "syncResult": {"revision": "abc", "resources": [
			{"kind": "Job", "namespace": "shop", "name": "migrate", "hookPhase": "Succeeded", "syncPhase": "PreSync", "message": "done"},
			{"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web", "status": "` + status + `", "syncPhase": "Sync", "message": "` + message + `"}]}`
	}
	w := &waits{}
	f := newFake(t).on(argoGet,
		argoApp(testRun, otherRun, "Succeeded", "old", ""),
		says(429, "", "Retry-After", "11"),
		argoApp(testRun, testRun, "Running", "waiting for healthy state of apps/Deployment/web", result("", "")),
		says(502, ""),
		argoApp(testRun, testRun, "Running", "waiting for healthy state of apps/Deployment/web", result("Synced", "configured by "+testToken)),
		argoApp("", testRun, "Succeeded", "successfully synced (all tasks run)", result("Synced", "configured by "+testToken)))
	a := testArgoCD(f.URL)
	a.Remote = w.remote()
	job := began(remoteJob(t), testRun)
	_, err := a.Follow(t.Context(), job)
	require.ErrorContains(t, err, "502")
	require.Equal(t, []time.Duration{DefaultInterval, 11 * time.Second, DefaultInterval}, w.d)
	outcome, err := testArgoCD(f.URL).Follow(t.Context(), job)
	require.NoError(t, err)
	require.Equal(t, deploy.Outcome{Status: annotate.Succeeded, Text: "the sync ended as succeeded: successfully synced (all tasks run)"}, outcome)
	require.Equal(t, f.URL+`/applications/team-a/shop
The application's controller has not taken it up yet
Revision abc
Job shop/migrate: PreSync Succeeded: done
Deployment shop/web: Sync
Running: waiting for healthy state of apps/Deployment/web
Deployment shop/web: Sync Synced: configured by ***
Succeeded: successfully synced (all tasks run)
`, logged(t, job))
}

func TestArgoCDEnds(t *testing.T) {
	f := func(phase, message string, want annotate.Status) {
		t.Helper()
		require.Equal(t, want, argoOutcome(phase, message).Status)
	}
	f("Succeeded", "", annotate.Succeeded)
	f("Failed", "one or more objects failed to apply", annotate.Failed)
	f("Failed", "Operation terminated", annotate.Cancelled)
	f("Failed", "Operation forced to terminate (state was: Running)", annotate.Cancelled)
	f("Error", "ComparisonError: no such revision", annotate.Failed)
	for _, phase := range []string{"Running", "Terminating", ""} {
		require.False(t, (&argoState{Phase: phase}).over())
	}
}

func TestArgoCDIsLost(t *testing.T) {
	for want, answer := range map[string]http.HandlerFunc{
		"another operation": argoApp("", otherRun, "Succeeded", "", ""),
		"404":               says(404, `{"error": "applications.argoproj.io \"shop\" not found", "code": 5}`),
	} {
		f := newFake(t).on(argoGet, answer)
		outcome, err := testArgoCD(f.URL).Follow(t.Context(), began(remoteJob(t), testRun))
		require.NoError(t, err)
		require.Equal(t, annotate.Lost, outcome.Status)
		require.Contains(t, outcome.Text, want)
	}
	f := newFake(t).on(argoGet, says(403, `{"error": "permission denied"}`))
	_, err := testArgoCD(f.URL).Follow(t.Context(), began(remoteJob(t), testRun))
	require.ErrorContains(t, err, "permission denied")
}

func TestArgoCDCancels(t *testing.T) {
	mine, over := argoApp(testRun, testRun, "Running", "", ""), argoApp("", testRun, "Succeeded", "", "")
	refusing := says(400, `{"error": "Unable to terminate operation. No operation is in progress", "code": 3}`)
	for _, test := range []struct {
		name    string
		apps    []http.HandlerFunc
		stop    http.HandlerFunc
		stopped int
		err     string
	}{
		{"it goes on", []http.HandlerFunc{mine}, says(200, "{}"), 1, ""},
		{"it has ended", []http.HandlerFunc{over}, nil, 0, ""},
		{"another goes on", []http.HandlerFunc{argoApp(otherRun, otherRun, "Running", "", "")}, nil, 0, ""},
		{"it ends meanwhile", []http.HandlerFunc{mine, over}, refusing, 1, ""},
		{"it is not taken up yet", []http.HandlerFunc{argoApp(testRun, "", "", "", "")}, refusing, 1, "No operation is in progress"},
		{"it may not", []http.HandlerFunc{mine}, says(403, `{"error": "permission denied"}`), 1, "permission denied"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t).on(argoGet, test.apps...)
			if test.stop != nil {
				f.on(argoStop, test.stop)
			}
			err := testArgoCD(f.URL).Cancel(t.Context(), began(remoteJob(t), testRun))
			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.err)
			}
			_, stopped := f.posted(argoStop + "?appNamespace=team-a&project=web")
			require.Equal(t, test.stopped, stopped)
		})
	}
}

func TestArgoCDWaitsUntilTheApplicationIsHealthy(t *testing.T) {
	const synced = `, "finishedAt": "2026-11-01T12:00:05Z"`
	health := func(status, reconciled string) http.HandlerFunc {
		return says(200, fmt.Sprintf(`{"status": {"reconciledAt": %q, "health": {"status": %q, "message": "2 of 3"}}}`, reconciled, status))
	}
	const before, after = "2026-11-01T12:00:04Z", "2026-11-01T12:00:06Z"
	degraded := health("Degraded", after)
	for _, test := range []struct {
		name  string
		looks []http.HandlerFunc // the last again and again
		want  deploy.Outcome
	}{
		{"it becomes healthy", []http.HandlerFunc{health("Progressing", after), health("Healthy", after)}, deploy.Outcome{Status: annotate.Succeeded, Text: "synced, and healthy"}},
		{"what was before the sync does not count", []http.HandlerFunc{health("Healthy", before), health("Degraded", before), degraded}, deploy.Outcome{Status: annotate.Failed, Text: "synced, but degraded: 2 of 3"}},
		{"a moment of being degraded does not count", []http.HandlerFunc{degraded, degraded, health("Progressing", after), degraded, degraded, degraded, degraded, health("Healthy", after)}, deploy.Outcome{Status: annotate.Succeeded, Text: "synced, and healthy"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			looks := append([]http.HandlerFunc{argoApp("", testRun, "Succeeded", "done", synced)}, test.looks...)
			f := newFake(t).on(argoGet, func(w http.ResponseWriter, r *http.Request) {
				looks[0](w, r)
				if len(looks) > 1 {
					looks = looks[1:]
				}
			})
			a := testArgoCD(f.URL)
			a.SyncOnly = false
			job := remoteJob(t)
			job.Ref = deploy.Ref{ID: testRun}
			outcome, err := a.Follow(t.Context(), job)
			require.NoError(t, err)
			require.Equal(t, test.want, outcome)
		})
	}
	t.Run("and until somebody cancels", func(t *testing.T) {
		f := newFake(t).on(argoGet, argoApp("", testRun, "Succeeded", "done", synced))
		a := testArgoCD(f.URL)
		a.SyncOnly = false
		job := remoteJob(t)
		job.Ref = deploy.Ref{ID: testRun}
		require.NoError(t, a.Cancel(t.Context(), job))
		outcome, err := a.Follow(t.Context(), job)
		require.NoError(t, err)
		require.Equal(t, annotate.Cancelled, outcome.Status)
	})
}
