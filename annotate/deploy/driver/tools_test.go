package driver_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/driver"
	"github.com/tidemark/tidemark/annotate/deploy/runlog"
)

const (
	runID = "0198a000-0000-7000-8000-000000000001"
	token = "s3cr3t-token"
)

// tool is a server that other people's deploys are asked of. It answers by method and
// path, and keeps what it was asked.
type tool struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	answers map[string]func(http.ResponseWriter, *http.Request)
	asked   []string
	bodies  map[string]string
}

func newTool(t *testing.T) *tool {
	w := &tool{t: t, answers: map[string]func(http.ResponseWriter, *http.Request){}, bodies: map[string]string{}}
	w.Server = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.Close)
	return w
}

func (w *tool) serve(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	what := r.Method + " " + r.URL.EscapedPath()
	w.mu.Lock()
	w.asked = append(w.asked, what)
	w.bodies[what] = string(body)
	answer := w.answers[what]
	w.mu.Unlock()
	if r.Header.Get("Authorization") == "" && r.Header.Get("PRIVATE-TOKEN") == "" {
		http.Error(rw, "no token", http.StatusUnauthorized)
		return
	}
	if answer == nil {
		http.NotFound(rw, r)
		return
	}
	answer(rw, r)
}

// on has the tool answer so from now on. An answer is a status, headers as pairs and a
// body.
func (w *tool) on(what string, status int, body string, header ...string) {
	w.answer(what, func(rw http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			rw.Header().Set(header[i], header[i+1])
		}
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, body)
	})
}

func (w *tool) answer(what string, f func(http.ResponseWriter, *http.Request)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers[what] = f
}

func (w *tool) body(what string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bodies[what]
}

func (w *tool) count(what string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, asked := range w.asked {
		if asked == what {
			n++
		}
	}
	return n
}

// drop has the connection of a request closed without an answer.
func drop(rw http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(rw).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

// remote is a Remote that looks often.
func remote() driver.Remote { return driver.Remote{Interval: time.Millisecond} }

// toolJob is a job with values that break what is put together carelessly.
func toolJob(t *testing.T) driver.Job {
	folder := t.TempDir()
	return driver.Job{
		Run: deploy.Run{
			ID: runID, Service: "web", Environment: "production", Version: `v4"3/&x=1`, PreviousVersion: "v42",
			Parameters: map[string]string{"region": "eu"}, Reason: "it's\ntime", Who: &annotate.Who{Name: "ada"},
			Queued: annotate.At(time.Now().Add(-time.Hour)), Started: annotate.At(time.Now().Add(-time.Hour)),
		},
		Folder: folder, Log: runlog.File{Path: filepath.Join(folder, "log")}, Timeout: time.Minute, Grace: time.Second,
	}
}

func logged(t *testing.T, job driver.Job) string {
	t.Helper()
	text, err := os.ReadFile(job.Log.Path)
	require.NoError(t, err)
	return string(text)
}

// begins asks for a run that begins.
func begins(t *testing.T, d driver.Driver, job *driver.Job) {
	t.Helper()
	ref, err := d.Begin(t.Context(), *job)
	require.NoError(t, err)
	job.Ref = ref
}

func follows(t *testing.T, d driver.Driver, job driver.Job) deploy.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	outcome, err := d.Follow(ctx, job)
	require.NoError(t, err)
	return outcome
}

// remotes are the drivers of tools that begin with one request, and that request.
func remotes(w *tool) map[string]driver.Driver {
	secret := driver.SecretValue(token)
	return map[string]driver.Driver{
		"POST /api/v1/applications/web/sync":           &driver.ArgoCD{Remote: remote(), URL: w.URL, Token: secret, Application: "web"},
		"POST /job/ops/job/deploy/buildWithParameters": &driver.Jenkins{Remote: remote(), URL: w.URL, User: "bot", Token: secret, Job: "ops/deploy"},
		"POST /api/v4/projects/acme%2Fweb/pipeline":    &driver.GitLab{Remote: remote(), URL: w.URL, Token: secret, Project: "acme/web", Ref: "main"},
	}
}

