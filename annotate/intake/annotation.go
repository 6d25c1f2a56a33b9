package intake

import (
	"encoding/json"
	"maps"
	"slices"
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

// ownLabels are those that no tag can be.
var ownLabels = []string{labelTags, labelData, labelDashboard, labelPanel, labelDeleted}

// KindAnnotation is the kind of a change whose tags name none.
const KindAnnotation = annotate.KindUnknown

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

// Report is what an annotation of the source says of a change, as of now. It is an
// Invalid error where a change cannot keep it.
func (a Annotation) Report(source string, now time.Time) (annotate.Report, error) {
	r := annotate.Report{Source: source, Start: a.Time, End: a.End}
	settle(&r, now)
	r.Title, r.Text = split(a.Text)
	if len(a.Data) > annotate.MaxValue {
		return r, invalid("data", nil, "is more than can be kept beside an annotation; put it into the text")
	}
	for _, tag := range a.Tags {
		if strings.Contains(tag, ",") {
			return r, invalid("tags", tag, "has a comma; write one tag for each word")
		}
	}
	r.Labels = a.labels()
	if len(r.Labels[labelTags]) > annotate.MaxValue {
		return r, invalid("tags", nil, "are more than can be kept; send fewer, or shorter ones")
	}
	a.Tags.fill(&r)
	if r.Kind == "" {
		r.Kind = KindAnnotation
	}
	return r, nil
}

// labels are those that keep what a change has no field for. The one for tags is always
// there: by it a change is known to have come as an annotation.
func (a Annotation) labels() map[string]string {
	labels := labelled(map[string]string{labelData: string(a.Data), labelDashboard: a.Dashboard, labelPanel: a.Panel})
	labels[labelTags] = strings.Join(a.Tags, ",")
	return labels
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
func IsAnnotation(c annotate.Change) bool {
	_, tagged := c.Labels[labelTags]
	return tagged && c.ExternalID == "" && (c.Source == Grafana || c.Source == Graphite)
}

// IsDeleted reports whether a change was an annotation that somebody deleted.
func IsDeleted(c annotate.Change) bool {
	return IsAnnotation(c) && c.Status == annotate.Cancelled && c.Labels[labelDeleted] != ""
}

// Alter is the correction that makes of the change c, which came as an annotation, what
// post says of it. It touches nothing that post does not speak of, since others may
// have corrected that. Its errors are Invalid.
func (p Post) Alter(c annotate.Change, now time.Time) (annotate.Patch, error) {
	before := Of(c, now)
	after, err := p.Annotation(before)
	if err != nil {
		return annotate.Patch{}, err
	}
	was, err := before.Report(c.Source, now)
	if err != nil {
		return annotate.Patch{}, err
	}
	is, err := after.Report(c.Source, now)
	if err != nil {
		return annotate.Patch{}, err
	}
	patch := annotate.Patch{Revision: c.Revision}
	set := func(name string, field *string, value string) {
		if *field = value; value == "" {
			patch.Clear = append(patch.Clear, name)
		}
	}
	if after.Text != before.Text {
		set("title", &patch.Set.Title, is.Title)
		set("text", &patch.Set.Text, is.Text)
	}
	for _, f := range []struct {
		name           string
		set            *string
		has, was, want string
	}{
		{"kind", &patch.Set.Kind, c.Kind, was.Kind, is.Kind},
		{"service", &patch.Set.Service, c.Service, was.Service, is.Service},
		{"environment", &patch.Set.Environment, c.Environment, was.Environment, is.Environment},
		{"version", &patch.Set.Version, c.Version, was.Version, is.Version},
		{"commit", &patch.Set.Commit, c.Commit, was.Commit, is.Commit},
	} {
		if f.has == f.was && f.want != f.was {
			set(f.name, f.set, f.want)
		}
	}
	if !maps.Equal(was.Labels, is.Labels) {
		patch.Set.Labels = relabelled(c.Labels, was.Labels, is.Labels)
	}
	after.move(before, c, is, &patch, now)
	return patch, nil
}

// relabelled are labels with what differs between was and is, where nobody else altered
// it.
func relabelled(labels, was, is map[string]string) map[string]string {
	out := maps.Clone(labels)
	for name, old := range was {
		if _, still := is[name]; !still && out[name] == old {
			delete(out, name)
		}
	}
	for name, value := range is {
		if old, before := was[name]; (!before || old != value) && out[name] == old {
			out[name] = value
		}
	}
	return out
}

// move says in a patch that the annotation before, of the change c, is at the times of a.
func (a Annotation) move(before Annotation, c annotate.Change, is annotate.Report, patch *annotate.Patch, now time.Time) {
	if a.Time != before.Time {
		patch.Set.Start = a.Time
	}
	if a.End != before.End { // before, it may be now, which nobody said
		patch.Set.End = a.End
	}
	moved := !patch.Set.Start.IsZero() || !patch.Set.End.IsZero()
	over := c.End != nil && c.End.Before(now) && !c.Status.Ended() // nobody said so
	if !moved && !over {
		return
	}
	// A status that only says where the times are goes with them; others stay.
	if slices.Contains([]annotate.Status{annotate.Planned, annotate.Running, annotate.Succeeded}, c.Status) && c.End != nil {
		patch.Set.Status, patch.Set.Start, patch.Set.End = is.New(now).Status, a.Time, a.End
	}
}

// Delete is the correction that lets the annotation c be found no more. The log keeps
// the change, as cancelled.
func Delete(c annotate.Change, by string, now time.Time) annotate.Patch {
	labels := maps.Clone(c.Labels)
	labels[labelDeleted] = "true"
	return annotate.Patch{Revision: c.Revision, Set: annotate.Report{
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
		if t, r := split(rest); t == title && r == rest {
			return rest
		}
	}
	return title + "\n" + rest
}

func invalid(field string, value any, message string) *annotate.Error {
	return &annotate.Error{Code: annotate.Invalid, Field: field, Value: value, Message: message}
}
