package intake

import (
	"cmp"
	"crypto/sha256"
	"strconv"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// buildkiteSender takes the webhooks of Buildkite Pipelines
// (https://buildkite.com/docs/apis/webhooks/pipelines, and what builds are by
// https://buildkite.com/docs/apis/rest-api/builds): the builds of the pipelines that deploy.
func buildkiteSender() sender {
	return sender{
		name:    "buildkite",
		proofs:  []proof{buildkiteSignature(), secretIn("X-Buildkite-Token")},
		runs:    deploying,
		hasRuns: true,
		read:    readBuildkite,
	}
}

// buildkiteSignature is an HMAC-SHA256 over time and body in hex, beside that time.
func buildkiteSignature() proof {
	return header("X-Buildkite-Signature", func(d Delivery, value, secret string) string {
		var at, given string
		for part := range strings.SplitSeq(value, ",") {
			switch name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name {
			case "timestamp":
				at = value
			case "signature":
				given = value
			}
		}
		if why := signature(given, sum(sha256.New, secret, at, ".", string(d.Body))); why != "" {
			return why
		}
		return fresh(d, at) // only what is signed says when
	})
}

// buildkitePayload is what is read of the events of builds.
type buildkitePayload struct {
	Event string `json:"event"`
	Build struct {
		ID          string   `json:"id"`
		WebURL      string   `json:"web_url"`
		Number      int64    `json:"number"`
		State       string   `json:"state"`
		Blocked     bool     `json:"blocked"`
		Message     string   `json:"message"`
		Commit      string   `json:"commit"`
		Branch      string   `json:"branch"`
		Tag         string   `json:"tag"`
		Source      string   `json:"source"`
		CreatedAt   rubyTime `json:"created_at"`
		ScheduledAt rubyTime `json:"scheduled_at"`
		StartedAt   rubyTime `json:"started_at"`
		FailingAt   rubyTime `json:"failing_at"`
		FinishedAt  rubyTime `json:"finished_at"`
		Creator     struct {
			Name string `json:"name"`
		} `json:"creator"`
	} `json:"build"`
	Pipeline struct {
		Name       string `json:"name"`
		Slug       string `json:"slug"`
		Repository string `json:"repository"`
	} `json:"pipeline"`
}

// buildkiteStates are how builds end.
var buildkiteStates = map[string]annotate.Status{
	"passed": annotate.Succeeded,
	"failed": annotate.Failed, "waiting_failed": annotate.Failed,
	"canceled": annotate.Cancelled, "skipped": annotate.Cancelled, "not_run": annotate.Cancelled,
}

func readBuildkite(h *Hook, d Delivery) (Told, error) {
	var p buildkitePayload
	if err := read(d.Body, &p); err != nil {
		return Told{}, err
	}
	b, told := p.Build, Told{Event: cmp.Or(d.Header.Get("X-Buildkite-Event"), p.Event)}
	switch told.Event {
	case "build.scheduled", "build.running", "build.failing", "build.finished", "build.skipped":
	case "":
		return told, invalid("X-Buildkite-Event", nil, "is missing; Buildkite says in this header what a delivery is about")
	case "ping":
		return nothing(told.Event, "Buildkite tells that the webhook's settings changed: it works"), nil
	default:
		return nothing(told.Event, "it is not about a change; build.scheduled, build.running, build.failing and build.finished are"), nil
	}
	r, ok := h.run(p.Pipeline.Name)
	if !ok {
		r, ok = h.run(p.Pipeline.Slug)
	}
	switch {
	case !ok:
		return noRun(told.Event, cmp.Or(p.Pipeline.Name, p.Pipeline.Slug)), nil
	case b.ID == "":
		return told, invalid("build.id", nil, "is missing")
	}
	return p.report(h, told, r)
}

// report says how far a build had come by an event. It may have gone on since, and then
// the payload is of later than its event.
func (p buildkitePayload) report(h *Hook, told Told, r annotate.Report) (Told, error) {
	b := p.Build
	created := firstTime(b.ScheduledAt, b.CreatedAt)
	switch told.Event {
	case "build.scheduled":
		r.Status, r.At, r.Start = annotate.Planned, created, created
	case "build.running":
		r.Status, r.At, r.Start = annotate.Running, firstTime(b.StartedAt, b.ScheduledAt, b.CreatedAt), b.StartedAt.Time
	case "build.failing":
		r.Status, r.At, r.Start = annotate.Running, firstTime(b.FailingAt, b.StartedAt, b.CreatedAt), b.StartedAt.Time
	case "build.skipped":
		r.Status, r.At, r.End = annotate.Cancelled, firstTime(b.FinishedAt, b.ScheduledAt, b.CreatedAt), b.FinishedAt.Time
	case "build.finished":
		status, ended := buildkiteStates[b.State]
		switch {
		case b.Blocked || b.State == "blocked":
			return nothing(told.Event, "the build waits for somebody to unblock it, and has not ended"), nil
		case !ended && buildkiteGoesOn[b.State]:
			return nothing(told.Event, "the build goes on: it is "+b.State), nil
		case !ended:
			return told, invalid("build.state", b.State, "is none that is known: passed, failed, canceled, skipped or not_run")
		}
		told.Event += ": " + b.State
		r.Status, r.At, r.Start, r.End = status, firstTime(b.FinishedAt, b.StartedAt, b.CreatedAt), b.StartedAt.Time, b.FinishedAt.Time
	}
	told.Reports = []annotate.Report{p.about(h, r)}
	return told, nil
}

// buildkiteGoesOn are the states of builds that have not ended.
var buildkiteGoesOn = map[string]bool{
	"creating": true, "scheduled": true, "started": true, "running": true, "failing": true, "canceling": true, "waiting": true,
}

// firstTime is the first of the times that there is.
func firstTime(times ...rubyTime) annotate.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t.Time
		}
	}
	return annotate.Time{}
}

// about says of a build what every event does.
func (p buildkitePayload) about(h *Hook, r annotate.Report) annotate.Report {
	b := p.Build
	r.ExternalID = externalID("build", b.ID)
	if b.Commit != "HEAD" { // which is any, until an agent says which
		r.Commit = b.Commit
	}
	r.Service = cmp.Or(r.Service, h.settings.Service, repositoryName(p.Pipeline.Repository), p.Pipeline.Slug)
	r.Version = cmp.Or(r.Version, versionOf(b.Tag, r.Commit))
	r.Title, r.Text = heading(b.Message)
	r.Text = strings.TrimSpace(r.Text)
	if b.Creator.Name != "" {
		r.Who = &annotate.Who{Name: b.Creator.Name, Type: "person"}
	}
	r.Labels = labelled(map[string]string{"pipeline": p.Pipeline.Slug, "branch": b.Branch, "build_source": b.Source})
	if b.Number > 0 {
		r.Labels["build"] = strconv.FormatInt(b.Number, 10)
	}
	r.Links = link("run", b.WebURL)
	return r
}
