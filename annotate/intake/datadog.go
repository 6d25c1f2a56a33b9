package intake

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

const (
	datadog       = "datadog"
	datadogHeader = "DD-API-KEY"
)

// datadogEvents takes change events as Datadog's Events API v2 does
// (https://docs.datadoghq.com/api/latest/events/, "Post an event").
func datadogEvents() Endpoint {
	type resource struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
	type change struct {
		Changed  resource   `json:"changed_resource"`
		Author   *resource  `json:"author"`
		Previous any        `json:"prev_value"`
		New      any        `json:"new_value"`
		Impacted []resource `json:"impacted_resources"`
	}
	type event struct {
		Data struct {
			Attributes struct {
				Title       string          `json:"title"`
				Category    string          `json:"category"`
				Message     string          `json:"message"`
				Tags        Tags            `json:"tags"`
				Timestamp   annotate.Time   `json:"timestamp"`
				Aggregation string          `json:"aggregation_key"`
				Attributes  json.RawMessage `json:"attributes"`
			} `json:"attributes"`
		} `json:"data"`
	}
	return Endpoint{
		Path: "/api/v2/events", KeyHeader: datadogHeader, Status: http.StatusAccepted,
		read: func(r Request) (annotate.Report, error) {
			var e event
			if err := read(r.Body, &e); err != nil {
				return annotate.Report{}, err
			}
			a := e.Data.Attributes
			if a.Category != "change" {
				return annotate.Report{}, invalid("data.attributes.category", a.Category, "must be change: other events are not taken")
			}
			var ch change
			if err := read(a.Attributes, &ch); err != nil {
				return annotate.Report{}, err
			}
			report, err := datadogReport(a.Title, a.Message, a.Tags, a.Aggregation)
			if err != nil {
				return report, err
			}
			report.Start = a.Timestamp
			switch ch.Changed.Type {
			case "feature_flag":
				report.Kind, report.Flag = "flag", &annotate.FlagChange{Key: ch.Changed.Name, From: ch.Previous, To: ch.New}
			case "configuration":
				if report.Kind == KindAnnotation {
					report.Kind = "config"
				}
			}
			if ch.Author != nil && ch.Author.Name != "" {
				report.Who = &annotate.Who{Name: ch.Author.Name, Type: map[string]string{"user": "person", "system": "machine"}[ch.Author.Type]}
			}
			if len(ch.Impacted) > 0 && report.Service == "" && ch.Impacted[0].Type == "service" {
				report.Service = ch.Impacted[0].Name
			}
			// All that was said, since not all of it has a field.
			var said bytes.Buffer
			if json.Compact(&said, a.Attributes) == nil && said.Len() <= annotate.MaxText {
				at := a.Timestamp
				if at.IsZero() {
					at = annotate.At(r.Now)
				}
				report.Evidence = []annotate.Evidence{{Source: datadog, Time: at, Text: said.String()}}
			}
			return report, nil
		},
		Answer: func(c annotate.Change, number int64) any {
			evt := map[string]any{"id": strconv.FormatInt(number, 10), "uid": c.ID}
			return map[string]any{"data": map[string]any{"type": "event", "attributes": map[string]any{"attributes": map[string]any{"evt": evt}}}}
		},
	}
}

// datadogEventsV1 takes events as Datadog's Events API v1 does, which agents and scripts
// post to.
func datadogEventsV1() Endpoint {
	type event struct {
		Title        string  `json:"title"`
		Text         string  `json:"text"`
		DateHappened instant `json:"date_happened"` // Unix seconds
		Tags         Tags    `json:"tags"`
		Aggregation  string  `json:"aggregation_key"`
		Host         string  `json:"host"`
		AlertType    string  `json:"alert_type"`
	}
	return Endpoint{
		Path: "/api/v1/events", KeyHeader: datadogHeader, Status: http.StatusAccepted,
		read: func(r Request) (annotate.Report, error) {
			var e event
			if err := read(r.Body, &e); err != nil {
				return annotate.Report{}, err
			}
			report, err := datadogReport(e.Title, e.Text, e.Tags, e.Aggregation)
			if err != nil {
				return report, err
			}
			report.Start = e.DateHappened.Time
			for name, value := range map[string]string{"host": e.Host, "alert_type": e.AlertType} {
				report.Labels[name] = cmp.Or(report.Labels[name], value)
			}
			report.Labels = labelled(report.Labels)
			return report, nil
		},
		Answer: func(c annotate.Change, number int64) any {
			return map[string]any{"status": "ok", "event": map[string]any{
				"id": number, "id_str": strconv.FormatInt(number, 10), "title": c.Title, "text": c.Text, "date_happened": c.Start.Unix(),
			}}
		},
	}
}

// datadogReport is what events of both versions have: a title, a text and tags, which
// say service, env and version as all of Datadog's do.
func datadogReport(title, text string, tags Tags, aggregation string) (annotate.Report, error) {
	if title == "" {
		return annotate.Report{}, invalid("title", nil, "is missing; say what happened in one line")
	}
	report := annotate.Report{Source: datadog, Labels: labelled(map[string]string{"aggregation_key": aggregation, labelTags: tags.line()})}
	report.Title, report.Text = split(title)
	if text != "" {
		report.Text = strings.TrimPrefix(report.Text+"\n"+text, "\n")
	}
	tags.fill(&report)
	report.Kind = cmp.Or(report.Kind, KindAnnotation)
	return report, nil
}
