package driver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/secret"
)

// GitLab has a pipeline of GitLab carry out a deploy. It follows the REST API v4:
// https://docs.gitlab.com/api/pipelines/ and https://docs.gitlab.com/api/jobs/. Child
// pipelines count as far as the jobs that start them wait for them; their own jobs are
// not in the log.
type GitLab struct {
	Remote
	// API is where GitLab is; https://gitlab.com where it is empty.
	API string
	// Project is its path, such as group/app, or its number.
	Project string
	// Ref is the branch or tag that the pipeline is made for.
	Ref deploy.Template
	// Variables are the pipeline's. TIDEMARK_DEPLOY_ID is always among them.
	Variables map[string]deploy.Template
	// Token has the scope api, and a role that may run pipelines with variables.
	Token secret.Secret
}

const (
	gitlabAPI = "https://gitlab.com"
	// deployVariable is what has a run's id where a tool's runs have variables.
	deployVariable = "TIDEMARK_DEPLOY_ID"
	// gitlabPages is how many pages of pipelines are searched, of gitlabPipelines each.
	gitlabPages     = 5
	gitlabPipelines = 20
)

var _ Driver = (*GitLab)(nil)

// Name implements Driver.
func (g *GitLab) Name() string { return "gitlab" }

func (g *GitLab) open() (*session, error) {
	return g.Remote.open(g.api(), g.Token, func(h http.Header, token string) { h.Set("PRIVATE-TOKEN", token) })
}

func (g *GitLab) api() string {
	if g.API == "" {
		return gitlabAPI
	}
	return strings.TrimRight(g.API, "/")
}

func (g *GitLab) project() string { return g.api() + "/api/v4/projects/" + url.PathEscape(g.Project) }

func (g *GitLab) pipeline(job Job) string {
	return g.project() + "/pipelines/" + url.PathEscape(job.Ref.ID)
}

type gitlabVariable struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Type  string `json:"variable_type,omitempty"`
}

type gitlabPipeline struct {
	ID     int64  `json:"id"`
	Status string `json:"status"`
	Name   string `json:"name"`
	Page   string `json:"web_url"`
}

func (p gitlabPipeline) ref() deploy.Ref {
	return deploy.Ref{ID: strconv.FormatInt(p.ID, 10), URL: p.Page}
}

