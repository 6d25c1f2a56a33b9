package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
	"github.com/tidemark/tidemark/annotate/deploy"
	deploys "github.com/tidemark/tidemark/annotate/deploy/control"
	"github.com/tidemark/tidemark/annotate/deploy/driver"
	"github.com/tidemark/tidemark/internal/auth"
)

// printer is a driver whose deploys print their version and succeed once they are
// released.
type printer struct{ release chan struct{} }

func (printer) Name() string { return "printer" }

func (printer) Begin(context.Context, driver.Job) (deploy.Ref, error) {
	return deploy.Ref{ID: "1"}, nil
}

func (printer) Find(context.Context, driver.Job) (deploy.Ref, bool, error) {
	return deploy.Ref{}, false, nil
}

func (d printer) Follow(ctx context.Context, job driver.Job) (deploy.Outcome, error) {
	log, err := job.Log.Append()
	if err != nil {
		return deploy.Outcome{}, err
	}
	defer log.Close()
	log.Printf("deploying %s", job.Version)
	select {
	case <-d.release:
		return deploy.Outcome{Status: annotate.Succeeded, Text: "Done."}, nil
	case <-ctx.Done():
		return deploy.Outcome{}, ctx.Err()
	}
}

func (d printer) Cancel(context.Context, driver.Job) error { return nil }

