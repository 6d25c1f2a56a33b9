package intake

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// Post is what a client posts as an annotation: Grafana's body, that of Grafana's
// Graphite form, or Graphite's own. Which of them it is shows in its fields, whatever
// the path: Flux' notifications have Graphite's time and Grafana's text. Fields that it
// does not know are let be.
type Post struct {
	Text *string `json:"text"`
	What *string `json:"what"`
	// Time and TimeEnd are in Unix milliseconds, and When in Unix seconds; as all times,
	// each is taken for the other by its size.
	Time    instant         `json:"time"`
	TimeEnd instant         `json:"timeEnd"`
	When    instant         `json:"when"`
	Tags    Tags            `json:"tags"`
	Data    json.RawMessage `json:"data"`

	DashboardUID string      `json:"dashboardUID"`
	PanelID      json.Number `json:"panelId"`
}

// instant is a time as a number; 0 and null are none.
type instant struct{ annotate.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (i *instant) UnmarshalJSON(b []byte) error {
	if string(b) == "0" {
		*i = instant{}
		return nil
	}
	if err := i.Time.UnmarshalJSON(b); err != nil {
		return &annotate.Error{Code: annotate.Invalid, Value: string(b), Message: "time: " + err.Error()}
	}
	return nil
}

// ReadPost reads a body. Its errors are Invalid.
func ReadPost(body []byte) (Post, error) {
	var p Post
	err := read(body, &p)
	return p, err
}

// Annotation is what p says, where what it leaves out stays as in before, but that a
// point whose time moves stays a point. An end before its beginning is exchanged with
// it, as Grafana does.
func (p Post) Annotation(before Annotation) (Annotation, error) {
	a := before
	data, isText, err := p.data()
	if err != nil {
		return a, err
	}
	switch {
	case p.What != nil:
		a.Text = *p.What
		if isText && len(data) > 0 {
			a.Text += "\n" + string(data)
		}
	case p.Text != nil && *p.Text != "": // Grafana takes an empty one as not given
		a.Text = *p.Text
	}
	if p.What == nil && data != nil {
		a.Data = data
	}
	for _, at := range []instant{p.When, p.Time} {
		if at.IsZero() {
			continue
		}
		if a.End == a.Time {
			a.End = at.Time // a point moves whole
		}
		a.Time = at.Time
	}
	if !p.TimeEnd.IsZero() {
		a.End = p.TimeEnd.Time
	}
	if a.End.Before(a.Time.Time) {
		a.Time, a.End = a.End, a.Time
	}
	if p.Tags != nil {
		a.Tags = p.Tags
	}
	if p.DashboardUID != "" {
		a.Dashboard = p.DashboardUID
	}
	if id := p.PanelID.String(); id != "" && id != "0" {
		a.Panel = id
	}
	if strings.TrimSpace(a.Text) == "" {
		return a, invalid("text", nil, "is empty; say what happened (Graphite's clients say it as what)")
	}
	return a, nil
}

// data is what p has beside its text: text itself where it is a string with an event
// of Graphite's.
func (p Post) data() (data []byte, isText bool, err error) {
	if len(p.Data) == 0 || string(p.Data) == "null" {
		return nil, false, nil
	}
	if p.What != nil {
		if p.Data[0] == '"' {
			var text string
			err := json.Unmarshal(p.Data, &text)
			return []byte(text), true, err
		}
		return p.Data, true, nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, p.Data); err != nil {
		return nil, false, err
	}
	return compact.Bytes(), false, nil
}

// At is an empty annotation of a time, which a Post begins with.
func At(now time.Time) Annotation {
	t := annotate.At(now)
	return Annotation{Time: t, End: t}
}