// Begin implements Driver.
func (g *GitLab) Begin(ctx context.Context, job Job) (deploy.Ref, error) {
	s, err := g.open()
	if err != nil {
		return deploy.Ref{}, err
	}
	defer s.close()
	values := job.Values()
	variables := []gitlabVariable{{deployVariable, job.ID, "env_var"}}
	for _, name := range slices.Sorted(maps.Keys(g.Variables)) {
		if name != deployVariable {
			variables = append(variables, gitlabVariable{name, g.Variables[name].Fill(values, nil), "env_var"})
		}
	}
	body, err := json.Marshal(map[string]any{"ref": g.Ref.Fill(values, nil), "variables": variables})
	if err != nil {
		return deploy.Ref{}, err
	}
	a, err := s.begin(ctx, call{method: http.MethodPost, url: g.project() + "/pipeline", body: body, header: jsonHeader()})
	if err != nil {
		return deploy.Ref{}, err
	}
	var made gitlabPipeline
	if err := s.decode(a, &made); err != nil {
		return deploy.Ref{}, fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	if made.ID <= 0 {
		return deploy.Ref{}, fmt.Errorf("%w: the answer of %s has no pipeline's id", ErrUncertain, a.url.Host)
	}
	return made.ref(), nil
}

// Find implements Driver. That nothing was begun is certain once all pipelines since
// then were seen with their variables: each that a driver makes has the run's id among
// them from its first moment.
func (g *GitLab) Find(ctx context.Context, job Job) (deploy.Ref, bool, error) {
	s, err := g.open()
	if err != nil {
		return deploy.Ref{}, false, err
	}
	defer s.close()
	ref, all, err := g.search(ctx, s, job)
	var refused *refusal
	switch {
	case errors.As(err, &refused) && refused.status == http.StatusForbidden && !refused.limited:
		return deploy.Ref{}, false, fmt.Errorf("%w: the token may not see the pipelines and their variables: %w", ErrUncertain, err)
	case err != nil:
		return deploy.Ref{}, false, err
	case ref.ID != "":
		return ref, true, nil
	}
	if err := s.settle(job); err != nil {
		return deploy.Ref{}, false, err
	}
	if !all {
		return deploy.Ref{}, false, fmt.Errorf("%w: none of the last %d pipelines is it, and there are more", ErrUncertain, gitlabPages*gitlabPipelines)
	}
	return deploy.Ref{}, false, nil
}

func (g *GitLab) search(ctx context.Context, s *session, job Job) (ref deploy.Ref, all bool, err error) {
	query := url.Values{
		"source": {"api"}, "order_by": {"id"}, "sort": {"desc"},
		"updated_after": {since(job).Format(time.RFC3339)}, "per_page": {strconv.Itoa(gitlabPipelines)},
	}
	for page := 1; page <= gitlabPages; page++ {
		query.Set("page", strconv.Itoa(page))
		var list []gitlabPipeline
		if _, err := s.json(ctx, g.project()+"/pipelines?"+query.Encode(), &list); err != nil {
			return ref, false, err
		}
		for _, p := range list {
			if strings.Contains(p.Name, job.ID) {
				return p.ref(), true, nil
			}
			var variables []gitlabVariable
			if _, err := s.json(ctx, fmt.Sprintf("%s/pipelines/%d/variables?per_page=100", g.project(), p.ID), &variables); err != nil {
				return ref, false, err
			}
			if slices.ContainsFunc(variables, func(v gitlabVariable) bool { return v.Key == deployVariable && v.Value == job.ID }) {
				return p.ref(), true, nil
			}
		}
		if len(list) < gitlabPipelines {
			return ref, true, nil
		}
	}
	return ref, false, nil
}

// Follow implements Driver.
func (g *GitLab) Follow(ctx context.Context, job Job) (deploy.Outcome, error) {
	s, err := g.open()
	if err != nil {
		return deploy.Outcome{}, err
	}
	defer s.close()
	return s.follow(ctx, job, g.look)
}

// look asks for the pipeline before its jobs: where it has ended, they have too.
func (g *GitLab) look(ctx context.Context, f *following) (none deploy.Outcome, over bool, err error) {
	var p gitlabPipeline
	if _, err := f.json(ctx, g.pipeline(f.job), &p); err != nil {
		return none, false, f.missing(ctx, err, g.project()+"/pipelines?per_page=1")
	}
	f.link(p.Page)
	f.news("run", p.Status, "The pipeline is %s", gitlabWords(p.Status))
	if err := g.jobs(ctx, f); err != nil {
		return none, false, err
	}
	outcome, over := gitlabOutcome(p.Status)
	return outcome, over, nil
}

// gitlabOutcome is how a pipeline ended, if it did. One that is manual waits for a
// person, who may still come.
func gitlabOutcome(status string) (outcome deploy.Outcome, over bool) {
	outcome.Text = "the pipeline ended as " + status
	switch status {
	case "success":
		outcome.Status = annotate.Succeeded
	case "failed":
		outcome.Status = annotate.Failed
	case "canceled":
		outcome.Status = annotate.Cancelled
	case "skipped":
		outcome.Status = annotate.Failed
		outcome.Text = "the pipeline was skipped"
	default:
		return deploy.Outcome{}, false
	}
	return outcome, true
}

func gitlabWords(status string) string {
	if status == "manual" {
		return "waiting for somebody to start a job by hand"
	}
	return spaced(status)
}

type gitlabJob struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	Stage  string `json:"stage"`
	Status string `json:"status"`
	Reason string `json:"failure_reason"`
}

// jobs writes what is new of the jobs of the pipeline, oldest first, and what those
// printed that ended.
func (g *GitLab) jobs(ctx context.Context, f *following) error {
	const perPage, pages = 50, 10
	jobs := []gitlabJob{}
	for page := 1; page <= pages; page++ {
		var list []gitlabJob
		where := fmt.Sprintf("%s/jobs?include_retried=true&per_page=%d&page=%d", g.pipeline(f.job), perPage, page)
		if _, err := f.json(ctx, where, &list); err != nil {
			return err
		}
		jobs = append(jobs, list...)
		if len(list) < perPage {
			break
		}
	}
	slices.SortFunc(jobs, func(a, b gitlabJob) int { return int(a.ID - b.ID) })
	for _, job := range jobs {
		if err := g.job(ctx, f, job); err != nil {
			return err
		}
	}
	return nil
}

func (g *GitLab) job(ctx context.Context, f *following, job gitlabJob) error {
	name := job.Stage + " / " + job.Name
	why := ""
	if job.Status == "failed" && job.Reason != "" {
		why = " (" + spaced(job.Reason) + ")"
	}
	if job.Status != "created" {
		f.news(fmt.Sprintf("job %d", job.ID), job.Status, "%s: %s%s", name, spaced(job.Status), why)
	}
	switch job.Status {
	case "success", "failed", "canceled":
		return f.logOf(ctx, strconv.FormatInt(job.ID, 10), name, fmt.Sprintf("%s/jobs/%d/trace", g.project(), job.ID))
	}
	return nil
}

// Cancel implements Driver. GitLab takes the wish for a pipeline that has ended, and
// does nothing.
func (g *GitLab) Cancel(ctx context.Context, job Job) error {
	s, err := g.open()
	if err != nil {
		return err
	}
	defer s.close()
	return s.order(ctx, call{method: http.MethodPost, url: g.pipeline(job) + "/cancel"})
}
