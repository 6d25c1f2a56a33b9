package intake

import (
	"cmp"
	"crypto/sha256"
	"strconv"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// circleciSender takes the outbound webhooks of CircleCI
// (https://circleci.com/docs/reference/outbound-webhooks-reference): the workflows that
// deploy, which it tells of when they have ended.
func circleciSender() sender {
	return sender{
		name:    "circleci",
		proofs:  []proof{circleciSignature()},
		runs:    deploying,
		hasRuns: true,
		read:    readCircleCI,
	}
}

// circleciSignature is an HMAC-SHA256 of the body in hex. There may be others beside it,
// of versions that are yet to come.
func circleciSignature() proof {
	return header("circleci-signature", func(d Delivery, value, secret string) string {
		for part := range strings.SplitSeq(value, ",") {
			if v1, ok := strings.CutPrefix(strings.TrimSpace(part), "v1="); ok {
				return signature(v1, sum(sha256.New, secret, string(d.Body)))
			}
		}
		return "the header circleci-signature has no signature v1="
	})
}

// circleciPayload is what is read of workflow-completed.
type circleciPayload struct {
	Type       string        `json:"type"`
	HappenedAt annotate.Time `json:"happened_at"`
	Project    struct {
		Name string `json:"name"`
		Slug string `json:"slug"`
	} `json:"project"`
	Workflow struct {
		ID        string        `json:"id"`
		Name      string        `json:"name"`
		Status    string        `json:"status"`
		URL       string        `json:"url"`
		CreatedAt annotate.Time `json:"created_at"`
		StoppedAt annotate.Time `json:"stopped_at"`
	} `json:"workflow"`
	Pipeline struct {
		Number  int64 `json:"number"`
		Trigger struct {
			Type string `json:"type"`
		} `json:"trigger"`
		// VCS is of projects that are connected by OAuth, and Parameters of all others.
		VCS struct {
			Revision string `json:"revision"`
			Branch   string `json:"branch"`
			Tag      string `json:"tag"`
			Commit   struct {
				Subject string `json:"subject"`
				Author  struct {
					Name string `json:"name"`
				} `json:"author"`
			} `json:"commit"`
		} `json:"vcs"`
		Parameters struct {
			Git struct {
				SHA    string `json:"checkout_sha"`
				Branch string `json:"branch"`
				Tag    string `json:"tag"`
			} `json:"git"`
			GitLab struct {
				UserName    string `json:"user_name"`
				CommitTitle string `json:"commit_title"`
			} `json:"gitlab"`
		} `json:"trigger_parameters"`
	} `json:"pipeline"`
}

var circleciStatuses = map[string]annotate.Status{
	"success": annotate.Succeeded,
	"failed":  annotate.Failed, "error": annotate.Failed, "unauthorized": annotate.Failed,
	"canceled": annotate.Cancelled,
}

func readCircleCI(h *Hook, d Delivery) (Told, error) {
	var p circleciPayload
	if err := read(d.Body, &p); err != nil {
		return Told{}, err
	}
	w, told := p.Workflow, Told{Event: p.Type}
	switch p.Type {
	case "workflow-completed":
	case "":
		return told, invalid("type", nil, "is missing; CircleCI says in it what a delivery is about")
	case "job-completed":
		return nothing(told.Event, "its workflow tells of it, which is a change where it deploys"), nil
	case "ping":
		return nothing(told.Event, "CircleCI tries whether the webhook works: it does"), nil
	default:
		return nothing(told.Event, "it is not about a change; workflow-completed is"), nil
	}
	r, ok := h.run(w.Name)
	if !ok {
		return noRun(told.Event, w.Name), nil
	}
	status, known := circleciStatuses[w.Status]
	switch {
	case !known:
		return told, invalid("workflow.status", w.Status, "is none that is known: success, failed, error, canceled or unauthorized")
	case w.ID == "":
		return told, invalid("workflow.id", nil, "is missing")
	}
	told.Event += ": " + w.Status
	r.ExternalID, r.At, r.Status = externalID("workflow", w.ID), p.HappenedAt, status
	r.Start, r.End = w.CreatedAt, w.StoppedAt
	if r.End.IsZero() {
		r.End = p.HappenedAt
	}
	told.Reports = []annotate.Report{p.about(h, r)}
	return told, nil
}

// about says what was deployed, which is in one of two places.
func (p circleciPayload) about(h *Hook, r annotate.Report) annotate.Report {
	vcs, git, gitlab := p.Pipeline.VCS, p.Pipeline.Parameters.Git, p.Pipeline.Parameters.GitLab
	r.Service = cmp.Or(r.Service, h.settings.Service, p.Project.Name)
	r.Commit = cmp.Or(vcs.Revision, git.SHA)
	r.Version = cmp.Or(r.Version, versionOf(cmp.Or(vcs.Tag, git.Tag), r.Commit))
	r.Title, _ = heading(cmp.Or(vcs.Commit.Subject, gitlab.CommitTitle))
	if name := cmp.Or(gitlab.UserName, vcs.Commit.Author.Name); name != "" {
		r.Who = &annotate.Who{Name: name, Type: "person"}
	}
	r.Labels = labelled(map[string]string{
		"project": p.Project.Slug, "workflow": p.Workflow.Name, "trigger": p.Pipeline.Trigger.Type,
		"branch": cmp.Or(vcs.Branch, git.Branch),
	})
	if p.Pipeline.Number > 0 {
		r.Labels["pipeline"] = strconv.FormatInt(p.Pipeline.Number, 10)
	}
	r.Links = link("run", p.Workflow.URL)
	return r
}
