package intake

import (
	"cmp"
	"net/http"

	"github.com/tidemark/tidemark/annotate"
)

// honeycombMarkers takes markers as Honeycomb's API does
// (https://docs.honeycomb.io/api/tag/Markers). A dataset of Honeycomb's is a service.
func honeycombMarkers() Endpoint {
	type marker struct {
		ID        string        `json:"id,omitempty"`
		CreatedAt annotate.Time `json:"created_at,omitzero"`
		UpdatedAt annotate.Time `json:"updated_at,omitzero"`
		StartTime int64         `json:"start_time,omitempty"` // Unix seconds
		EndTime   int64         `json:"end_time,omitempty"`
		Message   string        `json:"message,omitempty"`
		Type      string        `json:"type,omitempty"`
		URL       string        `json:"url,omitempty"`
	}
	const everywhere = "__all__"
	return Endpoint{
		Path: "/1/markers/{dataset}", KeyHeader: "X-Honeycomb-Team", Status: http.StatusCreated,
		read: func(r Request) (annotate.Report, error) {
			var m struct {
				StartTime instant `json:"start_time"`
				EndTime   instant `json:"end_time"`
				Message   string  `json:"message"`
				Type      string  `json:"type"`
				URL       string  `json:"url"`
			}
			if err := read(r.Body, &m); err != nil {
				return annotate.Report{}, err
			}
			report := annotate.Report{
				Source: "honeycomb", Kind: cmp.Or(kindWords[m.Type], KindAnnotation), Start: m.StartTime.Time, End: m.EndTime.Time,
				Links: link("run", m.URL), Labels: labelled(map[string]string{"type": m.Type}),
			}
			if !report.End.IsZero() && report.End.Before(report.Start.Time) {
				report.Start, report.End = report.End, report.Start
			}
			if m.Message != "" {
				report.Title, report.Text = split(m.Message)
			}
			if dataset := r.Value("dataset"); dataset != everywhere {
				report.Service = dataset
			}
			return report, nil
		},
		Answer: func(c annotate.Change, _ int64) any {
			m := marker{ID: c.ID, CreatedAt: c.Recorded, UpdatedAt: c.Updated, StartTime: c.Start.Unix(), Message: join(c.Title, c.Text), Type: c.Labels["type"]}
			if c.End != nil && !c.End.Equal(c.Start.Time) {
				m.EndTime = c.End.Unix()
			}
			if len(c.Links) > 0 {
				m.URL = c.Links[0].Href
			}
			return m
		},
	}
}
