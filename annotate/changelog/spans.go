package changelog

import (
	"context"
	"fmt"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// spanColumns are what readSpan reads.
const spanColumns = "changes.id, group_id, version, who, start_ms, end_ms"

// Spans calls fn with each change that f selects and that overlaps the time
// from from to to, both included, in Unix milliseconds, in the order of their starts.
func (l *Log) Spans(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.Span) error) error {
	c := selectingSpans(f)
	times := overlap{from, to}
	recent := &where{}
	times.recent(recent)
	var rows []string
	var args []any
	add := func(index string, w *where) {
		w.all(c.changes())
		rows = append(rows, "SELECT "+spanColumns+" FROM changes "+index+" WHERE "+w.String())
		args = append(args, w.args...)
	}
	add(indexFor(f), recent)
	for _, older := range times.older() {
		add("INDEXED BY changes_long", older)
	}
	return l.spans(ctx, fn, strings.Join(rows, " UNION ALL ")+" ORDER BY start_ms, 1", args...)
}

// Starts calls fn with each change that f selects and that started after from
// and not after to, in the order of their starts.
func (l *Log) Starts(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.Span) error) error {
	w := &where{}
	w.and("start_ms > ? AND start_ms <= ?", from, min(to, never-1))
	w.all(selectingSpans(f).changes())
	return l.spans(ctx, fn, "SELECT "+spanColumns+" FROM changes "+indexFor(f)+" WHERE "+w.String()+" ORDER BY start_ms, id", w.args...)
}

// indexFor says by which index the starts that f selects are read. All of them
// are wanted, so that it never reads more to go group by group.
func indexFor(f annotate.SpanFilter) string {
	switch {
	case len(f.IDs) > 0:
		return "" // SQLite finds ids by itself
	case selectingSpans(f).groups.empty():
		return "INDEXED BY changes_start"
	default:
		return "INDEXED BY changes_group"
	}
}

// NewestStarts returns, for each kind, service and environment that f selects,
// the change with the newest start that is not after t.
func (l *Log) NewestStarts(ctx context.Context, f annotate.SpanFilter, t int64) ([]annotate.Span, error) {
	c := selectingSpans(f)
	c.rest.and("start_ms <= ?", min(t, never-1))
	type place struct{ kind, service, environment string }
	return newest(func(fn func(annotate.Span) error) error {
		return l.newestOfGroups(ctx, c, "changes_group", "start_ms, id", fn)
	}, func(s annotate.Span) place { return place{s.Kind, s.Service, s.Environment} })
}

// ranVersion selects the groups of the changes that say which version runs.
func ranVersion(c conditions) conditions {
	c.groups.and("kind = ? AND status = ?", annotate.KindDeploy, string(annotate.Succeeded))
	c.rest.and("version != ''")
	return c
}

// Versions calls fn with each succeeded deploy of a version that f selects and
// that ended after from and not after to, in the order of their ends.
func (l *Log) Versions(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.Span) error) error {
	c := ranVersion(selectingSpans(f))
	c.rest.and("end_ms > ? AND end_ms <= ?", from, to)
	w := c.changes()
	return l.spans(ctx, fn, "SELECT "+spanColumns+" FROM changes INDEXED BY changes_version WHERE "+w.String()+" ORDER BY end_ms, start_ms, id", w.args...)
}

// NewestVersions returns, for each service and environment that f selects, the
// succeeded deploy of a version with the newest end that is not after t.
func (l *Log) NewestVersions(ctx context.Context, f annotate.SpanFilter, t int64) ([]annotate.Span, error) {
	c := ranVersion(selectingSpans(f))
	c.rest.and("end_ms <= ?", t)
	type place struct{ service, environment string }
	return newest(func(fn func(annotate.Span) error) error {
		return l.newestOfGroups(ctx, c, "changes_version", "end_ms, start_ms, id", fn)
	}, func(s annotate.Span) place { return place{s.Service, s.Environment} })
}

// newestOfGroups calls fn with the change of each group that comes last in the
// order given, which is that of the index, in that order.
func (l *Log) newestOfGroups(ctx context.Context, c conditions, index, order string, fn func(annotate.Span) error) error {
	w := &where{}
	w.and("group_id = groups.id")
	w.all(c.rest)
	query := fmt.Sprintf(`
		SELECT %[1]s FROM groups CROSS JOIN changes
		ON num = (SELECT num FROM changes INDEXED BY %[2]s WHERE %[3]s ORDER BY %[4]s LIMIT 1)
		WHERE n > 0 AND %[5]s ORDER BY %[6]s`,
		spanColumns, index, w, strings.ReplaceAll(order, ",", " DESC,")+" DESC", c.groups, strings.Replace(order, "id", "changes.id", 1))
	return l.spans(ctx, fn, query, append(w.args, c.groups.args...)...)
}

// newest returns of the spans that read yields in order the last of each key.
func newest[K comparable](read func(func(annotate.Span) error) error, key func(annotate.Span) K) ([]annotate.Span, error) {
	var spans []annotate.Span
	at := map[K]int{}
	err := read(func(s annotate.Span) error {
		i, ok := at[key(s)]
		if !ok {
			at[key(s)] = len(spans)
			spans = append(spans, s)
			return nil
		}
		spans[i] = s
		return nil
	})
	return spans, err
}

// spans calls fn with each span that the query selects as spanColumns.
func (l *Log) spans(ctx context.Context, fn func(annotate.Span) error, query string, args ...any) error {
	return l.snapshot(ctx, func(db queryer) error {
		return each(ctx, db, func(scan scanner) error {
			var s annotate.Span
			var group int64
			if err := scan(&s.ID, &group, &s.Version, &s.Who, &s.Start, &s.End); err != nil {
				return err
			}
			g, err := l.names.of(ctx, db, group)
			if err != nil {
				return err
			}
			s.Kind, s.Service, s.Environment, s.Status = g.Kind, g.Service, g.Environment, g.Status
			return fn(s)
		}, query, args...)
	})
}