// deploying starts a server that deploys web to production, which takes the role need,
// and to staging.
func deploying(t *testing.T, need auth.Role, release chan struct{}) *running {
	t.Helper()
	return start(t, func(o *Options) {
		version, err := deploy.Pattern(deploy.DefaultPattern)
		require.NoError(t, err)
		target := func(environment string) deploys.Target {
			return deploys.Target{Target: deploy.Target{ID: deploy.ID{Service: "web", Environment: environment}, Version: version, Timeout: time.Hour}, Driver: printer{release}}
		}
		c, err := deploys.Open(t.Context(), deploys.Options{
			Log: o.Changes.(*changelog.Log), Folder: t.TempDir(),
			Settings: deploys.Settings{Targets: []deploys.Target{target("production"), target("staging")}},
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		o.Deploys = c
		o.EnvironmentNeeds = func(environment string) auth.Role {
			if environment == "production" {
				return need
			}
			return auth.Operator
		}
	})
}

// reaches waits until a deploy has a status.
func (r *running) reaches(id string, status annotate.Status) deploys.View {
	r.t.Helper()
	var v deploys.View
	require.Eventually(r.t, func() bool {
		v = decodeAs[deploys.View](r.t, r.do(http.MethodGet, "/api/v1/deploys/"+id, "").body)
		return v.Status == status
	}, 10*time.Second, 5*time.Millisecond)
	return v
}

func TestADeployIsAskedForFollowedAndRolledBack(t *testing.T) {
	release := make(chan struct{}, 10)
	s := deploying(t, auth.Operator, release)
	ask := func(version string) deploys.View {
		a := s.do(http.MethodPost, "/api/v1/deploys", fmt.Sprintf(`{"service": "web", "environment": "production", "version": %q, "reason": "why", "who": "ann"}`, version))
		require.Equal(t, http.StatusCreated, a.status, a.body)
		v := decodeAs[deploys.View](t, a.body)
		require.Equal(t, "/api/v1/deploys/"+v.ID, a.header.Get("Location"))
		return v
	}
	first := ask("v42")
	release <- struct{}{}
	s.reaches(first.ID, annotate.Succeeded)
	second := ask("v43")
	s.reaches(second.ID, annotate.Running)

	waiting := ask("v44")
	targets := decodeAs[struct{ Targets []deploys.TargetView }](t, s.do(http.MethodGet, "/api/v1/deploys/targets", "").body)
	require.Len(t, targets.Targets, 2)
	require.Equal(t, second.ID, targets.Targets[0].Running.ID)
	require.Equal(t, waiting.ID, targets.Targets[0].Queue[0].ID)
	require.Equal(t, first.ID, targets.Targets[0].Last.ID)
	a := s.do(http.MethodPost, "/api/v1/deploys/"+waiting.ID+"/cancel", `{"reason": "not needed"}`)
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, annotate.Cancelled, decodeAs[deploys.View](t, a.body).Status)
	require.Equal(t, http.StatusConflict, s.do(http.MethodPost, "/api/v1/deploys/"+waiting.ID+"/cancel", "").status)

	stream := make(chan string)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api/v1/deploys/"+second.ID+"/log/stream", nil)
	require.NoError(t, err)
	resp, err := s.http.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	go func() {
		text, _ := io.ReadAll(resp.Body)
		stream <- string(text)
	}()
	release <- struct{}{}
	text := <-stream // it ends by itself
	require.Regexp(t, `id: 14\nevent: log\ndata: \{"text":"deploying v43\\n"\}\n`, text)
	events := regexp.MustCompile(`event: (\w+)`).FindAllString(text, -1)
	require.Equal(t, "event: deploy", events[len(events)-1])
	require.Contains(t, text[strings.LastIndex(text, "data: "):], `"status":"succeeded"`)

	require.Equal(t, "deploying v43\n", s.do(http.MethodGet, "/api/v1/deploys/"+second.ID+"/log", "").body)
	require.Equal(t, "v43\n", s.do(http.MethodGet, "/api/v1/deploys/"+second.ID+"/log?offset=10", "").body)

	a = s.do(http.MethodPost, "/api/v1/deploys/"+second.ID+"/rollback", `{"reason": "errors"}`)
	require.Equal(t, http.StatusCreated, a.status, a.body)
	back := decodeAs[deploys.View](t, a.body)
	require.Equal(t, "v42", back.Version)
	release <- struct{}{}
	s.reaches(back.ID, annotate.Succeeded)
	change := decodeAs[annotate.Change](t, s.do(http.MethodGet, "/api/v1/changes/"+back.ID, "").body)
	require.Equal(t, second.ID, change.Undoes)

	list := decodeAs[struct{ Deploys []deploys.View }](t, s.do(http.MethodGet, "/api/v1/deploys?service=web&status=succeeded&limit=2", "").body)
	require.Len(t, list.Deploys, 2)
	require.Equal(t, back.ID, list.Deploys[0].ID)
}

func TestAskedForTwiceADeployIsOne(t *testing.T) {
	s := deploying(t, auth.Operator, make(chan struct{}))
	body := `{"service": "web", "environment": "staging", "version": "v1", "external_id": "build/7"}`
	first := s.do(http.MethodPost, "/api/v1/deploys", body)
	require.Equal(t, http.StatusCreated, first.status, first.body)
	again := s.do(http.MethodPost, "/api/v1/deploys", body)
	require.Equal(t, http.StatusOK, again.status, again.body)
	require.Equal(t, first.header.Get("Location"), again.header.Get("Location"))
}

func TestADeployThatIsHeldIsLocked(t *testing.T) {
	s := deploying(t, auth.Operator, make(chan struct{}))
	h := decodeAs[deploy.Hold](t, s.do(http.MethodPost, "/api/v1/holds", `{"service": "web", "for": "2h", "reason": "the database moves", "who": "ann"}`).body)
	body := `{"service": "web", "environment": "staging", "version": "v1", "reason": "urgent"%s}`
	a := s.do(http.MethodPost, "/api/v1/deploys", fmt.Sprintf(body, ""))
	require.Equal(t, http.StatusLocked, a.status, a.body)
	require.Contains(t, a.body, "web in staging is held by ann until ")
	a = s.do(http.MethodPost, "/api/v1/deploys", fmt.Sprintf(body, `, "if_held": "wait"`))
	require.Equal(t, http.StatusCreated, a.status, a.body)
	require.Equal(t, h.ID, decodeAs[deploys.View](t, a.body).Obstacles[0].ID)
}

func TestWhatIsWrongWithADeployIsSaid(t *testing.T) {
	s := deploying(t, auth.Operator, make(chan struct{}))
	for body, want := range map[string]string{
		`{"service": "web", "version": "v1"}`:                                                 "environment: is missing; web can be deployed to production, staging",
		`{"service": "api", "version": "v1"}`:                                                 "service: is none that can be deployed; there are web",
		`{"service": "web", "environment": "staging"}`:                                        "version: is missing",
		`{"service": "web", "environment": "staging", "version": "--force"}`:                  "version: begins with a dash",
		`{"service": "web", "environment": "staging", "version": "v1", "if_held": "perhaps"}`: "if_held: must be fail or wait",
		`{"service": "web", "environment": "staging", "version": "v1", "colour": "red"}`:      "colour",
		`{"service": "web", "environment": "staging", "version": 7}`:                          "version",
	} {
		a := s.do(http.MethodPost, "/api/v1/deploys", body)
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, a.status, a.body)
		require.Contains(t, a.body, want, body)
	}
	for path, status := range map[string]int{
		"/api/v1/deploys?state=planned":    http.StatusUnprocessableEntity,
		"/api/v1/deploys?status=waiting":   http.StatusUnprocessableEntity,
		"/api/v1/deploys?limit=0":          http.StatusUnprocessableEntity,
		"/api/v1/deploys/nothing":          http.StatusNotFound,
		"/api/v1/deploys/nothing/log":      http.StatusNotFound,
		"/api/v1/deploys/x/log?offset=-1":  http.StatusUnprocessableEntity,
		"/api/v1/deploys/x/log/stream":     http.StatusNotFound,
		"/api/v1/deploys/x/log/stream?a=b": http.StatusUnprocessableEntity,
	} {
		require.Equal(t, status, s.do(http.MethodGet, path, "").status, path)
	}
	require.Equal(t, http.StatusNotFound, s.do(http.MethodPost, "/api/v1/deploys/01a4e5b4-0000-7000-8000-000000000000/rollback", "").status)
}