func TestWhatIsRefusedWasNotBegunAndWhatIsNotAnsweredMayHaveBeen(t *testing.T) {
	w := newTool(t)
	for what, d := range remotes(w) {
		t.Run(d.Name(), func(t *testing.T) {
			w.on(what, http.StatusBadRequest, `{"message": "no such branch, says `+token+`"}`, "Content-Type", "application/json")
			_, err := d.Begin(t.Context(), toolJob(t))
			require.ErrorContains(t, err, "no such branch")
			require.NotContains(t, err.Error(), token)
			require.NotErrorIs(t, err, driver.ErrUncertain)

			for _, answer := range []func(http.ResponseWriter, *http.Request){
				drop, func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) },
			} {
				w.answer(what, answer)
				before := w.count(what)
				_, err = d.Begin(t.Context(), toolJob(t))
				require.ErrorIs(t, err, driver.ErrUncertain)
				require.Equal(t, before+1, w.count(what), "it is asked once, whatever comes")
			}
		})
	}
	w.Close()
	for _, d := range remotes(w) {
		_, err := d.Begin(t.Context(), toolJob(t))
		require.Error(t, err)
		require.NotErrorIs(t, err, driver.ErrUncertain, "nobody listens")
	}
}

func TestArgoCDSyncs(t *testing.T) {
	const app = "GET /api/v1/applications/web"
	state := func(id, phase, health string) string {
		return fmt.Sprintf(`{"status": {"operationState": {"operation": {"info": [{"name": "tidemark", "value": %q}]}, "phase": %q, "message": "one of two",
			"syncResult": {"revision": "abc", "resources": [{"kind": "Deployment", "namespace": "web", "name": "web", "status": "Synced", "message": "configured"}]}},
			"health": {"status": %q, "message": "2 of 3"}}}`, id, phase, health)
	}
	newDriver := func(w *tool) *driver.ArgoCD {
		return &driver.ArgoCD{Remote: remote(), URL: w.URL, Token: driver.SecretValue(token), Application: "web", Revision: "{version}"}
	}
	begun := func(t *testing.T) (*tool, *driver.ArgoCD, driver.Job) {
		w := newTool(t)
		w.on("POST /api/v1/applications/web/sync", 200, `{}`)
		d, job := newDriver(w), toolJob(t)
		begins(t, d, &job)
		return w, d, job
	}

	t.Run("until it is healthy", func(t *testing.T) {
		w, d, job := begun(t)
		var sent struct {
			Revision string
			Infos    []struct{ Name, Value string }
		}
		require.NoError(t, json.Unmarshal([]byte(w.body("POST /api/v1/applications/web/sync")), &sent))
		require.Equal(t, job.Version, sent.Revision)
		require.Equal(t, runID, sent.Infos[0].Value)
		require.Equal(t, w.URL+"/applications/web", job.Ref.URL)

		steps := []string{`{"operation": {"info": [{"name": "tidemark", "value": "` + runID + `"}]}, "status": {}}`, state(runID, "Running", "Progressing"), state(runID, "Succeeded", "Progressing"), state("another", "Running", "Healthy")}
		w.answer(app, func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(rw, steps[0])
			if len(steps) > 1 {
				steps = steps[1:]
			}
		})
		require.Equal(t, deploy.Outcome{Status: annotate.Succeeded, Text: "synced, and healthy"}, follows(t, d, job))
		text := logged(t, job)
		require.Equal(t, 1, strings.Count(text, "Deployment web: Synced configured"), text)
		require.Contains(t, text, "Succeeded at abc: one of two")
	})
	for _, test := range []struct {
		name, answer string
		status       annotate.Status
		text         string
	}{
		{"a sync that fails", state(runID, "Failed", ""), annotate.Failed, "the sync failed: one of two"},
		{"one that leaves it degraded", state(runID, "Succeeded", "Degraded"), annotate.Failed, "synced, but degraded: 2 of 3"},
		{"another that took its place", state("another", "Running", ""), annotate.Lost, "another sync of the application took its place"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, d, job := begun(t)
			w.on(app, 200, test.answer)
			outcome := follows(t, d, job)
			require.Equal(t, test.status, outcome.Status)
			require.Contains(t, outcome.Text, test.text)
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		w, d, job := begun(t)
		w.on(app, 200, state(runID, "Running", ""))
		w.on("DELETE /api/v1/applications/web/operation", 200, `{}`)
		require.NoError(t, d.Cancel(t.Context(), job))
		require.Equal(t, 1, w.count("DELETE /api/v1/applications/web/operation"))
		w.on(app, 200, state("another", "Running", ""))
		require.NoError(t, d.Cancel(t.Context(), job))
		require.Equal(t, 1, w.count("DELETE /api/v1/applications/web/operation"), "another's is left alone")
		job.Cancel = &deploy.Cancel{}
		w.on(app, 200, state(runID, "Failed", ""))
		require.Equal(t, annotate.Cancelled, follows(t, d, job).Status)
	})
	t.Run("found", func(t *testing.T) {
		w := newTool(t)
		d := newDriver(w)
		w.on(app, 200, state(runID, "Running", ""))
		_, ok, err := d.Find(t.Context(), toolJob(t))
		require.NoError(t, err)
		require.True(t, ok)
		w.on(app, 200, state("another", "Running", ""))
		_, _, err = d.Find(t.Context(), toolJob(t))
		require.ErrorIs(t, err, driver.ErrUncertain)
		fresh := toolJob(t)
		fresh.Started = annotate.At(time.Now())
		_, _, err = d.Find(t.Context(), fresh)
		require.Error(t, err)
		require.NotErrorIs(t, err, driver.ErrUncertain, "it can be told later")
	})
}

