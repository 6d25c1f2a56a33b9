package intake

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/tidemark/tidemark/annotate"
)

// cdeventsSender takes CDEvents 0.4 and 0.5 (cdevents/spec, spec.md, core.md,
// continuous-deployment.md, continuous-operations.md and cloudevents-binding.md) as
// CloudEvents over HTTP. The SDK of CDEvents would bring a client and a validator, and
// refuses what is newer than 0.4: the few fields that are read have structs here.
func cdeventsSender() sender {
	return sender{
		name:    "cdevents",
		proofs:  []proof{standardWebhooks(), signed("X-Signature", ""), bearer(), accessToken()},
		hasRuns: true, // by default none: a pipeline that deploys a service says service.deployed
		read:    readCDEvents,
	}
}

func readCDEvents(h *Hook, d Delivery) (Told, error) {
	events, err := cloudEvents(d)
	if err != nil {
		return Told{}, err
	}
	if len(events) == 1 {
		return readCDEvent(h, events[0])
	}
	all := Told{Event: fmt.Sprintf("batch of %d", len(events))}
	for i, e := range events {
		told, err := readCDEvent(h, e)
		all.Reports = append(all.Reports, told.Reports...)
		if err != nil {
			all.Failures = append(all.Failures, &annotate.Error{Code: annotate.Invalid, Message: fmt.Sprintf("event %d of the batch", i+1), Err: err})
		}
	}
	if len(all.Reports) == 0 && len(all.Failures) == 0 {
		all.Nothing = "no event of the batch is about a change"
	}
	return all, nil
}

// cdevent is what is read of a CDEvent. The environment is an object where it is of a
// service or an incident; 0.4 says url where 0.5 says uri.
type cdevent struct {
	Context struct {
		ID        string        `json:"id"`
		Source    string        `json:"source"`
		Type      string        `json:"type"`
		Timestamp annotate.Time `json:"timestamp"`
		ChainID   string        `json:"chainId"`
	} `json:"context"`
	Subject struct {
		ID      string `json:"id"`
		Source  string `json:"source"`
		Content struct {
			Environment  cdeventsRef `json:"environment"`
			Service      cdeventsRef `json:"service"`
			ArtifactID   string      `json:"artifactId"`
			Description  string      `json:"description"`
			TicketURI    string      `json:"ticketURI"`
			Name         string      `json:"name"`
			URL          string      `json:"url"`
			URI          string      `json:"uri"`
			PipelineName string      `json:"pipelineName"`
			Outcome      string      `json:"outcome"`
			Errors       string      `json:"errors"`
		} `json:"content"`
	} `json:"subject"`
}

type cdeventsRef struct {
	ID string `json:"id"`
}

// cdeventsType matches the types of CDEvents, without the version of each.
var cdeventsType = regexp.MustCompile(`^dev\.cdevents\.([a-z]+)\.([a-z]+)\.[0-9]`)

func readCDEvent(h *Hook, e cloudEvent) (Told, error) {
	if e.err != nil {
		return Told{}, e.err
	}
	var p cdevent
	if name := e.Type; name != "" && !cdeventsType.MatchString(name) {
		return nothing(name, "it is no event that CDEvents define"), nil
	}
	if err := read(e.Data, &p); err != nil {
		return Told{Event: e.Type}, err
	}
	c := &p.Context
	c.ID, c.Source, c.Type = cmp.Or(c.ID, e.ID), cmp.Or(c.Source, e.Source), cmp.Or(c.Type, e.Type)
	if c.Timestamp.IsZero() {
		c.Timestamp = e.Time
	}
	if c.Type == "" {
		return Told{}, invalid("context.type", nil, "is missing; is it a CDEvent?")
	}
	parts := cdeventsType.FindStringSubmatch(c.Type)
	if parts == nil {
		return nothing(c.Type, "it is no event that CDEvents define"), nil
	}
	subject, predicate := parts[1], parts[2]
	told := Told{Event: subject + " " + predicate}
	var r *annotate.Report
	var err error
	switch subject {
	case "service":
		r = p.service(predicate)
	case "environment":
		r = p.environment(predicate)
	case annotate.KindIncident:
		r = p.incident(predicate)
	case "pipelinerun":
		run, ok := h.run(p.Subject.Content.PipelineName)
		if !ok {
			return noRun(told.Event, p.Subject.Content.PipelineName), nil
		}
		r, err = p.pipelineRun(run, predicate)
	}
	switch {
	case err != nil:
		return told, err
	case r == nil:
		return nothing(told.Event, "it is not about a change; those of service, environment, incident and pipelinerun are"), nil
	}
	for _, must := range []struct {
		field string
		empty bool
	}{
		{"context.id", c.ID == ""},
		{"context.source", c.Source == ""},
		{"context.timestamp", c.Timestamp.IsZero()},
		{"subject.id", p.Subject.ID == ""},
	} {
		if must.empty {
			return told, invalid(must.field, nil, "is missing")
		}
	}
	p.complete(r, told.Event)
	told.Reports = []annotate.Report{*r}
	return told, nil
}

// complete adds what is the same in all events.
func (p cdevent) complete(r *annotate.Report, event string) {
	r.At = p.Context.Timestamp
	if len(r.Evidence) == 0 {
		r.Evidence = evidence(event)
	}
	if r.Labels == nil {
		r.Labels = map[string]string{}
	}
	r.Labels["event_source"] = p.Context.Source
	r.Labels["chain_id"] = p.Context.ChainID
	labelled(r.Labels)
}

