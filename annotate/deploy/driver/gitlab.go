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
)

// GitLab runs a pipeline, by GitLab's REST API v4
// (https://docs.gitlab.com/api/pipelines/ and /jobs/). The pipeline has the variable
// TIDEMARK_DEPLOY_ID, by which a run is found.
type GitLab struct {
	Remote
	// URL is GitLab's; https://gitlab.com where it is empty.
	URL string
	// Token is of a user or project that may run pipelines, with the scope api.
	Token Secret
	// Project is its path, such as acme/web, or its number.
	Project string
	// Ref is the branch or tag whose pipeline runs.
	Ref deploy.Template
	// Variables are the pipeline's.
	Variables map[string]deploy.Template
}

var _ Driver = (*GitLab)(nil)

// gitlabID is the variable that has the run's id.
const gitlabID = "TIDEMARK_DEPLOY_ID"

// Name implements Driver.
func (*GitLab) Name() string { return "gitlab" }

func (d *GitLab) url() string {
	if d.URL == "" {
		return "https://gitlab.com"
	}
	return strings.TrimRight(d.URL, "/")
}

// at is the URL of what is below the project.
func (d *GitLab) at(below string, args ...any) string {
	return d.url() + "/api/v4/projects/" + url.PathEscape(d.Project) + fmt.Sprintf(below, args...)
}

func (d *GitLab) open() (*session, error) {
	return d.Remote.open(d.url(), d.Token, func(h http.Header, token string) { h.Set("PRIVATE-TOKEN", token) })
}

// gitlabPipeline is what is read of a pipeline.
type gitlabPipeline struct {
	ID     int64  `json:"id"`
	Status string `json:"status"`
	WebURL string `json:"web_url"`
}

func (p gitlabPipeline) ref() deploy.Ref {
	return deploy.Ref{ID: strconv.FormatInt(p.ID, 10), URL: p.WebURL}
}

// Begin implements Driver.
func (d *GitLab) Begin(ctx context.Context, job Job) (deploy.Ref, error) {
	s, err := d.open()
	if err != nil {
		return deploy.Ref{}, err
	}
	defer s.close()
	variables := []map[string]string{{"key": gitlabID, "value": job.ID}}
	for _, name := range slices.Sorted(maps.Keys(d.Variables)) {
		variables = append(variables, map[string]string{"key": name, "value": d.Variables[name].Fill(job.Values(), nil)})
	}
	body, err := json.Marshal(map[string]any{"ref": d.Ref.Fill(job.Values(), nil), "variables": variables})
	if err != nil {
		return deploy.Ref{}, fmt.Errorf("encoding the pipeline: %w", err)
	}
	a, err := s.begin(ctx, call{method: http.MethodPost, url: d.at("/pipeline"), header: jsonType(), body: body})
	if err != nil {
		return deploy.Ref{}, err
	}
	var p gitlabPipeline
	if err := s.decode(a, &p); err != nil || p.ID == 0 {
		return deploy.Ref{}, fmt.Errorf("%w: GitLab does not say which pipeline it is", ErrUncertain)
	}
	return p.ref(), nil
}

// jsonType says that a body is JSON.
func jsonType() http.Header { return http.Header{"Content-Type": {"application/json"}} }

// mostFound is how many pipelines are looked through for one.
const mostFound = 100

// Find implements Driver. GitLab makes the pipeline before it answers, so that one
// which is not there when the request is over was never begun.
func (d *GitLab) Find(ctx context.Context, job Job) (deploy.Ref, bool, error) {
	s, err := d.open()
	if err != nil {
		return deploy.Ref{}, false, err
	}
	defer s.close()
	query := url.Values{
		"source": {"api"}, "order_by": {"id"}, "sort": {"desc"}, "per_page": {strconv.Itoa(mostFound)},
		"updated_after": {job.Started.Add(-skew).UTC().Format(time.RFC3339)},
	}
	var pipelines []gitlabPipeline
	if _, err := s.json(ctx, d.at("/pipelines?%s", query.Encode()), &pipelines); err != nil {
		return deploy.Ref{}, false, err
	}
	for _, p := range pipelines {
		var variables []struct{ Key, Value string }
		_, err := s.json(ctx, d.at("/pipelines/%d/variables", p.ID), &variables)
		var refused *refusal
		switch {
		case errors.As(err, &refused) && refused.status == http.StatusForbidden && !refused.limited:
			return deploy.Ref{}, false, fmt.Errorf("%w: the token may not see the variables of pipelines: %w", ErrUncertain, err)
		case err != nil:
			return deploy.Ref{}, false, err
		}
		for _, v := range variables {
			if v.Key == gitlabID && v.Value == job.ID {
				return p.ref(), true, nil
			}
		}
	}
	if err := s.settle(job); err != nil {
		return deploy.Ref{}, false, err
	}
	if len(pipelines) >= mostFound {
		return deploy.Ref{}, false, fmt.Errorf("%w: it is none of the newest %d pipelines", ErrUncertain, mostFound)
	}
	return deploy.Ref{}, false, nil
}

