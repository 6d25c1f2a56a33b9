package annotate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
)

// MaxSaid is how much of what was said of one change is kept to be put in order: the
// first, and the newest. Each may be a piece of evidence, and there is room for others.
const MaxSaid = MaxEvidence / 2

// Said is a report of a change that says when it was said, and so has its place among
// the others of that change whenever it comes.
type Said struct {
	Report
	body []byte // the report as JSON, by which two are told apart
}

// NewSaid returns what r says. r has an At.
func NewSaid(r Report) (Said, error) {
	r.At, r.Start, r.End = At(r.At.Time), At(r.Start.Time), At(r.End.Time)
	body, err := json.Marshal(r)
	if err != nil {
		return Said{}, err
	}
	return ParseSaid(r.At, body)
}

// ParseSaid returns what was said at a time, from its Body.
func ParseSaid(at Time, body []byte) (Said, error) {
	s := Said{body: body}
	err := json.Unmarshal(body, &s.Report)
	s.At = at
	return s, err
}

// Body is the report as JSON, without its At.
func (s Said) Body() []byte { return s.body }

// compare orders what was said: by when, then by how far along it says that the change
// is, since a sender's clock may tell only whole seconds, and at last by what it says.
func (s Said) compare(other Said) int {
	return cmp.Or(
		s.At.Compare(other.At.Time),
		cmp.Compare(rank(s.Status), rank(other.Status)),
		bytes.Compare(s.body, other.body),
	)
}

// Same reports whether two say the same, at the same time.
func (s Said) Same(other Said) bool { return s.compare(other) == 0 }

// Arrange puts all that was said of a change in order, each once, and lets go of the
// oldest but the very first where there is more than MaxSaid. What is left does not
// depend on the order in which it came.
func Arrange(all []Said) []Said {
	slices.SortFunc(all, Said.compare)
	all = slices.CompactFunc(all, Said.Same)
	if over := len(all) - MaxSaid; over > 0 {
		all = slices.Delete(all, 1, 1+over)
	}
	return all
}

// Fold returns the change that all makes, which Arrange has put in order: as if each had
// come when it was said. The log's own account of it is not filled in.
func Fold(all []Said) Change {
	var c Change
	for i, s := range all {
		if i == 0 {
			c = s.New(s.At.Time)
			continue
		}
		c = s.Update(c, s.At.Time)
	}
	return c
}

// Rebase returns c, which was once what was said of it and may have been corrected since,
// with what is now said otherwise: after is that, and before what was said until now.
func Rebase(c, before, after Change) Change {
	out := c.Clone()
	b, a, o := reflect.ValueOf(before), reflect.ValueOf(after), reflect.ValueOf(&out).Elem()
	for i := range o.NumField() {
		if !reflect.DeepEqual(b.Field(i).Interface(), a.Field(i).Interface()) {
			o.Field(i).Set(a.Field(i))
		}
	}
	out.Labels = maps.Clone(c.Labels)
	for name := range before.Labels {
		if _, still := after.Labels[name]; !still && out.Labels[name] == before.Labels[name] {
			delete(out.Labels, name)
		}
	}
	for name, value := range after.Labels {
		if before.Labels[name] == value {
			continue
		}
		if out.Labels == nil {
			out.Labels = map[string]string{}
		}
		out.Labels[name] = value
	}
	out.Links = rebased(c.Links, before.Links, after.Links, MaxLinks)
	out.Evidence = rebased(c.Evidence, before.Evidence, after.Evidence, MaxEvidence)
	return out.Clone()
}

// rebased is what list has beyond before, after what after has.
func rebased[T comparable](list, before, after []T, most int) []T {
	out := slices.Clone(after)
	for _, one := range list {
		if !slices.Contains(before, one) && !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out[:min(len(out), most)]
}
