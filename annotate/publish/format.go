package publish

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/tidemark/tidemark/annotate"
)

// Format is how a change is written for a subscriber.
type Format string

// The formats that there are.
const (
	// JSON is the change as the API has it.
	JSON Format = "json"
	// CDEvents is a CDEvent 0.5 in a CloudEvent (https://cdevents.dev), with the change in
	// its customData.
	CDEvents Format = "cdevents"
)

// Formats are all there are.
func Formats() []string { return []string{string(JSON), string(CDEvents)} }

// write writes an event of the source, with which the status turned or not.
func (f Format) write(e annotate.Event, source string, turned bool) (contentType string, body []byte, err error) {
	if f == CDEvents {
		body, err = json.Marshal(cloudEventOf(e, source, turned))
		return "application/cloudevents+json", body, err
	}
	body, err = json.Marshal(e.Change)
	return "application/json", body, err
}

// cloudEvent is an event in the structured mode of CloudEvents 1.0
// (https://github.com/cloudevents/spec, json-format.md).
type cloudEvent struct {
	SpecVersion     string  `json:"specversion"`
	ID              string  `json:"id"`
	Source          string  `json:"source"`
	Type            string  `json:"type"`
	Subject         string  `json:"subject"`
	Time            string  `json:"time"`
	DataContentType string  `json:"datacontenttype"`
	Data            cdEvent `json:"data"`
}

// cdEvent is a CDEvent (https://github.com/cdevents/spec, spec.md of v0.5.1).
type cdEvent struct {
	Context struct {
		SpecVersion string `json:"specversion"`
		ID          string `json:"id"`
		Source      string `json:"source"`
		Type        string `json:"type"`
		Timestamp   string `json:"timestamp"`
		ChainID     string `json:"chainId,omitempty"`
	} `json:"context"`
	Subject struct {
		ID      string         `json:"id"`
		Source  string         `json:"source"`
		Content map[string]any `json:"content"`
	} `json:"subject"`
	CustomData            annotate.Change `json:"customData"`
	CustomDataContentType string          `json:"customDataContentType"`
}

// rfc3339 is how CDEvents and CloudEvents write times.
const rfc3339 = "2006-01-02T15:04:05.000Z07:00"

func cloudEventOf(e annotate.Event, source string, turned bool) cloudEvent {
	c := e.Change
	at := c.Start
	if c.End != nil {
		at = *c.End
	}
	kind, subject, content := describe(c, turned)
	var d cdEvent
	d.Context.SpecVersion, d.Context.ID, d.Context.Source, d.Context.Type = "0.5.1", eventID(e), source, kind
	d.Context.Timestamp, d.Context.ChainID = at.Format(rfc3339), c.ID
	d.Subject.ID, d.Subject.Source, d.Subject.Content = subject, source, content
	d.CustomData, d.CustomDataContentType = c, "application/json"
	return cloudEvent{
		SpecVersion: "1.0", ID: d.Context.ID, Source: source, Type: kind, Subject: subject, Time: d.Context.Timestamp,
		DataContentType: "application/json", Data: d,
	}
}

// describe returns the type of CDEvent that a change is whose status turned or not, and its
// subject. What CDEvents have no type for, such as a deploy that begins or fails, is a
// custom event (custom/README.md of their specification).
func describe(c annotate.Change, turned bool) (kind, subject string, content map[string]any) {
	environment := map[string]any{"id": cmp.Or(c.Environment, "default")}
	switch {
	case !turned:
		return "dev.cdeventsx.tidemark-change.corrected.0.1.0", c.ID, map[string]any{"kind": c.Kind, "title": c.Headline()}
	case c.Kind == annotate.KindDeploy && c.Status == annotate.Succeeded && c.Service != "":
		predicate := "deployed"
		switch {
		case c.Undoes != "":
			predicate = "rolledback"
		case c.PreviousVersion != "":
			predicate = "upgraded"
		}
		return "dev.cdevents.service." + predicate + ".0.3.0", c.Service, map[string]any{"environment": environment, "artifactId": purl(c)}
	case c.Kind == annotate.KindIncident && (c.Status == annotate.Running || c.Status.Ended()):
		content := map[string]any{"environment": environment, "description": c.Headline()}
		if c.Service != "" {
			content["service"] = map[string]any{"id": c.Service}
		}
		if c.Status == annotate.Running {
			return "dev.cdevents.incident.detected.0.3.0", c.ID, content
		}
		return "dev.cdevents.incident.resolved.0.3.0", c.ID, content
	}
	return fmt.Sprintf("dev.cdeventsx.tidemark-change.%s.0.1.0", c.Status), c.ID, map[string]any{"kind": c.Kind, "title": c.Headline()}
}

// purl is a package URL (https://github.com/package-url/purl-spec) of what a deploy
// brought.
func purl(c annotate.Change) string {
	p := "pkg:generic/" + url.PathEscape(c.Service)
	if version := cmp.Or(c.Version, c.Commit); version != "" {
		p += "@" + url.PathEscape(version)
	}
	return p
}
