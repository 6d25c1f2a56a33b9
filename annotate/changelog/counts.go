package changelog

import (
	"context"
	"fmt"
	"math"

	"github.com/tidemark/tidemark/annotate"
)

// dayMS is the length of a day in milliseconds.
const dayMS = 86_400_000

// dayOf returns the Unix day that the time ms lies in.
func dayOf(ms int64) int64 {
	day := ms / dayMS
	if ms%dayMS < 0 {
		day--
	}
	return day
}

// Counts returns how many changes of each group that f selects started not
// after t, in Unix milliseconds.
func (l *Log) Counts(ctx context.Context, f annotate.SpanFilter, t int64) (map[annotate.Group]int64, error) {
	counts := map[annotate.Group]int64{}
	err := l.CountsBetween(ctx, f, []int64{math.MinInt64, t}, func(_ int, g annotate.Group, n int64) error {
		counts[g] += n
		return nil
	})
	return counts, err
}

// CountsBetween calls fn, interval by interval, with how many changes of each
// group that f selects started after edges[i] and not after edges[i+1], in Unix
// milliseconds, where there are any. Edges ascend.
//
// Of whole days it adds up the daily counts, and it looks at the changes
// themselves only before the first and after the last whole day of an interval.
func (l *Log) CountsBetween(ctx context.Context, f annotate.SpanFilter, edges []int64, fn func(interval int, g annotate.Group, n int64) error) error {
	if len(edges) < 2 {
		return nil
	}
	long := edges[0] == math.MinInt64 || edges[1]-edges[0] > 2*dayMS
	if long && len(f.IDs) == 0 && len(f.Versions) == 0 { // by which no counts are kept
		return l.countByDay(ctx, f, edges, fn)
	}
	return l.countOneByOne(ctx, f, edges, fn)
}

// countByDay counts the whole days of each interval by the daily counts.
func (l *Log) countByDay(ctx context.Context, f annotate.SpanFilter, edges []int64, fn func(int, annotate.Group, int64) error) error {
	for i := 0; i+1 < len(edges); i++ {
		sum := map[annotate.Group]int64{}
		from, to := edges[i], edges[i+1]
		// The whole days in (from, to] are first to last-1.
		first, last := int64(math.MinInt64), dayOf(to)
		if from != math.MinInt64 {
			first = dayOf(from) + 1
		}
		if to-last*dayMS == dayMS-1 {
			last++
		}
		rest := [][]int64{{from, to}} // what is counted one by one
		if from == math.MinInt64 || first < last {
			w := selectingSpans(f)
			w.and("day >= ? AND day < ? AND n > 0", first, last)
			if err := l.sumDays(ctx, w, sum); err != nil {
				return err
			}
			rest = [][]int64{{last*dayMS - 1, to}}
			if from != math.MinInt64 {
				rest = append(rest, []int64{from, first*dayMS - 1})
			}
		}
		for _, edges := range rest {
			err := l.countOneByOne(ctx, f, edges, func(_ int, g annotate.Group, n int64) error {
				sum[g] += n
				return nil
			})
			if err != nil {
				return err
			}
		}
		for g, n := range sum {
			if err := fn(i, g, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// countOneByOne looks at each change between the first and the last edge once,
// in the order of their starts.
func (l *Log) countOneByOne(ctx context.Context, f annotate.SpanFilter, edges []int64, fn func(int, annotate.Group, int64) error) error {
	counts := map[annotate.Group]int64{}
	interval := 0
	flush := func() error {
		for g, n := range counts {
			if err := fn(interval, g, n); err != nil {
				return err
			}
		}
		clear(counts)
		return nil
	}
	w := selectingSpans(f)
	w.and("start_ms > ? AND start_ms <= ?", edges[0], edges[len(edges)-1])
	rows, err := l.read.QueryContext(ctx, "SELECT start_ms, kind, service, environment, status, count(*) FROM changes WHERE "+w.String()+
		" GROUP BY start_ms, kind, service, environment, status ORDER BY start_ms", w.args...)
	if err != nil {
		return fmt.Errorf("counting changes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var start, n int64
		var g annotate.Group
		if err := rows.Scan(&start, &g.Kind, &g.Service, &g.Environment, &g.Status, &n); err != nil {
			return fmt.Errorf("reading a count: %w", err)
		}
		if start > edges[interval+1] {
			if err := flush(); err != nil {
				return err
			}
			for start > edges[interval+1] {
				interval++
			}
		}
		counts[g] += n
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("counting changes: %w", err)
	}
	return flush()
}

// sumDays adds to sum the daily counts for which w holds.
func (l *Log) sumDays(ctx context.Context, w *where, sum map[annotate.Group]int64) error {
	rows, err := l.read.QueryContext(ctx, "SELECT kind, service, environment, status, sum(n) FROM daily WHERE "+w.String()+
		" GROUP BY kind, service, environment, status", w.args...)
	if err != nil {
		return fmt.Errorf("counting changes by day: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var g annotate.Group
		var n int64
		if err := rows.Scan(&g.Kind, &g.Service, &g.Environment, &g.Status, &n); err != nil {
			return fmt.Errorf("reading a daily count: %w", err)
		}
		sum[g] += n
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("counting changes by day: %w", err)
	}
	return nil
}
