package changelog

import (
	"context"
	"fmt"

	"github.com/tidemark/tidemark/annotate"
)

const spanColumns = "id, kind, service, environment, version, who, status, start_ms, end_ms"

// Spans calls fn with each change that f selects and that overlaps the time
// from from to to, both included, in Unix milliseconds, in the order of their starts.
func (l *Log) Spans(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.Span) error) error {
	w := selectingSpans(f)
	short, long := overlapping(from, to)
	query := fmt.Sprintf("SELECT %[1]s FROM changes WHERE %[2]s AND %[4]s UNION ALL SELECT %[1]s FROM changes WHERE %[3]s AND %[4]s ORDER BY start_ms, id",
		spanColumns, &short, &long, w)
	args := append(append(append(append([]any{}, short.args...), w.args...), long.args...), w.args...)
	return l.spans(ctx, fn, query, args...)
}

// Starts calls fn with each change that f selects and that started after from
// and not after to, in the order of their starts.
func (l *Log) Starts(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.Span) error) error {
	w := selectingSpans(f)
	w.and("long IN (0, 1) AND start_ms > ? AND start_ms <= ?", from, to)
	return l.spans(ctx, fn, "SELECT "+spanColumns+" FROM changes WHERE "+w.String()+" ORDER BY start_ms, id", w.args...)
}

// NewestStarts returns, for each kind, service and environment that f selects,
// the change with the newest start that is not after t.
func (l *Log) NewestStarts(ctx context.Context, f annotate.SpanFilter, t int64) ([]annotate.Span, error) {
	w := selectingSpans(f)
	w.and("start_ms <= ?", t)
	return l.newest(ctx, w, "start_ms", "kind, service, environment")
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
	w.and(ranVersions+" AND end_ms <= ?", t)
	return l.newest(ctx, w, "end_ms", "service, environment")
}

// newest returns of each group the row with the largest value of column; of
// equals the one that started last, and then that with the largest id.
func (l *Log) newest(ctx context.Context, w *where, column, group string) ([]annotate.Span, error) {
	var spans []annotate.Span
	err := l.spans(ctx, func(s annotate.Span) error { spans = append(spans, s); return nil },
		fmt.Sprintf(`SELECT %[1]s FROM (
			SELECT %[1]s, row_number() OVER (PARTITION BY %[2]s ORDER BY %[3]s DESC, start_ms DESC, id DESC) AS place FROM changes WHERE %[4]s
		) WHERE place = 1`, spanColumns, group, column, w), w.args...)
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

// Counts returns how many changes of each group that f selects started not after t.
func (l *Log) Counts(ctx context.Context, f annotate.SpanFilter, t int64) (map[annotate.Group]int64, error) {
	counts := map[annotate.Group]int64{}
	w := selectingSpans(f)
	w.and("start_ms <= ?", t)
	err := l.groups(ctx, func(_ int, g annotate.Group, n int64) error { counts[g] = n; return nil },
		"SELECT 0, kind, service, environment, status, count(*) FROM changes WHERE "+w.String()+" GROUP BY kind, service, environment, status", w.args...)
	return counts, err
}

// CountsBetween calls fn, interval by interval, with how many changes of each
// group that f selects started after edges[i] and not after edges[i+1], where
// there are any. Edges ascend.
func (l *Log) CountsBetween(ctx context.Context, f annotate.SpanFilter, edges []int64, fn func(interval int, g annotate.Group, n int64) error) error {
	for i := 0; i+1 < len(edges); i++ {
		if edges[i] >= edges[i+1] {
			continue
		}
		w := selectingSpans(f)
		w.and("long IN (0, 1) AND start_ms > ? AND start_ms <= ?", edges[i], edges[i+1])
		err := l.groups(ctx, func(_ int, g annotate.Group, n int64) error { return fn(i, g, n) },
			"SELECT 0, kind, service, environment, status, count(*) FROM changes WHERE "+w.String()+" GROUP BY kind, service, environment, status", w.args...)
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) groups(ctx context.Context, fn func(interval int, g annotate.Group, n int64) error, query string, args ...any) error {
	rows, err := l.read.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("counting changes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var interval int
		var g annotate.Group
		var n int64
		if err := rows.Scan(&interval, &g.Kind, &g.Service, &g.Environment, &g.Status, &n); err != nil {
			return fmt.Errorf("reading a count: %w", err)
		}
		if err := fn(interval, g, n); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("counting changes: %w", err)
	}
	return nil
}
