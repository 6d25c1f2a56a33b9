package intake

import (
	"bytes"
	"cmp"
	"encoding/json"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// gitlabSender takes the webhooks of projects and groups of GitLab, by its source
// (gitlab-org/gitlab, lib/gitlab/data_builder and lib/gitlab/hook_data) and
// https://docs.gitlab.com/user/project/integrations/webhook_events: deployments, releases,
// feature flags, and the pipelines that deploy.
func gitlabSender() sender {
	return sender{
		name:    "gitlab",
		proofs:  []proof{standardWebhooks(), secretIn("X-Gitlab-Token")},
		hasRuns: true, // by default none: a job that deploys to an environment makes a deployment
		read:    readGitLab,
	}
}

func readGitLab(h *Hook, d Delivery) (Told, error) {
	event := d.Header.Get("X-Gitlab-Event")
	switch event {
	case "":
		return Told{}, invalid("X-Gitlab-Event", nil, "is missing; GitLab says in this header what a delivery is about")
	case "Deployment Hook", "Pipeline Hook", "Release Hook", "Feature Flag Hook":
	default:
		return nothing(event, "it is not about a change; deployment, release, feature flag and pipeline events are"), nil
	}
	var p gitlabPayload
	if err := read(d.Body, &p); err != nil {
		return Told{Event: event}, err
	}
	switch event {
	case "Deployment Hook":
		return p.deployment(Told{Event: p.event("deployment", p.Status)})
	case "Release Hook":
		return p.release(Told{Event: p.event("release", p.Action)})
	case "Feature Flag Hook":
		return p.flag(Told{Event: "feature_flag"}, d.Header.Get("Idempotency-Key"))
	default:
		return p.pipeline(h, Told{Event: p.event("pipeline", p.Attributes.Status)})
	}
}

// gitlabPayload is what is read of the payloads of all events.
type gitlabPayload struct {
	Project struct {
		Name string `json:"name"`
		Path string `json:"path_with_namespace"`
	} `json:"project"`
	User gitlabUser `json:"user"`

	// Of deployments.
	Status          string   `json:"status"`
	StatusChangedAt rubyTime `json:"status_changed_at"`
	DeploymentID    int64    `json:"deployment_id"`
	DeployableURL   string   `json:"deployable_url"`
	Environment     string   `json:"environment"`
	EnvironmentTier string   `json:"environment_tier"`
	EnvironmentURL  string   `json:"environment_external_url"`
	ShortSHA        string   `json:"short_sha"`
	CommitURL       string   `json:"commit_url"`
	CommitTitle     string   `json:"commit_title"`
	Ref             string   `json:"ref"`

	// Of releases.
	Action      string   `json:"action"`
	ID          int64    `json:"id"`
	Name        string   `json:"name"`
	Tag         string   `json:"tag"`
	Description string   `json:"description"`
	URL         string   `json:"url"`
	CreatedAt   rubyTime `json:"created_at"`
	ReleasedAt  rubyTime `json:"released_at"`
	Commit      struct {
		ID    string `json:"id"`
		Title string `json:"title"`
		URL   string `json:"url"`
	} `json:"commit"`

	// Of feature flags and pipelines.
	Attributes struct {
		ID          int64    `json:"id"`
		Name        string   `json:"name"`
		Description string   `json:"description"`
		Active      *bool    `json:"active"`
		Ref         string   `json:"ref"`
		Tag         bool     `json:"tag"`
		SHA         string   `json:"sha"`
		Source      string   `json:"source"`
		Status      string   `json:"status"`
		URL         string   `json:"url"`
		CreatedAt   rubyTime `json:"created_at"`
		FinishedAt  rubyTime `json:"finished_at"`
	} `json:"object_attributes"`
	Builds []struct {
		StartedAt  rubyTime `json:"started_at"`
		FinishedAt rubyTime `json:"finished_at"`
	} `json:"builds"`
}

func (gitlabPayload) event(kind, what string) string { return strings.TrimSpace(kind + " " + what) }

type gitlabUser struct {
	Name     string `json:"name"`
	Username string `json:"username"`
}

// gitlabBot matches the names that GitLab gives to the users behind access tokens.
var gitlabBot = regexp.MustCompile(`^(project|group)_\d+_bot`)

func (u gitlabUser) who() *annotate.Who {
	name := cmp.Or(u.Name, u.Username)
	switch {
	case name == "":
		return nil
	case gitlabBot.MatchString(u.Username):
		return &annotate.Who{Name: name, Type: "machine"}
	}
	return &annotate.Who{Name: name, Type: "person"}
}

// rubyTime is a time as Ruby writes it where nobody says how (2026-03-04 11:45:00 +0100,
// or UTC at its end), or as ParseTime reads it.
type rubyTime struct{ annotate.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (t *rubyTime) UnmarshalJSON(b []byte) error {
	var s string
	if bytes.HasPrefix(b, []byte(`"`)) && json.Unmarshal(b, &s) == nil {
		for _, layout := range []string{"2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05 -0700"} {
			if at, err := time.Parse(layout, s); err == nil {
				t.Time = annotate.At(at)
				return nil
			}
		}
	}
	return t.Time.UnmarshalJSON(b)
}

// about is what every payload says of the project. Its name may be any text; the last
// part of its path is what the repository is called.
func (p gitlabPayload) about(r annotate.Report) annotate.Report {
	if r.Service == "" && p.Project.Path != "" {
		r.Service = path.Base(p.Project.Path)
	}
	r.Service = cmp.Or(r.Service, p.Project.Name)
	r.Labels = labelled(map[string]string{"project": p.Project.Path})
	return r
}

// gitlabDeployments are the statuses of deployments. Those that run or ended are told of
// when they change; a test of the webhook tells of the newest deployment, whatever it is.
var gitlabDeployments = map[string]annotate.Status{
	"created": annotate.Planned, "blocked": annotate.Planned,
	"running": annotate.Running,
	"success": annotate.Succeeded, "failed": annotate.Failed,
	"canceled": annotate.Cancelled, "skipped": annotate.Cancelled,
}

func (p gitlabPayload) deployment(told Told) (Told, error) {
	if p.Status == "approved" || p.Status == "rejected" {
		return nothing(told.Event, "it is about an approval; the deployment tells itself when it runs and ends"), nil
	}
	status, known := gitlabDeployments[p.Status]
	switch {
	case !known:
		return told, invalid("status", p.Status, "is none that is known: running, success, failed or canceled")
	case p.DeploymentID == 0:
		return told, invalid("deployment_id", nil, "is missing")
	}
	commit := cmp.Or(gitlabCommit(p.CommitURL), p.ShortSHA)
	r := p.about(annotate.Report{
		ExternalID: "deployment/" + strconv.FormatInt(p.DeploymentID, 10), At: p.StatusChangedAt.Time,
		Kind: annotate.KindDeploy, Status: status,
		Environment: p.Environment, Version: versionOf(p.Ref, commit), Commit: commit, Who: p.User.who(),
	})
	switch {
	case status == annotate.Running:
		r.Start = p.StatusChangedAt.Time
	case status.Ended():
		r.End = p.StatusChangedAt.Time
	}
	r.Title, _ = heading(p.CommitTitle)
	for name, value := range labelled(map[string]string{"ref": p.Ref, "tier": p.EnvironmentTier}) {
		r.Labels[name] = value
	}
	r.Links = append(r.Links, link("run", p.DeployableURL)...)
	r.Links = append(r.Links, link("commit", p.CommitURL)...)
	r.Links = append(r.Links, link("environment", p.EnvironmentURL)...)
	told.Reports = []annotate.Report{r}
	return told, nil
}

// gitlabCommit is the commit at the end of its URL, where alone deployments have all of it.
func gitlabCommit(url string) string {
	if last := path.Base(url); gitlabSHA.MatchString(last) {
		return last
	}
	return ""
}

var gitlabSHA = regexp.MustCompile(`^[0-9a-f]{40,64}$`)

func (p gitlabPayload) release(told Told) (Told, error) {
	if p.Action != "create" {
		return nothing(told.Event, "a release is taken when it is created"), nil
	}
	if p.ID == 0 {
		return told, invalid("id", nil, "is missing")
	}
	r := p.about(annotate.Report{
		ExternalID: "release/" + strconv.FormatInt(p.ID, 10), At: p.CreatedAt.Time,
		// Its date is the author's to set: what is to come is planned, and else it is out.
		Kind: "release", Start: p.ReleasedAt.Time, End: p.ReleasedAt.Time,
		Title: cmp.Or(p.Name, p.Tag), Text: p.Description, Version: p.Tag, Commit: p.Commit.ID,
	})
	r.Links = append(r.Links, link("release", p.URL)...)
	r.Links = append(r.Links, link("commit", p.Commit.URL)...)
	told.Reports = []annotate.Report{r}
	return told, nil
}

// flag reports that a flag was turned on or off. GitLab says neither when, nor an identity
// of that; its Idempotency-Key is the same in all tries to deliver one event.
func (p gitlabPayload) flag(told Told, delivery string) (Told, error) {
	a := p.Attributes
	switch {
	case a.Name == "":
		return told, invalid("object_attributes.name", nil, "is missing")
	case a.Active == nil:
		return told, invalid("object_attributes.active", nil, "is missing; it must be true or false")
	}
	r := p.about(annotate.Report{
		Kind: annotate.KindFlag, Status: annotate.Succeeded, Text: a.Description,
		Flag: &annotate.FlagChange{Key: a.Name, To: *a.Active}, Who: p.User.who(),
	})
	if delivery != "" {
		r.ExternalID = externalID("feature_flag", delivery)
	}
	told.Reports = []annotate.Report{r}
	return told, nil
}

// gitlabPipelines are the statuses of pipelines
// (https://docs.gitlab.com/api/pipelines). A pipeline that waits for somebody, having run
// so far as it can on its own, is manual.
var gitlabPipelines = map[string]annotate.Status{
	"created": annotate.Planned, "waiting_for_resource": annotate.Planned, "waiting_for_callback": annotate.Planned,
	"preparing": annotate.Planned, "pending": annotate.Planned, "scheduled": annotate.Planned, "manual": annotate.Planned,
	"running": annotate.Running, "canceling": annotate.Running,
	"success": annotate.Succeeded, "failed": annotate.Failed,
	"canceled": annotate.Cancelled, "skipped": annotate.Cancelled,
}

// pipeline takes a pipeline by its name, or by its ref where it has none.
func (p gitlabPayload) pipeline(h *Hook, told Told) (Told, error) {
	a := p.Attributes
	r, ok := h.run(cmp.Or(a.Name, a.Ref))
	if !ok {
		return noRun(told.Event, cmp.Or(a.Name, a.Ref)), nil
	}
	status, known := gitlabPipelines[a.Status]
	switch {
	case !known:
		return told, invalid("object_attributes.status", a.Status, "is none that is known")
	case a.ID == 0:
		return told, invalid("object_attributes.id", nil, "is missing")
	}
	r = p.about(r)
	r.ExternalID, r.Status = "pipeline/"+strconv.FormatInt(a.ID, 10), status
	r.At, r.Start = p.moments()
	if status.Ended() {
		r.End = a.FinishedAt.Time
	}
	tag := ""
	if a.Tag {
		tag = a.Ref
	}
	r.Version, r.Commit, r.Who = cmp.Or(r.Version, versionOf(tag, a.SHA)), a.SHA, p.User.who()
	r.Title, _ = heading(cmp.Or(a.Name, p.Commit.Title))
	for name, value := range labelled(map[string]string{"ref": a.Ref, "pipeline_source": a.Source}) {
		r.Labels[name] = value
	}
	r.Links = append(r.Links, link("run", a.URL)...)
	r.Links = append(r.Links, link("commit", p.Commit.URL)...)
	told.Reports = []annotate.Report{r}
	return told, nil
}

// moments are when a pipeline said what it says, which is the latest time of all in it,
// and when its first job began; zero where none has.
func (p gitlabPayload) moments() (said, began annotate.Time) {
	said = p.Attributes.CreatedAt.Time
	hear := func(t annotate.Time) {
		if t.After(said.Time) {
			said = t
		}
	}
	hear(p.Attributes.FinishedAt.Time)
	for _, b := range p.Builds {
		hear(b.StartedAt.Time)
		hear(b.FinishedAt.Time)
		if !b.StartedAt.IsZero() && (began.IsZero() || b.StartedAt.Before(began.Time)) {
			began = b.StartedAt.Time
		}
	}
	return said, began
}
