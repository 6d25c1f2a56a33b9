package changeseries

import (
	"context"

	"github.com/tidemark/tidemark/annotate"
)

// Log is what the change series ask of the change log. Times are Unix
// milliseconds. Its methods may be called at the same time; none may call its
// fn after it returned, and each returns the first error of its fn.
type Log interface {
	// Spans calls fn with each change that overlaps the time from from to to,
	// both included, in the order of their starts.
	Spans(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.Span) error) error
	// Starts calls fn with each change that started in (from, to], in the order
	// of their starts.
	Starts(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.Span) error) error
	// NewestStarts returns, for each kind, service and environment, the change
	// with the newest start that is not after t.
	NewestStarts(ctx context.Context, f annotate.SpanFilter, t int64) ([]annotate.Span, error)
	// Versions calls fn with each succeeded deploy of a version that ended in
	// (from, to], in the order of their ends. Of those that ended together the
	// last one counts.
	Versions(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.Span) error) error
	// NewestVersions returns, for each service and environment, the succeeded
	// deploy of a version with the newest end that is not after t.
	NewestVersions(ctx context.Context, f annotate.SpanFilter, t int64) ([]annotate.Span, error)
	// FlagStates calls fn with the states that flags were given in (from, to],
	// and before with the newest two of each that began not after from. Those of
	// one flag in one service and environment come in the order of their starts,
	// no two of which are the same.
	FlagStates(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.FlagState) error) error
	// Counts returns how many changes of each group started not after t.
	Counts(ctx context.Context, f annotate.SpanFilter, t int64) (map[annotate.Group]int64, error)
	// CountsBetween calls fn, interval by interval, with how many changes of
	// each group started in (edges[i], edges[i+1]], where there are any. Edges
	// ascend.
	CountsBetween(ctx context.Context, f annotate.SpanFilter, edges []int64, fn func(interval int, g annotate.Group, n int64) error) error
}
