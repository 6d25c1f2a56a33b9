package intake

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"

	"github.com/tidemark/tidemark/annotate"
)

// Grafana and Graphite are the sources of the changes that came as annotations of the
// one and events of the other.
const (
	Grafana  = "grafana"
	Graphite = "graphite"
)

// The labels that keep what a change has no field for.
const (
	labelTags      = "tags" // with a comma between them
	labelData      = "data"
	labelDashboard = "dashboard_uid"
	labelPanel     = "panel_id"
	labelDeleted   = "deleted"
)

// KindAnnotation is the kind of a change whose tags name none.
const KindAnnotation = "annotation"

// Annotation is a point or a region in time with a text and tags, as Grafana and
// Graphite know it.
type Annotation struct {
	// Time and End are equal for a point.
	Time, End annotate.Time
	Text      string
	Tags      Tags
	// Data is any JSON beside it; nil for none.
	Data json.RawMessage
	// Dashboard and Panel are the UID and the id of what it was drawn on; empty for all.
	Dashboard, Panel string
}

// Report is what an annotation of the source says of a change. It is an Invalid error
// where a change cannot keep it.
func (a Annotation) Report(source string) (annotate.Report, error) {
	r := annotate.Report{Source: source, Start: a.Time, End: a.End, Labels: map[string]string{}}
	if r.End == r.Start {
		r.End = annotate.Time{} // an instant, also one to come
	}
	r.Title, r.Text = split(a.Text)
	for _, tag := range a.Tags {
		if strings.Contains(tag, ",") {
			return r, invalid("tags", tag, "has a comma; write one tag for each word")
		}
	}
	tags := strings.Join(a.Tags, ",")
	if len(tags) > annotate.MaxValue {
		return r, invalid("tags", nil, "are more than can be kept; send fewer, or shorter ones")
	}
	for name, value := range map[string]string{labelTags: tags, labelData: string(a.Data), labelDashboard: a.Dashboard, labelPanel: a.Panel} {
		if value != "" {
			r.Labels[name] = value
		}
	}
	if len(a.Data) > annotate.MaxValue {
		return r, invalid("data", nil, "is more than can be kept beside an annotation; put it into the text")
	}
	a.Tags.fill(&r)
	if r.Kind == "" {
		r.Kind = KindAnnotation
	}
	return r, nil
}

// Of is a change as an annotation. One that goes on lasts until now.
func Of(c annotate.Change, now time.Time) Annotation {
	a := Annotation{Time: c.Start, End: c.Start, Text: join(c.Headline(), c.Text)}
	switch {
	case c.End != nil:
		a.End = *c.End
	case c.Status == annotate.Running && now.After(c.Start.Time):
		a.End = annotate.At(now)
	}
	if !IsAnnotation(c) {
		a.Tags = tagsOf(c)
		return a
	}
	if tags := c.Labels[labelTags]; tags != "" {
		a.Tags = strings.Split(tags, ",")
	}
	if data := c.Labels[labelData]; json.Valid([]byte(data)) {
		a.Data = json.RawMessage(data)
	}
	a.Dashboard, a.Panel = c.Labels[labelDashboard], c.Labels[labelPanel]
	return a
}

// IsAnnotation reports whether a change came as an annotation, and so may be altered as
// one.
func IsAnnotation(c annotate.Change) bool { return c.Source == Grafana || c.Source == Graphite }

// IsDeleted reports whether a change was an annotation that somebody deleted.
func IsDeleted(c annotate.Change) bool { return IsAnnotation(c) && c.Labels[labelDeleted] != "" }

// Alter is the correction that makes of the change c, which came as an annotation, what
// a says now. It is an Invalid error where a change cannot keep it.
func (a Annotation) Alter(c annotate.Change, now time.Time) (annotate.Patch, error) {
	r, err := a.Report(c.Source)
	if err != nil {
		return annotate.Patch{}, err
	}
	as := r.New(now)
	p := annotate.Patch{Set: r, Clear: []string{"title", "text", "service", "environment", "version", "commit", "labels"}}
	p.Set.Start, p.Set.Status = as.Start, as.Status
	if as.End != nil {
		p.Set.End = *as.End
	} else {
		p.Clear = append(p.Clear, "end")
	}
	return p, nil
}

// Delete is the correction that lets the annotation c be found no more. The log keeps
// the change, as cancelled.
func Delete(c annotate.Change, by string, now time.Time) annotate.Patch {
	labels := map[string]string{labelDeleted: "true"}
	for name, value := range c.Labels {
		labels[name] = value
	}
	return annotate.Patch{Set: annotate.Report{
		Status: annotate.Cancelled, Labels: labels,
		Evidence: []annotate.Evidence{{Source: by, Time: annotate.At(now), Text: "deleted the annotation"}},
	}}
}

// cut ends a title that is not the whole first line.
const cut = "…"

// split makes of a text a title, which is one line, and the rest. Where the first line
// can be no title the rest is the whole text, and the title ends with an ellipsis.
func split(text string) (title, rest string) {
	first, rest, _ := strings.Cut(text, "\n")
	if first != "" && len(first) <= annotate.MaxTitle && strings.IndexFunc(first, unicode.IsControl) < 0 && !strings.HasSuffix(first, cut) {
		return first, rest
	}
	words := strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if most := annotate.MaxTitle - len(cut); len(words) > most {
		words = strings.ToValidUTF8(words[:most], "")
	}
	return words + cut, text
}

// join is the text that split was given, but for a line break at its end.
func join(title, rest string) string {
	switch {
	case rest == "":
		return title
	case strings.HasSuffix(title, cut):
		return rest
	}
	return title + "\n" + rest
}

func invalid(field string, value any, message string) *annotate.Error {
	return &annotate.Error{Code: annotate.Invalid, Field: field, Value: value, Message: message}
}
