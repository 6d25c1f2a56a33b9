package changelog

import (
	"math"
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// where gathers conditions, all of which must hold, and their arguments.
type where struct {
	conditions []string
	args       []any
}

func (w *where) and(condition string, args ...any) {
	w.conditions = append(w.conditions, condition)
	w.args = append(w.args, args...)
}

// in adds that column is one of values, where there are any.
func in[T ~string](w *where, column string, values []T) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = string(v)
	}
	w.and(column+" IN (?"+strings.Repeat(",?", len(values)-1)+")", args...)
}

func (w *where) String() string {
	if len(w.conditions) == 0 {
		return "true"
	}
	return strings.Join(w.conditions, " AND ")
}

// selecting returns the conditions of f, but for its times.
func selecting(f annotate.Filter) *where {
	w := &where{}
	in(w, "kind", f.Kinds)
	in(w, "service", f.Services)
	in(w, "environment", f.Environments)
	in(w, "status", f.Statuses)
	in(w, "who", f.Who)
	for name, value := range f.Labels {
		w.and("id IN (SELECT change_id FROM labels WHERE name = ? AND value = ?)", name, value)
	}
	for _, word := range textWords(f.Text) {
		w.and("instr(words, ?) > 0", word)
	}
	return w
}

func textWords(text string) []string { return strings.Fields(strings.ToLower(text)) }

// selectingSpans returns the conditions of f.
func selectingSpans(f annotate.SpanFilter) *where {
	w := &where{}
	in(w, "id", f.IDs)
	in(w, "kind", f.Kinds)
	in(w, "service", f.Services)
	in(w, "environment", f.Environments)
	in(w, "version", f.Versions)
	in(w, "status", f.Statuses)
	return w
}

// hour is the longest that a change lasts which is not long.
const hour = 3_600_000

// overlapping returns the two conditions, for changes that are not long and
// for those that are, under which one overlaps the time between from and to.
func overlapping(from, to int64) (short, long where) {
	short.and("long = 0 AND start_ms BETWEEN ? AND ? AND end_ms >= ?", from-min(hour, from-math.MinInt64), to, from)
	long.and("long = 1 AND start_ms <= ? AND end_ms >= ?", to, from)
	return short, long
}

// bounds returns f's times in milliseconds, an open side as far as it goes.
func bounds(f annotate.Filter) (from, to int64) {
	from, to = math.MinInt64+hour, math.MaxInt64
	if !f.From.IsZero() {
		from = f.From.UnixMilli()
	}
	if !f.To.IsZero() {
		to = f.To.UnixMilli()
	}
	return from, to
}

// matches reports whether c is one of those that f selects; it says of one
// change what the queries say of all.
func matches(f annotate.Filter, c annotate.Change) bool {
	from, to := bounds(f)
	end := int64(annotate.Ongoing)
	if c.End != nil {
		end = c.End.UnixMilli()
	}
	if c.Start.UnixMilli() > to || end < from {
		return false
	}
	who := ""
	if c.Who != nil {
		who = c.Who.Name
	}
	if !oneOf(f.Kinds, c.Kind) || !oneOf(f.Services, c.Service) || !oneOf(f.Environments, c.Environment) ||
		!oneOf(f.Statuses, c.Status) || !oneOf(f.Who, who) {
		return false
	}
	for name, value := range f.Labels {
		if had, ok := c.Labels[name]; !ok || had != value {
			return false
		}
	}
	all := words(c)
	return !slices.ContainsFunc(textWords(f.Text), func(word string) bool { return !strings.Contains(all, word) })
}

func oneOf[T comparable](values []T, v T) bool {
	return len(values) == 0 || slices.Contains(values, v)
}
