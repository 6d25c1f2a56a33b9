package annotate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
)

const (
	// MaxSaid is how much of what one source said of a change is kept to be put in order.
	// What is past it is put together, the oldest but the very first.
	MaxSaid = 50
	// maxSaidEvidence is how many pieces of evidence what was said may make of a change,
	// so that there is room for those of people.
	maxSaidEvidence = 60
)

// KindUnknown is the kind of a change of which nobody has said a kind yet.
const KindUnknown = "annotation"

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
	return ParseSaid(r.At, r.Seq, body)
}

// ParseSaid returns what was said at a time, from its Body.
func ParseSaid(at Time, seq int64, body []byte) (Said, error) {
	s := Said{body: body}
	err := json.Unmarshal(body, &s.Report)
	s.At, s.Seq = at, seq
	return s, err
}

// Body is the report as JSON, without its At and Seq.
func (s Said) Body() []byte { return s.body }

// compare orders what was said: by when, then by the sender's own count, then by how far
// along it says that the change is, since a sender's clock may tell only whole seconds,
// and at last by what it says.
func (s Said) compare(other Said) int {
	return cmp.Or(
		s.At.Compare(other.At.Time),
		cmp.Compare(s.Seq, other.Seq),
		cmp.Compare(rank(s.Status), rank(other.Status)),
		bytes.Compare(s.body, other.body),
	)
}

// Same reports whether two say the same, at the same time.
func (s Said) Same(other Said) bool { return s.compare(other) == 0 }

// Arrange puts all that was said of a change in order, that of each source by itself, each
// once. Where a source said more than MaxSaid, it makes one of the two oldest but the very
// first, until there is not: what comes even later than those is still put before them.
func Arrange(all []Said) ([]Said, error) {
	var out []Said
	for _, of := range bySource(all) {
		arranged, err := arrange(of)
		if err != nil {
			return nil, err
		}
		out = append(out, arranged...)
	}
	return out, nil
}

func arrange(all []Said) ([]Said, error) {
	all = slices.CompactFunc(all, Said.Same)
	for len(all) > MaxSaid {
		one, err := NewSaid(all[1].then(all[2].Report))
		if err != nil {
			return nil, err
		}
		all = slices.Delete(all, 1, 2)
		all[1] = one
	}
	return all, nil
}

// then is one report that says what s and then next say.
func (s Said) then(next Report) Report {
	var c Change
	s.say(&c)
	next.say(&c)
	c.trimEvidence()
	r := c.AsReport()
	r.At, r.Seq, r.Status, r.Start, r.End = next.At, next.Seq, s.Status, s.Start, s.End
	if s.Status.Ended() && s.End.IsZero() {
		r.End = s.At
	}
	if next.Status != "" && rank(next.Status) < rank(s.Status) {
		return r // it moves nothing back
	}
	if !next.Start.IsZero() {
		r.Start = next.Start
	}
	if next.Status != "" {
		r.Status = next.Status
	}
	switch {
	case !next.End.IsZero():
		r.End = next.End
	case next.Status.Ended() && !s.Status.Ended():
		r.End = next.At
	}
	return r
}

// fold returns the change that all makes, which one source said and Arrange has put in
// order: as if each had come when it was said. It always makes one that a log can keep, as
// far as each could be kept. The log's own account of it is not filled in.
func fold(all []Said) Change {
	var c Change
	for i, s := range all {
		r := s.Report
		if i == 0 {
			c = r.New(s.At.Time)
			continue
		}
		if r.Status != "" && rank(r.Status) < rank(c.Status) {
			r.Start = Time{} // what has ended did not begin after that
		}
		c = r.Update(c, s.At.Time)
	}
	if c.Kind == "" {
		c.Kind = KindUnknown
	}
	if c.End != nil && c.End.Before(c.Start.Time) {
		c.Start = *c.End
	}
	c.trimEvidence()
	return c
}

// trimEvidence leaves room for the evidence of people.
func (c *Change) trimEvidence() {
	c.sortEvidence()
	c.Evidence = firstAndNewest(c.Evidence, maxSaidEvidence)
}

// firstAndNewest is at most most of a list: its first, and its last.
func firstAndNewest(list []Evidence, most int) []Evidence {
	if over := len(list) - most; over > 0 {
		return slices.Delete(list, 1, 1+over)
	}
	return list
}

// Rebase returns c, which was once what was said of it and may have been corrected since,
// with what is now said otherwise: after is that, and before what was said until now.
func Rebase(c, before, after Change) Change {
	out := c.Clone()
	corrected := c.Status != before.Status && rank(after.Status) < rank(c.Status)
	b, a, o := reflect.ValueOf(before), reflect.ValueOf(after), reflect.ValueOf(&out).Elem()
	for i := range o.NumField() {
		if !reflect.DeepEqual(b.Field(i).Interface(), a.Field(i).Interface()) {
			o.Field(i).Set(a.Field(i))
		}
	}
	if corrected { // somebody said that it is further, or over
		out.Status, out.Start, out.End = c.Status, c.Start, c.End
	}
	if out.End != nil && out.End.Before(out.Start.Time) {
		out.Start = after.Start
	}
	out.Labels = rebasedLabels(c.Labels, before.Labels, after.Labels)
	out.Links = rebased(c.Links, before.Links, after.Links, func(l, other Link) bool { return l.Href == other.Href })
	out.Links = out.Links[:min(len(out.Links), MaxLinks)]
	// Of the evidence, that of people goes last.
	out.Evidence = rebased(c.Evidence, before.Evidence, after.Evidence, func(e, other Evidence) bool { return e == other })
	if over := len(out.Evidence) - MaxEvidence; over > 0 {
		out.Evidence = slices.DeleteFunc(out.Evidence, func(e Evidence) bool {
			drop := over > 0 && slices.Contains(after.Evidence, e)
			if drop {
				over--
			}
			return drop
		})
		out.Evidence = firstAndNewest(out.Evidence, MaxEvidence)
	}
	return out.Clone()
}

func rebasedLabels(labels, before, after map[string]string) map[string]string {
	out := maps.Clone(labels)
	for name, value := range before {
		if _, still := after[name]; !still && out[name] == value {
			delete(out, name)
		}
	}
	for name, value := range after {
		if before[name] == value {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name] = value
	}
	return out
}

// rebased is list without what is said no more, and with what is said anew in the place of
// what is alike.
func rebased[T comparable](list, before, after []T, alike func(a, b T) bool) []T {
	if slices.Equal(list, before) {
		return slices.Clone(after) // nobody corrected it
	}
	out := slices.DeleteFunc(slices.Clone(list), func(one T) bool { return slices.Contains(before, one) && !slices.Contains(after, one) })
	for _, one := range after {
		if slices.Contains(before, one) || slices.Contains(out, one) {
			continue
		}
		if at := slices.IndexFunc(out, func(other T) bool { return alike(one, other) }); at >= 0 {
			out[at] = one
		} else {
			out = append(out, one)
		}
	}
	return out
}
