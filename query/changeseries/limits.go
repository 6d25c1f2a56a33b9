package changeseries

import (
	"context"
	"fmt"

	"github.com/tidemark/tidemark/annotate"
)

// limitOf returns how many series of a family one select may have.
func (r *reader) limitOf(family int) int {
	if family == inChange {
		return r.opts.MaxChanges
	}
	return r.opts.MaxGroups
}

// tooMany counts that a limit was hit, and says how to stay below it.
func (r *reader) tooMany(family, limit int) *annotate.Error {
	f := &families[family]
	name := "max_groups"
	if family == inChange {
		name = "max_changes"
	}
	r.hit(name)
	return &annotate.Error{
		Code:  annotate.TooMany,
		Value: limit,
		Message: fmt.Sprintf("the selector takes in more than %d series of %s (limit %s); narrow it by labels, such as %s, or by a shorter time range",
			limit, f.name, name, f.narrowing()),
	}
}

func (r *reader) hit(limit string) {
	r.opts.Metrics.GetOrCreateCounter(`tidemark_change_series_limit_hits_total{limit="` + limit + `"}`).Inc()
}

// starts calls fn with each change that f selects and that started in (from, to],
// up to the limit.
func (r *reader) starts(ctx context.Context, family int, f annotate.SpanFilter, from, to int64, fn func(annotate.Span) error) error {
	read := 0
	return r.log.Starts(ctx, f, from, to, func(s annotate.Span) error {
		if read++; read > r.opts.MaxStarts {
			return r.tooLong(family)
		}
		return fn(s)
	})
}

// tooLong counts that too many changes would be read, and says how to stay below.
func (r *reader) tooLong(family int) *annotate.Error {
	r.hit("max_starts")
	f := &families[family]
	return &annotate.Error{
		Code:  annotate.TooMany,
		Value: r.opts.MaxStarts,
		Message: fmt.Sprintf("the selector of %s would read more than %d changes (limit max_starts); narrow it by labels, such as %s, or by a shorter time range",
			f.name, r.opts.MaxStarts, f.narrowing()),
	}
}

// narrowing names labels by which a selector of f is narrowed.
func (f *family) narrowing() string {
	if f.name == FlagState {
		return "flag, service or environment"
	}
	return "kind, service or environment"
}