// subjectID identifies the subject: its source is the event's where it says no other.
func (p cdevent) subjectID(kind string) string {
	return externalID(kind, cmp.Or(p.Subject.Source, p.Context.Source), p.Subject.ID)
}

// instant is a change that the event alone tells of.
func (p cdevent) instant(kind string) *annotate.Report {
	at := p.Context.Timestamp
	return &annotate.Report{
		ExternalID: externalID(p.Context.Source, p.Context.ID),
		Kind:       kind, Status: annotate.Succeeded, Start: at, End: at,
	}
}

// service is a deploy, as an event of a service tells of it; nil for one that is none.
func (p cdevent) service(predicate string) *annotate.Report {
	r, s := p.instant(annotate.KindDeploy), p.Subject
	r.Service, r.Environment = s.ID, s.Content.Environment.ID
	r.Version, r.Commit = versionOfPackage(s.Content.ArtifactID)
	r.Labels = map[string]string{"artifact": s.Content.ArtifactID, "action": predicate}
	switch predicate {
	case "deployed", "upgraded": // their headline says as much
	case "rolledback":
		r.Labels["rollback"] = "true"
		r.Title = strings.TrimSuffix(s.ID+" rolled back to "+r.Version, " to ")
	case "removed", "published":
		r.Title = s.ID + " " + predicate
	default:
		return nil
	}
	return r
}

func (p cdevent) environment(predicate string) *annotate.Report {
	switch predicate {
	case "created", "modified", "deleted":
	default:
		return nil
	}
	r, s := p.instant(annotate.KindConfig), p.Subject
	r.Environment = s.ID // as the services that are in it say
	r.Title = fmt.Sprintf("environment %s %s", cmp.Or(s.Content.Name, s.ID), predicate)
	r.Labels = map[string]string{"action": predicate}
	r.Links = link("environment", cmp.Or(s.Content.URI, s.Content.URL))
	return r
}

// incident is what an event says of an incident. It is reported some time after it
// began, and what is said when it is resolved is about that.
func (p cdevent) incident(predicate string) *annotate.Report {
	s, c := p.Subject, p.Subject.Content
	r := &annotate.Report{
		ExternalID: p.subjectID(annotate.KindIncident), Kind: annotate.KindIncident,
		Service: c.Service.ID, Environment: c.Environment.ID, Links: link("ticket", c.TicketURI),
		Labels:   map[string]string{"incident": s.ID},
		Evidence: evidence(strings.TrimSuffix("incident "+predicate+": "+c.Description, ": ")),
	}
	switch predicate {
	case "detected":
		r.Status, r.Start = annotate.Running, p.Context.Timestamp
	case "reported":
		r.Status = annotate.Running
	case "resolved":
		r.Status, r.End = annotate.Succeeded, p.Context.Timestamp
		return r
	default:
		return nil
	}
	r.Title, r.Text = heading(c.Description)
	r.Labels["artifact"] = c.ArtifactID
	return r
}

// cdeventsOutcomes are how runs of pipelines end; only 0.5 knows cancel.
var cdeventsOutcomes = map[string]annotate.Status{
	"success": annotate.Succeeded, "failure": annotate.Failed, "error": annotate.Failed, "cancel": annotate.Cancelled,
}

func (p cdevent) pipelineRun(r annotate.Report, predicate string) (*annotate.Report, error) {
	c := p.Subject.Content
	r.ExternalID = p.subjectID("pipelinerun")
	r.Title, _ = heading(c.PipelineName)
	r.Labels = map[string]string{"pipeline": c.PipelineName}
	r.Links = link("run", cmp.Or(c.URI, c.URL))
	switch predicate {
	case "queued":
		r.Status = annotate.Planned
	case "started":
		r.Status, r.Start = annotate.Running, p.Context.Timestamp
	case "finished":
		status, known := cdeventsOutcomes[c.Outcome]
		if !known {
			return nil, invalid("subject.content.outcome", c.Outcome, "is none that is known: success, failure, error or cancel")
		}
		r.Status, r.End = status, p.Context.Timestamp
		r.Evidence = evidence(strings.TrimSuffix("pipelinerun finished: "+c.Outcome+": "+c.Errors, ": "))
	default:
		return nil, nil //nolint:nilnil // it is not about a change
	}
	return &r, nil
}

// versionOfPackage is the version in the URL of a package (purl), and the commit where
// the version is one. An image has a digest, and often a tag that says more.
func versionOfPackage(id string) (version, commit string) {
	purl, err := packageurl.FromString(id)
	if err != nil {
		return "", ""
	}
	if tag := purl.Qualifiers.Map()["tag"]; tag != "" {
		return tag, ""
	}
	if digest, ok := strings.CutPrefix(purl.Version, "sha256:"); ok && len(digest) > shownDigest {
		return "sha256:" + digest[:shownDigest], ""
	}
	if purlCommit.MatchString(purl.Version) {
		return versionOf("", purl.Version), purl.Version
	}
	return purl.Version, ""
}

// shownDigest is as much of a digest as tells images apart.
const shownDigest = 12

var purlCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)