func TestDeployingTakesTheRoleOfTheEnvironment(t *testing.T) {
	s := deploying(t, auth.Admin, make(chan struct{}))
	body := `{"service": "web", "environment": %q, "version": "v1"}`
	a := s.do(http.MethodPost, "/api/v1/deploys", fmt.Sprintf(body, "production"))
	require.Equal(t, http.StatusForbidden, a.status)
	require.Contains(t, a.body, "needs the role admin")
	a = s.do(http.MethodPost, "/api/v1/deploys", fmt.Sprintf(body, "staging"))
	require.Equal(t, http.StatusCreated, a.status, a.body)
	v := decodeAs[deploys.View](t, a.body)

	operator, admin, viewer := "Bearer "+s.token("ops", auth.Operator), "Bearer "+s.token("root", auth.Admin), "Bearer "+s.token("eyes", auth.Viewer)
	a = s.do(http.MethodPost, "/api/v1/deploys", fmt.Sprintf(body, "production"), "Authorization", admin)
	require.Equal(t, http.StatusCreated, a.status, a.body)
	locked := decodeAs[deploys.View](t, a.body)
	for path, status := range map[string]int{
		locked.ID + "/cancel":   http.StatusForbidden,
		locked.ID + "/rollback": http.StatusForbidden,
		v.ID + "/cancel":        http.StatusOK,
	} {
		a := s.do(http.MethodPost, "/api/v1/deploys/"+path, "", "Authorization", operator)
		require.Equal(t, status, a.status, a.body)
	}
	require.Equal(t, http.StatusForbidden, s.do(http.MethodGet, "/api/v1/deploys/"+v.ID+"/log", "", "Authorization", viewer).status, "a log is for those who deploy")
	require.Equal(t, http.StatusOK, s.do(http.MethodGet, "/api/v1/deploys/"+v.ID, "", "Authorization", viewer).status)
}

func TestThePageOfDeploysShowsWhatRunsAndWaits(t *testing.T) {
	release := make(chan struct{}, 10)
	s := deploying(t, auth.Operator, release)
	ask := func(version string) deploys.View {
		return decodeAs[deploys.View](t, s.do(http.MethodPost, "/api/v1/deploys", fmt.Sprintf(`{"service": "web", "environment": "production", "version": %q, "who": "<ann>"}`, version)).body)
	}
	done := ask("v1")
	release <- struct{}{}
	s.reaches(done.ID, annotate.Succeeded)
	running, waiting := ask("v2"), ask("v3")
	s.reaches(running.ID, annotate.Running)
	s.do(http.MethodPost, "/api/v1/holds", `{"environment": "staging", "for": "2h", "reason": "the <database> moves", "who": "bob"}`)

	a := s.do(http.MethodGet, "/deploys", "")
	require.Equal(t, http.StatusOK, a.status)
	require.Regexp(t, `(?s)<td>production</td><td><a href="/changes/`+running.ID+`">v2</a>, should be done .*<td><a href="/changes/`+waiting.ID+`">v3</a></td><td><a href="/changes/`+done.ID+`">v1</a>`, a.body)
	require.Regexp(t, `<td>\d[\d.]*s</td>`, a.body, "how long the last one took")
	require.Contains(t, a.body, "held by bob until ")
	require.Contains(t, a.body, "the &lt;database&gt; moves")
	require.NotContains(t, a.body, "<ann>")

	for id, want := range map[string]string{
		done.ID:    "tidemark deploy rollback " + done.ID,
		running.ID: "tidemark deploy cancel " + running.ID,
		waiting.ID: "Number 1 of the queue, behind",
	} {
		body := s.do(http.MethodGet, "/changes/"+id, "").body
		require.Contains(t, body, want)
		require.NotContains(t, body, "tidemark change finish", "Tidemark does so itself")
	}
	require.NotContains(t, start(t, nil).do(http.MethodGet, "/", "").body, "/deploys", "no link where there are none")
}
