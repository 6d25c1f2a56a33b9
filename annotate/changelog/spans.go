package changelog

import (
	"context"
	"fmt"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

const spanColumns = "id, kind, service, environment, version, who, status, start_ms, end_ms"

// Spans calls fn with each change that f selects and that overlaps the time
// from from to to, both included, in Unix milliseconds, in the order of their starts.
func (l *Log) Spans(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.Span) error) error {
	w := selectingSpans(f)
	short, long := overlapping(from, to)
	query := fmt.Sprintf("SELECT %[1]s FROM changes WHERE %[2]s AND %[4]s UNION ALL SELECT %[1]s FROM changes INDEXED BY changes_long WHERE %[3]s AND %[4]s ORDER BY start_ms, id",
		spanColumns, &short, &long, w)
	args := append(append(append(append([]any{}, short.args...), w.args...), long.args...), w.args...)
	return l.spans(ctx, fn, query, args...)
}

// Starts calls fn with each change that f selects and that started after from
// and not after to, in the order of their starts.
func (l *Log) Starts(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.Span) error) error {
	w := selectingSpans(f)
	w.and("start_ms > ? AND start_ms <= ?", from, to)
	return l.spans(ctx, fn, "SELECT "+spanColumns+" FROM changes WHERE "+w.String()+" ORDER BY start_ms, id", w.args...)
}

// NewestStarts returns, for each kind, service and environment that f selects,
// the change with the newest start that is not after t.
func (l *Log) NewestStarts(ctx context.Context, f annotate.SpanFilter, t int64) ([]annotate.Span, error) {
	w := selectingSpans(f)
	w.and("kind = g.kind AND service = g.service AND environment = g.environment AND start_ms <= ?", t)
	return l.newest(ctx, "groups", w, "start_ms DESC, id DESC")
}

// ranVersions are the changes that say which version runs: deploys that succeeded.
const ranVersions = "kind = 'deploy' AND status = 'succeeded' AND version != ''"

// Versions calls fn with each succeeded deploy of a version that f selects and
// that ended after from and not after to, in the order of their ends.
func (l *Log) Versions(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.Span) error) error {
	w := selectingSpans(f)
	w.and(ranVersions+" AND end_ms > ? AND end_ms <= ?", from, to)
	return l.spans(ctx, fn, "SELECT "+spanColumns+" FROM changes WHERE "+w.String()+" ORDER BY end_ms, start_ms, id", w.args...)
}

// NewestVersions returns, for each service and environment that f selects, the
// succeeded deploy of a version with the newest end that is not after t.
func (l *Log) NewestVersions(ctx context.Context, f annotate.SpanFilter, t int64) ([]annotate.Span, error) {
	w := selectingSpans(f)
	w.and(ranVersions+" AND service = g.service AND environment = g.environment AND end_ms <= ?", t)
	return l.newest(ctx, "(SELECT DISTINCT service, environment FROM groups WHERE kind = 'deploy')", w, "end_ms DESC, start_ms DESC, id DESC")
}

// newest returns for each of the groups, as g, the first change in the order
// given for which w holds.
func (l *Log) newest(ctx context.Context, groups string, w *where, order string) ([]annotate.Span, error) {
	var spans []annotate.Span
	err := l.spans(ctx, func(s annotate.Span) error { spans = append(spans, s); return nil },
		fmt.Sprintf("SELECT %s FROM %s g JOIN changes c ON c.rowid = (SELECT rowid FROM changes WHERE %s ORDER BY %s LIMIT 1)",
			"c."+strings.ReplaceAll(spanColumns, ", ", ", c."), groups, w, order), w.args...)
	return spans, err
}

func (l *Log) spans(ctx context.Context, fn func(annotate.Span) error, query string, args ...any) error {
	rows, err := l.read.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("reading spans: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s annotate.Span
		if err := rows.Scan(&s.ID, &s.Kind, &s.Service, &s.Environment, &s.Version, &s.Who, &s.Status, &s.Start, &s.End); err != nil {
			return fmt.Errorf("reading a span: %w", err)
		}
		if err := fn(s); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading spans: %w", err)
	}
	return nil
}
