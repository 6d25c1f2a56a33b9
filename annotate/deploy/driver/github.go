package driver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/secret"
)

// GitHub has a workflow of GitHub Actions carry out a deploy. It follows the REST API
// in its version 2022-11-28, which github.com and each GitHub Enterprise Server know:
// https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event,
// …/workflow-runs and …/workflow-jobs.
type GitHub struct {
	Remote
	// API is https://api.github.com where it is empty; https://HOST/api/v3 for GitHub
	// Enterprise Server.
	API string
	// Repository is owner/name, and Workflow the name of the workflow's file.
	Repository, Workflow string
	// Ref is the branch or tag that the workflow is taken from.
	Ref deploy.Template
	// Inputs are the workflow's. One with {id} in it, which the workflow shows in its
	// run-name, has the run found after a crash, and at all by servers that do not
	// return what they begin.
	Inputs map[string]deploy.Template
	// Token has the right to write actions in the repository.
	Token secret.Secret
}

const (
	githubAPI = "https://api.github.com"
	// githubPages is how many pages of runs are searched, of githubRuns each. A run
	// takes up to 20 kB in its list.
	githubPages = 4
	githubRuns  = 30
	// githubLooks is how often a run is looked for that was begun just now.
	githubLooks = 12
)

var _ Driver = (*GitHub)(nil)

// Name implements Driver.
func (g *GitHub) Name() string { return "github" }

func (g *GitHub) open() (*session, error) {
	s, err := g.Remote.open(g.api(), g.Token, bearer)
	if err != nil {
		return nil, err
	}
	s.header.Set("Accept", "application/vnd.github+json")
	s.header.Set("X-GitHub-Api-Version", "2022-11-28")
	return s, nil
}

func (g *GitHub) api() string {
	if g.API == "" {
		return githubAPI
	}
	return strings.TrimRight(g.API, "/")
}

func (g *GitHub) actions() string {
	owner, name, _ := strings.Cut(g.Repository, "/")
	return g.api() + "/repos/" + url.PathEscape(owner) + "/" + url.PathEscape(name) + "/actions"
}

func (g *GitHub) workflow() string {
	return g.actions() + "/workflows/" + url.PathEscape(g.Workflow)
}

// named reports whether a run can be told from others by its name.
func (g *GitHub) named() bool {
	for _, input := range g.Inputs {
		if strings.Contains(string(input), "{"+deploy.PlaceholderID+"}") {
			return true
		}
	}
	return false
}

type githubDispatch struct {
	Ref     string            `json:"ref"`
	Inputs  map[string]string `json:"inputs,omitempty"`
	Details bool              `json:"return_run_details,omitempty"`
}

// Begin implements Driver.
func (g *GitHub) Begin(ctx context.Context, job Job) (deploy.Ref, error) {
	s, err := g.open()
	if err != nil {
		return deploy.Ref{}, err
	}
	defer s.close()
	values := job.Values()
	dispatch := githubDispatch{Ref: g.Ref.Fill(values, nil), Inputs: map[string]string{}, Details: true}
	for name, input := range g.Inputs {
		dispatch.Inputs[name] = input.Fill(values, nil)
	}
	a, err := g.dispatch(ctx, s, dispatch)
	var refused *refusal
	if errors.As(err, &refused) && !errors.Is(err, ErrUncertain) && strings.Contains(refused.message, "return_run_details") {
		// A server that does not know this key refuses the request as a whole, so that
		// nothing was begun by it.
		dispatch.Details = false
		a, err = g.dispatch(ctx, s, dispatch)
	}
	if err != nil {
		return deploy.Ref{}, err
	}
	var run struct {
		ID   int64  `json:"workflow_run_id"`
		Page string `json:"html_url"`
	}
	if json.Unmarshal(a.body, &run) == nil && run.ID > 0 {
		return deploy.Ref{ID: strconv.FormatInt(run.ID, 10), URL: run.Page}, nil
	}
	return g.await(ctx, s, job)
}

func (g *GitHub) dispatch(ctx context.Context, s *session, d githubDispatch) (*answer, error) {
	body, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return s.begin(ctx, call{method: http.MethodPost, url: g.workflow() + "/dispatches", body: body, header: jsonHeader()})
}

func jsonHeader() http.Header { return http.Header{"Content-Type": {"application/json"}} }

// await looks for a run that was begun just now by a server that does not say which.
func (g *GitHub) await(ctx context.Context, s *session, job Job) (deploy.Ref, error) {
	if !g.named() {
		return deploy.Ref{}, fmt.Errorf("%w: the server began a run but does not say which; "+
			"give the workflow an input with {id} and show it in its run-name", ErrUncertain)
	}
	for range githubLooks {
		if err := s.wait(ctx, s.interval()); err != nil {
			return deploy.Ref{}, fmt.Errorf("%w: %w", ErrUncertain, err)
		}
		found, err := g.search(ctx, s, job)
		switch {
		case err != nil:
			return deploy.Ref{}, fmt.Errorf("%w: %w", ErrUncertain, err)
		case found.ref.ID != "":
			return found.ref, nil
		}
	}
	return deploy.Ref{}, fmt.Errorf("%w: the server began a run, but none has %s in its name; "+
		"show the input with {id} in the workflow's run-name", ErrUncertain, job.ID)
}

