package changes

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// what says which kind of change it is, of what, and where.
func (c *Change) what() string {
	text := c.Kind
	if c.Service != "" {
		text += " of " + c.Service
	}
	if c.Environment != "" {
		text += " in " + c.Environment
	}
	return text
}

// step says what the change led from and to.
func (c *Change) step() string {
	var steps []string
	if c.Version != "" || c.PreviousVersion != "" {
		steps = append(steps, transition(c.PreviousVersion, c.Version))
	}
	if c.Flag != nil {
		steps = append(steps, c.Flag.step())
	}
	if len(steps) == 0 && c.Commit != "" {
		steps = append(steps, c.Commit)
	}
	return strings.Join(steps, ", ")
}

// news is the step, as far as the headline does not say it already.
func (c *Change) news() string {
	if c.Title == "" && c.PreviousVersion == "" && (c.Version != "" || c.Flag != nil) {
		return ""
	}
	return c.step()
}

// outcome says how it went, how long it took, and whom to ask.
func (c *Change) outcome(now time.Time) string {
	took := readable(c.duration(now))
	var text string
	switch {
	case c.Status == planned:
		text = "planned"
	case c.Status == running:
		text = "running for " + took
	case c.duration(now) == 0:
		text = c.Status
	case c.Status == succeeded:
		text = "succeeded in " + took
	default:
		text = c.Status + " after " + took
	}
	if c.Who.Name != "" {
		text += ", by " + c.Who.Name
	}
	return text
}

// when says the time in UTC: what is pasted into a chat must not depend on
// whose browser it was.
func (c *Change) when() string {
	start := c.Start.UTC()
	text := start.Format("2006-01-02 15:04:05")
	if c.End != nil && !c.End.Equal(c.Start) {
		end := c.End.UTC()
		layout := "15:04:05"
		if end.YearDay() != start.YearDay() || end.Year() != start.Year() {
			layout = "2006-01-02 15:04:05"
		}
		text += " to " + end.Format(layout)
	}
	return text + " UTC"
}

// readable writes a length of time in its two largest units.
func readable(d time.Duration) string {
	const day = 24 * time.Hour
	type unit struct {
		length time.Duration
		name   string
	}
	units := []unit{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	for i, u := range units {
		if d < u.length {
			continue
		}
		text := strconv.Itoa(int(d/u.length)) + u.name
		if i+1 < len(units) {
			if rest := d % u.length / units[i+1].length; rest > 0 {
				text += " " + strconv.Itoa(int(rest)) + units[i+1].name
			}
		}
		return text
	}
	return strconv.Itoa(int(d.Milliseconds())) + "ms"
}

// labelled puts label before text, where there is any.
func labelled(label, text string) string {
	if text == "" {
		return ""
	}
	return label + text
}

// summary says how many changes of which kinds m stands for, and how many of
// them failed.
func (m *marker) summary() string {
	type topic struct{ kind, service string }
	counts := make(map[topic]int)
	for _, mk := range m.marks {
		counts[topic{mk.Kind, mk.Service}] += mk.Count
	}
	if len(counts) > 4 { // too much to read: the kinds alone
		byKind := make(map[topic]int)
		for t, n := range counts {
			byKind[topic{kind: t.kind}] += n
		}
		counts = byKind
	}
	topics := make([]topic, 0, len(counts))
	for t := range counts {
		topics = append(topics, t)
	}
	slices.SortFunc(topics, func(a, b topic) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.kind, b.kind), cmp.Compare(a.service, b.service))
	})
	parts := make([]string, len(topics))
	for i, t := range topics {
		parts[i] = counted(counts[t], t.kind)
		if t.service != "" {
			parts[i] += " of " + t.service
		}
	}
	text := strings.Join(parts, ", ")
	if len(parts) > 1 {
		text = strconv.Itoa(m.count) + " changes: " + text
	}
	if n := m.failures(); n == m.count {
		text += ", all failed"
	} else if n > 0 {
		text += ", " + strconv.Itoa(n) + " failed"
	}
	return text
}

// counted says n changes of a kind in words.
func counted(n int, kind string) string {
	noun := kind + " change"
	switch kind {
	case deploy, incident, drill, restart:
		noun = kind
	case flagFlip:
		noun = "flag flip"
	case maintenance:
		noun = "maintenance window"
	}
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

// during is the time that m's changes fall into.
func (m *marker) during() span {
	s := span{m.start, m.end}
	for _, mk := range m.marks {
		s.to = later(s.to, mk.Change.Start)
		if mk.End != nil {
			s.to = later(s.to, *mk.End)
		}
	}
	return s
}

// service is the one that all of m's changes are of, or none.
func (m *marker) service() string { return m.same(func(mk *mark) string { return mk.Service }) }

// same returns what all of m's marks have in common, or nothing.
func (m *marker) same(of func(*mark) string) string {
	first := of(m.marks[0])
	for _, mk := range m.marks[1:] {
		if of(mk) != first {
			return ""
		}
	}
	return first
}
