package intake

import (
	"bytes"
	"cmp"
	"net/url"
	"strconv"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// githubSender takes the webhooks of repositories, organizations and Apps of GitHub
// (https://docs.github.com/en/webhooks/webhook-events-and-payloads): deployments and
// their statuses, releases, and the runs of the workflows that deploy.
func githubSender() sender {
	return sender{
		name:    "github",
		proofs:  []proof{signed("X-Hub-Signature-256", "sha256=")},
		hasRuns: true, // by default none: a workflow that deploys to an environment makes a deployment
		read:    readGitHub,
	}
}

func readGitHub(h *Hook, d Delivery) (Told, error) {
	event := d.Header.Get("X-GitHub-Event")
	body := d.Body
	// Not by its Content-Type: what tries it with curl says form as well.
	if bytes.HasPrefix(body, []byte("payload=")) {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return Told{Event: event}, invalid("payload", nil, "is no form; set the webhook's content type to application/json")
		}
		body = []byte(form.Get("payload"))
	}
	var p githubPayload
	if err := read(body, &p); err != nil {
		return Told{Event: event}, err
	}
	told := Told{Event: strings.TrimSuffix(event+" "+p.Action, " ")}
	switch event {
	case "":
		return told, invalid("X-GitHub-Event", nil, "is missing; GitHub says in this header what a delivery is about")
	case "deployment":
		return p.deployment(told)
	case "deployment_status":
		return p.deploymentStatus(told)
	case "release":
		return p.release(told)
	case "workflow_run":
		return p.workflowRun(h, told)
	case "ping":
		return nothing(event, "GitHub tries whether the webhook works: it does"), nil
	}
	return nothing(told.Event, "it is not about a change; deployment, deployment_status, release and workflow_run are"), nil
}

// githubPayload is what is read of GitHub's payloads, by
// https://github.com/octokit/webhooks.
type githubPayload struct {
	Action     string           `json:"action"`
	Deployment githubDeployment `json:"deployment"`
	Status     struct {
		ID             int64         `json:"id"`
		State          string        `json:"state"`
		Description    string        `json:"description"`
		EnvironmentURL string        `json:"environment_url"`
		LogURL         string        `json:"log_url"`
		TargetURL      string        `json:"target_url"`
		CreatedAt      annotate.Time `json:"created_at"`
	} `json:"deployment_status"`
	Release struct {
		ID          int64         `json:"id"`
		TagName     string        `json:"tag_name"`
		Name        string        `json:"name"`
		Body        string        `json:"body"`
		HTMLURL     string        `json:"html_url"`
		Prerelease  bool          `json:"prerelease"`
		PublishedAt annotate.Time `json:"published_at"`
		Author      githubUser    `json:"author"`
	} `json:"release"`
	Run        githubRun `json:"workflow_run"`
	Repository struct {
		Name     string `json:"name"`
		FullName string `json:"full_name"`
		HTMLURL  string `json:"html_url"`
	} `json:"repository"`
}

type githubUser struct {
	Login string `json:"login"`
	Type  string `json:"type"`
}

func (u githubUser) who() *annotate.Who {
	if u.Login == "" {
		return nil
	}
	if u.Type == "Bot" {
		return &annotate.Who{Name: u.Login, Type: "machine"}
	}
	return &annotate.Who{Name: u.Login, Type: "person"}
}

type githubDeployment struct {
	ID          int64         `json:"id"`
	SHA         string        `json:"sha"`
	Ref         string        `json:"ref"`
	Task        string        `json:"task"`
	Environment string        `json:"environment"`
	Description string        `json:"description"`
	CreatedAt   annotate.Time `json:"created_at"`
	Creator     githubUser    `json:"creator"`
}

// about is what every payload says of the repository.
func (p githubPayload) about(r annotate.Report) annotate.Report {
	r.Service = cmp.Or(r.Service, p.Repository.Name)
	r.Labels = labelled(map[string]string{"repository": p.Repository.FullName})
	return r
}

// asked is what a deployment says when it is asked for.
func (p githubPayload) asked() annotate.Report {
	d := p.Deployment
	r := p.about(annotate.Report{
		ExternalID: "deployment/" + strconv.FormatInt(d.ID, 10), At: d.CreatedAt,
		Kind: annotate.KindDeploy, Status: annotate.Planned, Start: d.CreatedAt,
		Environment: d.Environment, Version: versionOf(d.Ref, d.SHA), Commit: d.SHA, Who: d.Creator.who(),
		Evidence: evidence("deployment created"),
	})
	r.Title, r.Text = heading(d.Description)
	if d.Task != "" && d.Task != "deploy" {
		r.Labels["task"] = d.Task
	}
	if d.Ref != "" && d.Ref != d.SHA {
		r.Labels["ref"] = d.Ref
	}
	if p.Repository.HTMLURL != "" && d.SHA != "" {
		r.Links = append(r.Links, annotate.Link{Rel: "commit", Href: p.Repository.HTMLURL + "/commit/" + d.SHA})
	}
	return r
}

func (p githubPayload) deployment(told Told) (Told, error) {
	if p.Action != "created" {
		return nothing(told.Event, "a deployment is taken when it is created"), nil
	}
	if p.Deployment.ID == 0 {
		return told, invalid("deployment.id", nil, "is missing")
	}
	told.Reports = []annotate.Report{p.asked()}
	return told, nil
}