// Find implements Driver. That nothing was begun is certain only where each run of
// the time shows the id of some other deploy: a workflow need not show it.
func (g *GitHub) Find(ctx context.Context, job Job) (deploy.Ref, bool, error) {
	s, err := g.open()
	if err != nil {
		return deploy.Ref{}, false, err
	}
	defer s.close()
	found, err := g.search(ctx, s, job)
	switch {
	case err != nil:
		return deploy.Ref{}, false, err
	case found.ref.ID != "":
		return found.ref, true, nil
	}
	if err := s.settle(job); err != nil {
		return deploy.Ref{}, false, err
	}
	if found.unnamed > 0 || !found.all {
		return deploy.Ref{}, false, fmt.Errorf("%w: %s has runs since then that do not show which deploy they are; "+
			"show an input with {id} in its run-name", ErrUncertain, g.Workflow)
	}
	return deploy.Ref{}, false, nil
}

type githubRun struct {
	ID         int64  `json:"id"`
	Title      string `json:"display_title"`
	Name       string `json:"name"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`
	Page       string `json:"html_url"`
}

// githubFound is what a search found: the run, or else how many there are that could
// be it, and whether it saw all.
type githubFound struct {
	ref     deploy.Ref
	unnamed int
	all     bool
}

var uuidText = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

func (g *GitHub) search(ctx context.Context, s *session, job Job) (githubFound, error) {
	var found githubFound
	query := url.Values{
		"event":    {"workflow_dispatch"},
		"created":  {">=" + since(job).Format(time.RFC3339)},
		"per_page": {strconv.Itoa(githubRuns)},
	}
	for page := 1; page <= githubPages; page++ {
		query.Set("page", strconv.Itoa(page))
		var list struct {
			Runs []githubRun `json:"workflow_runs"`
		}
		if _, err := s.jsonUpTo(ctx, g.workflow()+"/runs?"+query.Encode(), 4*maxAnswer, &list); err != nil {
			return found, err
		}
		for _, run := range list.Runs {
			title := run.Title + " " + run.Name
			switch {
			case strings.Contains(title, job.ID):
				found.ref = deploy.Ref{ID: strconv.FormatInt(run.ID, 10), URL: run.Page}
				return found, nil
			case !uuidText.MatchString(title):
				found.unnamed++
			}
		}
		if len(list.Runs) < githubRuns {
			found.all = true
			break
		}
	}
	return found, nil
}

// since is from when on what a job began can be.
func since(job Job) time.Time {
	begun := job.Started.Time
	if begun.IsZero() {
		begun = job.Queued.Time
	}
	return begun.Add(-skew).UTC()
}

// Follow implements Driver.
func (g *GitHub) Follow(ctx context.Context, job Job) (deploy.Outcome, error) {
	s, err := g.open()
	if err != nil {
		return deploy.Outcome{}, err
	}
	defer s.close()
	return s.follow(ctx, job, g.look)
}

func (g *GitHub) run(job Job) string { return g.actions() + "/runs/" + url.PathEscape(job.Ref.ID) }

// look asks for the run before its jobs: where it has ended, they have too.
func (g *GitHub) look(ctx context.Context, f *following) (none deploy.Outcome, over bool, err error) {
	var run githubRun
	if _, err := f.json(ctx, g.run(f.job), &run); err != nil {
		return none, false, f.missing(ctx, err, g.workflow())
	}
	f.link(run.Page)
	f.news("run", run.Status, "The run is %s", spaced(run.Status))
	if err := g.jobs(ctx, f); err != nil {
		return none, false, err
	}
	if run.Status != "completed" {
		return none, false, nil
	}
	return githubOutcome(run.Conclusion), true, nil
}

func githubOutcome(conclusion string) deploy.Outcome {
	status := annotate.Failed
	switch conclusion {
	case "success", "neutral":
		status = annotate.Succeeded
	case "cancelled":
		status = annotate.Cancelled
	case "":
		conclusion = "no conclusion"
	}
	return deploy.Outcome{Status: status, Text: "the run completed with " + spaced(shorten(conclusion, ""))}
}

// spaced is a word of an API as people write it.
func spaced(word string) string { return strings.ReplaceAll(word, "_", " ") }

// Cancel implements Driver. That the run has ended already is no error.
func (g *GitHub) Cancel(ctx context.Context, job Job) error {
	s, err := g.open()
	if err != nil {
		return err
	}
	defer s.close()
	return s.order(ctx, call{method: http.MethodPost, url: g.run(job) + "/cancel"}, http.StatusConflict)
}