// Follow implements Driver.
func (d *GitLab) Follow(ctx context.Context, job Job) (deploy.Outcome, error) {
	s, err := d.open()
	if err != nil {
		return deploy.Outcome{}, err
	}
	defer s.close()
	return s.follow(ctx, job, d.look)
}

// gitlabJob is what is read of a job.
type gitlabJob struct {
	ID            int64  `json:"id"`
	Name          string `json:"name"`
	Stage         string `json:"stage"`
	Status        string `json:"status"`
	FailureReason string `json:"failure_reason"`
	WebURL        string `json:"web_url"`
	FinishedAt    string `json:"finished_at"`
	AllowFailure  bool   `json:"allow_failure"`
}

func (d *GitLab) look(ctx context.Context, f *following) (deploy.Outcome, bool, error) {
	var p gitlabPipeline
	if _, err := f.json(ctx, d.at("/pipelines/%s", url.PathEscape(f.job.Ref.ID)), &p); err != nil {
		return deploy.Outcome{}, false, f.missing(ctx, err, d.at(""))
	}
	// After the pipeline: when that has ended, its jobs have.
	var jobs []gitlabJob
	if _, err := f.json(ctx, d.at("/pipelines/%s/jobs?per_page=100&include_retried=true", url.PathEscape(f.job.Ref.ID)), &jobs); err != nil {
		return deploy.Outcome{}, false, err
	}
	slices.SortFunc(jobs, func(a, b gitlabJob) int { return int(a.ID - b.ID) })
	failed := ""
	for _, j := range jobs {
		if err := d.tell(ctx, f, j); err != nil {
			return deploy.Outcome{}, false, err
		}
		if j.Status == "failed" && !j.AllowFailure {
			failed = ": " + j.Name + " failed"
			if j.FailureReason != "" {
				failed += ", " + j.FailureReason
			}
		}
	}
	f.news("pipeline", p.Status, "pipeline %d: %s", p.ID, p.Status)
	text := fmt.Sprintf("pipeline %d ended as %s", p.ID, p.Status)
	switch p.Status {
	case "success":
		return deploy.Outcome{Status: annotate.Succeeded, Text: text}, true, nil
	case "failed":
		return deploy.Outcome{Status: annotate.Failed, Text: text + shorten(failed, f.token)}, true, nil
	case "canceled":
		return deploy.Outcome{Status: annotate.Cancelled, Text: text}, true, nil
	case "skipped":
		return deploy.Outcome{Status: annotate.Failed, Text: text + ": nothing was deployed"}, true, nil
	}
	return deploy.Outcome{}, false, nil // also manual: somebody has to start a job there
}

// tell writes what is new of a job: its status, and once it has ended what it printed.
func (d *GitLab) tell(ctx context.Context, f *following, j gitlabJob) error {
	part := "job " + strconv.FormatInt(j.ID, 10)
	if f.memory.Said[part] == j.Status {
		return nil
	}
	f.log.Printf("%s: %s %s", j.Name, j.Status, j.WebURL)
	if j.FinishedAt != "" && j.Status != "skipped" {
		_, err := f.text(ctx, d.at("/jobs/%d/trace", j.ID), f.log)
		var refused *refusal
		switch {
		case err == nil:
		case errors.As(err, &refused) && !refused.limited && refused.status/100 == 4: // a token that may not, or a trace that was erased
			f.log.Printf("what it printed cannot be read: %s", err)
		default:
			return err
		}
	}
	f.memory.is(part, j.Status)
	return f.memory.keep()
}

// Cancel implements Driver. To cancel a pipeline that has ended alters nothing.
func (d *GitLab) Cancel(ctx context.Context, job Job) error {
	s, err := d.open()
	if err != nil {
		return err
	}
	defer s.close()
	a, err := s.do(ctx, call{method: http.MethodPost, url: d.at("/pipelines/%s/cancel", url.PathEscape(job.Ref.ID))})
	if err != nil {
		return err
	}
	if a.status/100 != 2 {
		return s.refusal(a)
	}
	return nil
}
