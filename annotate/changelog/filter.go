package changelog

import (
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// conditions are what a filter asks for, but for its times.
type conditions struct {
	groups *where // of the table groups
	rest   *where // of the table changes
}

// changes returns the conditions as they are put to the table changes.
func (c conditions) changes() *where {
	w := &where{}
	if !c.groups.empty() {
		w.and("group_id IN (SELECT id FROM groups WHERE "+c.groups.String()+")", c.groups.args...)
	}
	w.all(c.rest)
	return w
}

// selecting returns the conditions of f.
func selecting(f annotate.Filter) conditions {
	c := conditions{&where{}, &where{}}
	in(c.groups, "kind", f.Kinds)
	in(c.groups, "service", f.Services)
	in(c.groups, "environment", f.Environments)
	in(c.groups, "status", f.Statuses)
	in(c.rest, "who", f.Who)
	for name, value := range f.Labels {
		c.rest.and("EXISTS (SELECT 1 FROM labels WHERE change_id = id AND name = ? AND value = ?)", name, value)
	}
	for _, word := range textWords(f.Text) {
		c.rest.and("instr((SELECT words FROM texts WHERE texts.num = changes.num), ?) > 0", word)
	}
	return c
}

// selectingSpans returns the conditions of f.
func selectingSpans(f annotate.SpanFilter) conditions {
	c := conditions{&where{}, &where{}}
	in(c.groups, "kind", f.Kinds)
	in(c.groups, "service", f.Services)
	in(c.groups, "environment", f.Environments)
	in(c.groups, "status", f.Statuses)
	in(c.rest, "id", f.IDs)
	in(c.rest, "version", f.Versions)
	in(c.rest, "flag", f.Flags)
	return c
}

// words is what a text search looks through.
func words(c annotate.Change) string {
	parts := []string{c.Title, c.Text, c.Service, c.Environment, c.Version, c.Commit}
	if flag := flagOf(c); flag != "" {
		parts = append(parts, flag)
	}
	parts = append(parts, whoOf(c))
	return strings.ToLower(strings.Join(parts, "\n"))
}

func textWords(text string) []string { return strings.Fields(strings.ToLower(text)) }

// timesOf returns f's times, an open side as far as it goes.
func timesOf(f annotate.Filter) overlap {
	o := overlap{from: earliestMS, to: never - 1}
	if !f.From.IsZero() {
		o.from = f.From.UnixMilli()
	}
	if !f.To.IsZero() {
		o.to = f.To.UnixMilli()
	}
	return o
}

// matches reports whether c is one of those that f selects; it says of one
// change what the queries say of all.
func matches(f annotate.Filter, c annotate.Change) bool {
	times := timesOf(f)
	if c.Start.UnixMilli() > times.to || endOf(c) < times.from {
		return false
	}
	if !oneOf(f.Kinds, c.Kind) || !oneOf(f.Services, c.Service) || !oneOf(f.Environments, c.Environment) ||
		!oneOf(f.Statuses, c.Status) || !oneOf(f.Who, whoOf(c)) {
		return false
	}
	for name, value := range f.Labels {
		if had, ok := c.Labels[name]; !ok || had != value {
			return false
		}
	}
	sought := textWords(f.Text)
	if len(sought) == 0 {
		return true
	}
	all := words(c)
	return !slices.ContainsFunc(sought, func(word string) bool { return !strings.Contains(all, word) })
}

func oneOf[T comparable](values []T, v T) bool {
	return len(values) == 0 || slices.Contains(values, v)
}

// endOf returns c's end in Unix milliseconds.
func endOf(c annotate.Change) int64 {
	if c.End == nil {
		return annotate.Ongoing
	}
	return c.End.UnixMilli()
}

func whoOf(c annotate.Change) string {
	if c.Who == nil {
		return ""
	}
	return c.Who.Name
}

// flagOf returns the key of the flag that c is about, or "".
func flagOf(c annotate.Change) string {
	if c.Flag == nil {
		return ""
	}
	return c.Flag.Key
}

// flagStateOf returns what c made of the flag that it is about, or "".
func flagStateOf(c annotate.Change) string {
	if c.Flag == nil {
		return ""
	}
	return c.Flag.State()
}

func groupOf(c annotate.Change) annotate.Group {
	return annotate.Group{Kind: c.Kind, Service: c.Service, Environment: c.Environment, Status: c.Status}
}