func TestJenkinsBuilds(t *testing.T) {
	const (
		begin = "POST /job/ops/job/deploy/buildWithParameters"
		item  = "GET /queue/item/12/api/json"
		build = "GET /job/ops/job/deploy/7/api/json"
		text  = "GET /job/ops/job/deploy/7/logText/progressiveText"
		list  = "GET /job/ops/job/deploy/api/json"
	)
	begun := func(t *testing.T) (*tool, *driver.Jenkins, driver.Job) {
		w := newTool(t)
		w.on(begin, 201, "", "Location", w.URL+"/queue/item/12/")
		d := &driver.Jenkins{
			Remote: remote(), URL: w.URL + "/", User: "bot", Token: driver.SecretValue(token), Job: "ops/deploy",
			Parameters: map[string]deploy.Template{"VERSION": "{version}"},
		}
		job := toolJob(t)
		begins(t, d, &job)
		w.on(item, 200, `{"executable": {"number": 7, "url": "https://ci.example/7/"}}`)
		return w, d, job
	}
	t.Run("its output is followed", func(t *testing.T) {
		w, d, job := begun(t)
		form, err := url.ParseQuery(w.body(begin))
		require.NoError(t, err)
		require.Equal(t, url.Values{"VERSION": {job.Version}, "TIDEMARK_DEPLOY_ID": {runID}}, form)

		output, waits := "Started\nwith "+token+"\n", 2
		w.answer(item, func(rw http.ResponseWriter, _ *http.Request) {
			if waits--; waits > 0 {
				_, _ = io.WriteString(rw, `{"why": "Waiting for an executor"}`)
				return
			}
			_, _ = io.WriteString(rw, `{"executable": {"number": 7, "url": "https://ci.example/7/"}}`)
		})
		looks := 0
		w.answer(build, func(rw http.ResponseWriter, _ *http.Request) {
			if looks++; looks < 3 {
				_, _ = io.WriteString(rw, `{"number": 7, "building": true}`)
				return
			}
			output = "Started\nwith " + token + "\nFinished\n"
			_, _ = io.WriteString(rw, `{"number": 7, "building": false, "result": "SUCCESS"}`)
		})
		w.answer(text, func(rw http.ResponseWriter, r *http.Request) {
			var start int
			_, _ = fmt.Sscan(r.URL.Query().Get("start"), &start)
			rw.Header().Set("X-Text-Size", fmt.Sprint(len(output)))
			_, _ = io.WriteString(rw, output[start:])
		})
		require.Equal(t, deploy.Outcome{Status: annotate.Succeeded, Text: "build 7 ended as SUCCESS"}, follows(t, d, job))
		require.Equal(t, "waits: Waiting for an executor\nbuild 7: https://ci.example/7/\nStarted\nwith ***\nFinished\n", logged(t, job))
		require.Equal(t, annotate.Succeeded, follows(t, d, job).Status, "asked again, as after a restart")
		require.Equal(t, 1, strings.Count(logged(t, job), "Started"))
	})
	for result, status := range map[string]annotate.Status{"FAILURE": annotate.Failed, "UNSTABLE": annotate.Failed, "ABORTED": annotate.Cancelled} {
		t.Run(result, func(t *testing.T) {
			w, d, job := begun(t)
			w.on(build, 200, `{"number": 7, "result": "`+result+`"}`)
			w.on(text, 200, "")
			require.Equal(t, status, follows(t, d, job).Status)
		})
	}
	t.Run("whose queue has forgotten it", func(t *testing.T) {
		w, d, job := begun(t)
		w.on(item, 404, "")
		w.on(list, 200, `{"builds": [{"number": 8, "queueId": 13}, {"number": 7, "queueId": 12}]}`)
		w.on(build, 200, `{"number": 7, "result": "SUCCESS"}`)
		w.on(text, 200, "")
		require.Equal(t, annotate.Succeeded, follows(t, d, job).Status)
		job = toolJob(t)
		job.Ref = deploy.Ref{ID: "queue item 99"}
		w.on("GET /queue/item/99/api/json", 404, "")
		require.Equal(t, annotate.Lost, follows(t, d, job).Status)
	})
	t.Run("cancelled in the queue, and as a build", func(t *testing.T) {
		w, d, job := begun(t)
		w.on(list, 200, `{"builds": []}`)
		w.on("POST /queue/cancelItem", 204, "")
		require.NoError(t, d.Cancel(t.Context(), job))
		w.on(item, 200, `{"cancelled": true}`)
		require.Equal(t, annotate.Cancelled, follows(t, d, job).Status)
		w.on(list, 200, `{"builds": [{"number": 7, "queueId": 12}]}`)
		w.on("POST /job/ops/job/deploy/7/stop", 302, "", "Location", "/job/ops/job/deploy/7/")
		require.NoError(t, d.Cancel(t.Context(), job))
		require.Equal(t, 1, w.count("POST /job/ops/job/deploy/7/stop"))
	})
	t.Run("found by its parameter", func(t *testing.T) {
		w, d, job := begun(t)
		w.on("GET /queue/api/json", 200, `{"items": [{"id": 12, "actions": [{}, {"parameters": [{"name": "TIDEMARK_DEPLOY_ID", "value": "`+runID+`"}]}]}]}`)
		ref, ok, err := d.Find(t.Context(), job)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, job.Ref.ID, ref.ID)
		w.on("GET /queue/api/json", 200, `{"items": []}`)
		w.on(list, 200, `{"builds": [{"number": 7, "queueId": 12, "actions": [{"parameters": [{"name": "DEBUG", "value": true}]}]}]}`)
		_, _, err = d.Find(t.Context(), job)
		require.ErrorIs(t, err, driver.ErrUncertain)
	})
}