// githubStates are the states of deployments
// (https://docs.github.com/en/rest/deployments/statuses).
var githubStates = map[string]annotate.Status{
	"pending": annotate.Planned, "queued": annotate.Planned, "waiting": annotate.Planned,
	"in_progress": annotate.Running,
	"success":     annotate.Succeeded, "failure": annotate.Failed, "error": annotate.Failed,
}

func (p githubPayload) deploymentStatus(told Told) (Told, error) {
	s := p.Status
	told.Event = "deployment_status " + s.State
	if s.State == "inactive" {
		return nothing(told.Event, "a later deployment took its place, which is a change of its own"), nil
	}
	status, known := githubStates[s.State]
	switch {
	case !known:
		return told, invalid("deployment_status.state", s.State, "is none that is known: pending, queued, waiting, in_progress, success, failure, error or inactive")
	case p.Deployment.ID == 0:
		return told, invalid("deployment.id", nil, "is missing")
	}
	asked := p.asked()
	r := annotate.Report{ExternalID: asked.ExternalID, At: s.CreatedAt, Seq: s.ID, Kind: asked.Kind, Status: status, Evidence: evidence(strings.TrimSuffix(told.Event+": "+s.Description, ": "))}
	switch {
	case status == annotate.Running:
		r.Start = s.CreatedAt
	case status.Ended():
		r.End = s.CreatedAt
	}
	r.Links = append(r.Links, link("run", cmp.Or(s.LogURL, s.TargetURL))...)
	r.Links = append(r.Links, link("environment", s.EnvironmentURL)...)
	told.Reports = []annotate.Report{asked, r}
	return told, nil
}

func (p githubPayload) release(told Told) (Told, error) {
	if p.Action != "published" {
		return nothing(told.Event, "a release is taken when it is published"), nil
	}
	if p.Release.ID == 0 {
		return told, invalid("release.id", nil, "is missing")
	}
	r := p.about(annotate.Report{
		ExternalID: "release/" + strconv.FormatInt(p.Release.ID, 10), At: p.Release.PublishedAt,
		Kind: "release", Status: annotate.Succeeded, Start: p.Release.PublishedAt, End: p.Release.PublishedAt,
		Version: p.Release.TagName, Who: p.Release.Author.who(), Text: p.Release.Body, Links: link("release", p.Release.HTMLURL),
	})
	r.Title = cmp.Or(p.Release.Name, p.Release.TagName)
	if p.Release.Prerelease {
		r.Labels["prerelease"] = "true"
	}
	told.Reports = []annotate.Report{r}
	return told, nil
}

type githubRun struct {
	ID           int64         `json:"id"`
	Name         string        `json:"name"`
	DisplayTitle string        `json:"display_title"`
	RunAttempt   int           `json:"run_attempt"`
	Status       string        `json:"status"`
	Conclusion   string        `json:"conclusion"`
	HeadBranch   string        `json:"head_branch"`
	HeadSHA      string        `json:"head_sha"`
	HTMLURL      string        `json:"html_url"`
	CreatedAt    annotate.Time `json:"created_at"`
	StartedAt    annotate.Time `json:"run_started_at"`
	UpdatedAt    annotate.Time `json:"updated_at"`
	Actor        githubUser    `json:"triggering_actor"`
}

// githubConclusions are how runs end
// (https://docs.github.com/en/rest/actions/workflow-runs).
var githubConclusions = map[string]annotate.Status{
	"success": annotate.Succeeded, "neutral": annotate.Succeeded,
	"failure": annotate.Failed, "timed_out": annotate.Failed, "startup_failure": annotate.Failed, "action_required": annotate.Failed,
	"cancelled": annotate.Cancelled, "skipped": annotate.Cancelled, "stale": annotate.Cancelled,
}

func (p githubPayload) workflowRun(h *Hook, told Told) (Told, error) {
	run := p.Run
	r, ok := h.run(run.Name)
	if !ok {
		return noRun(told.Event, run.Name), nil
	}
	if run.ID == 0 {
		return told, invalid("workflow_run.id", nil, "is missing")
	}
	if run.StartedAt.IsZero() {
		run.StartedAt = run.CreatedAt
	}
	r = p.about(r)
	r.ExternalID = externalID("workflow_run", strconv.FormatInt(run.ID, 10), strconv.Itoa(max(1, run.RunAttempt)))
	r.Start, r.Commit, r.Who, r.Links = run.StartedAt, run.HeadSHA, run.Actor.who(), link("run", run.HTMLURL)
	r.Version = cmp.Or(r.Version, versionOf(run.HeadBranch, run.HeadSHA))
	r.Title, _ = heading(cmp.Or(run.DisplayTitle, run.Name))
	r.Labels["workflow"] = run.Name
	switch p.Action {
	case "requested":
		r.Status, r.At = annotate.Planned, run.CreatedAt
	case "in_progress":
		r.Status, r.At = annotate.Running, run.UpdatedAt
	case "completed":
		status, known := githubConclusions[run.Conclusion]
		if !known {
			return told, invalid("workflow_run.conclusion", run.Conclusion, "is none that is known")
		}
		told.Event += ": " + run.Conclusion
		r.Status, r.At, r.End = status, run.UpdatedAt, run.UpdatedAt
	default:
		return nothing(told.Event, "a run is taken when it is requested, in progress or completed"), nil
	}
	told.Reports = []annotate.Report{r}
	return told, nil
}