func TestGitLabRunsAPipeline(t *testing.T) {
	const (
		project  = "/api/v4/projects/acme%2Fweb"
		pipeline = "GET " + project + "/pipelines/5"
		jobs     = pipeline + "/jobs"
	)
	begun := func(t *testing.T) (*tool, *driver.GitLab, driver.Job) {
		w := newTool(t)
		w.on("POST "+project+"/pipeline", 201, `{"id": 5, "status": "created", "web_url": "https://git.example/5"}`)
		d := &driver.GitLab{
			Remote: remote(), URL: w.URL, Token: driver.SecretValue(token), Project: "acme/web", Ref: "main",
			Variables: map[string]deploy.Template{"VERSION": "{version}"},
		}
		job := toolJob(t)
		begins(t, d, &job)
		return w, d, job
	}
	t.Run("and its jobs tell", func(t *testing.T) {
		w, d, job := begun(t)
		require.Equal(t, deploy.Ref{ID: "5", URL: "https://git.example/5"}, job.Ref)
		require.JSONEq(t, `{"ref": "main", "variables": [{"key": "TIDEMARK_DEPLOY_ID", "value": "`+runID+`"}, {"key": "VERSION", "value": "v4\"3/&x=1"}]}`,
			w.body("POST "+project+"/pipeline"))
		looks := 0
		w.answer(pipeline, func(rw http.ResponseWriter, _ *http.Request) {
			looks++
			status := "running"
			if looks > 2 {
				status = "success"
			}
			fmt.Fprintf(rw, `{"id": 5, "status": %q}`, status)
		})
		w.answer(jobs, func(rw http.ResponseWriter, _ *http.Request) {
			if looks < 2 {
				_, _ = io.WriteString(rw, `[{"id": 1, "name": "deploy", "status": "running"}]`)
				return
			}
			_, _ = io.WriteString(rw, `[{"id": 1, "name": "deploy", "status": "success", "finished_at": "2026-11-27T10:00:00Z"}]`)
		})
		w.on("GET "+project+"/jobs/1/trace", 200, "\x1b[32mrolling out\x1b[0m "+token+"\n")
		require.Equal(t, deploy.Outcome{Status: annotate.Succeeded, Text: "pipeline 5 ended as success"}, follows(t, d, job))
		follows(t, d, job)
		require.Equal(t, 1, strings.Count(logged(t, job), "rolling out ***\n"), logged(t, job))
		require.Contains(t, logged(t, job), "deploy: running")
	})
	for status, want := range map[string]annotate.Status{"failed": annotate.Failed, "canceled": annotate.Cancelled, "skipped": annotate.Failed} {
		t.Run(status, func(t *testing.T) {
			w, d, job := begun(t)
			w.on(pipeline, 200, `{"id": 5, "status": "`+status+`"}`)
			w.on(jobs, 200, `[{"id": 1, "name": "deploy", "status": "failed", "failure_reason": "script_failure"}]`)
			outcome := follows(t, d, job)
			require.Equal(t, want, outcome.Status)
			if status == "failed" {
				require.Equal(t, "pipeline 5 ended as failed: deploy failed, script_failure", outcome.Text)
			}
		})
	}
	t.Run("that was removed", func(t *testing.T) {
		w, d, job := begun(t)
		w.on("GET "+project, 200, `{}`)
		require.Equal(t, annotate.Lost, follows(t, d, job).Status)
		w.on("GET "+project, 404, `{}`)
		_, err := d.Follow(t.Context(), job)
		require.ErrorContains(t, err, "nor can be seen where it should be", "it may be the token that may not see it")
	})
	t.Run("that is cancelled", func(t *testing.T) {
		w, d, job := begun(t)
		w.on("POST "+project+"/pipelines/5/cancel", 200, `{}`)
		require.NoError(t, d.Cancel(t.Context(), job))
		w.on("POST "+project+"/pipelines/5/cancel", 403, `{"message": "403 Forbidden"}`, "Content-Type", "application/json")
		require.ErrorContains(t, d.Cancel(t.Context(), job), "403 Forbidden")
	})
	t.Run("that is found", func(t *testing.T) {
		w, d, job := begun(t)
		w.on("GET "+project+"/pipelines", 200, `[{"id": 6}, {"id": 5, "web_url": "https://git.example/5"}]`)
		w.on("GET "+project+"/pipelines/6/variables", 200, `[]`)
		w.on("GET "+project+"/pipelines/5/variables", 200, `[{"key": "TIDEMARK_DEPLOY_ID", "value": "`+runID+`"}]`)
		ref, ok, err := d.Find(t.Context(), job)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, job.Ref, ref)
		w.on("GET "+project+"/pipelines/5/variables", 200, `[]`)
		_, ok, err = d.Find(t.Context(), job)
		require.NoError(t, err)
		require.False(t, ok, "GitLab would have it by now")
		w.on("GET "+project+"/pipelines/5/variables", 403, `{}`)
		_, _, err = d.Find(t.Context(), job)
		require.ErrorIs(t, err, driver.ErrUncertain)
	})
	t.Run("that is asked about too often", func(t *testing.T) {
		w, d, job := begun(t)
		d.Wait = func(ctx context.Context, wait time.Duration) error {
			if wait == 7*time.Second {
				w.on(pipeline, 200, `{"id": 5, "status": "success"}`)
				w.on(jobs, 200, `[]`)
				return nil
			}
			return errors.New("waits " + wait.String())
		}
		w.on(pipeline, 429, "", "Retry-After", "7")
		require.Equal(t, annotate.Succeeded, follows(t, d, job).Status)
	})
}

func TestATokenIsReadAnewAndNeverShown(t *testing.T) {
	w := newTool(t)
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("first\n"), 0o600))
	d := &driver.GitLab{Remote: remote(), URL: w.URL, Token: driver.SecretFile(file), Project: "acme/web", Ref: "main"}
	var tokens []string
	w.answer("POST /api/v4/projects/acme%2Fweb/pipeline", func(rw http.ResponseWriter, r *http.Request) {
		tokens = append(tokens, r.Header.Get("PRIVATE-TOKEN"))
		_, _ = io.WriteString(rw, `{"id": 5}`)
	})
	job := toolJob(t)
	begins(t, d, &job)
	require.NoError(t, os.WriteFile(file, []byte("second\n"), 0o600))
	begins(t, d, &job)
	require.Equal(t, []string{"first", "second"}, tokens)
	shown, err := json.Marshal(driver.SecretValue(token))
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v %s", driver.SecretValue(token), *d, driver.SecretValue(token), shown), token)
	require.NoError(t, os.Remove(file))
	_, err = d.Begin(t.Context(), job)
	require.ErrorContains(t, err, "nothing was begun")
}
