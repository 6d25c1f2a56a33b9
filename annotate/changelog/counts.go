package changelog

import (
	"context"
	"fmt"
	"math"

	"github.com/tidemark/tidemark/annotate"
)

// Counts returns how many changes of each group that f selects started not
// after t, in Unix milliseconds.
func (l *Log) Counts(ctx context.Context, f annotate.SpanFilter, t int64) (map[annotate.Group]int64, error) {
	counts := map[annotate.Group]int64{}
	err := l.snapshot(ctx, func(db queryer) error {
		c := &counter{db, selectingSpans(f)}
		sums, err := c.upTo(ctx, t)
		if err != nil {
			return err
		}
		return l.named(ctx, db, sums, func(g annotate.Group, n int64) error {
			counts[g] = n
			return nil
		})
	})
	return counts, err
}

// CountsBetween calls fn, interval by interval, with how many changes of each
// group that f selects started after edges[i] and not after edges[i+1], in Unix
// milliseconds, where there are any. Edges ascend.
//
// Of the whole days in an interval it adds up the daily counts. Changes are
// looked at one by one, and each once, only in what is left of an interval
// before and after those, and in intervals without a whole day.
func (l *Log) CountsBetween(ctx context.Context, f annotate.SpanFilter, edges []int64, fn func(interval int, g annotate.Group, n int64) error) error {
	return l.snapshot(ctx, func(db queryer) error {
		c := &counter{db, selectingSpans(f)}
		answer := func(i int, sums tally) error {
			return l.named(ctx, db, sums, func(g annotate.Group, n int64) error { return fn(i, g, n) })
		}
		for i := 0; i+1 < len(edges); {
			if c.byDay(edges[i], edges[i+1]) {
				sums, err := c.between(ctx, edges[i], edges[i+1])
				if err != nil {
					return err
				}
				if err := answer(i, sums); err != nil {
					return err
				}
				i++
				continue
			}
			run := i + 1 // intervals without a whole day are read together
			for run+1 < len(edges) && !c.byDay(edges[run], edges[run+1]) {
				run++
			}
			if err := c.oneByOne(ctx, edges[i:run+1], func(j int, sums tally) error { return answer(i+j, sums) }); err != nil {
				return err
			}
			i = run
		}
		return nil
	})
}

// tally is a number of changes for each group, by the group's id.
type tally map[int64]int64

// named calls fn with each group in sums that has changes.
func (l *Log) named(ctx context.Context, db queryer, sums tally, fn func(annotate.Group, int64) error) error {
	for id, n := range sums {
		if n == 0 {
			continue
		}
		g, err := l.names.of(ctx, db, id)
		if err != nil {
			return err
		}
		if err := fn(g, n); err != nil {
			return err
		}
	}
	return nil
}

// counter counts the changes that satisfy its conditions.
type counter struct {
	db         queryer
	conditions conditions
}

// byDay reports whether the daily counts help to count what started in (from, to].
func (c *counter) byDay(from, to int64) bool {
	first, last := wholeDays(from, to)
	return first < last && c.conditions.rest.empty()
}

// upTo counts what started not after t: all of it less what started later,
// where that is the lesser part to read, as it is for the times that most are
// asked for.
func (c *counter) upTo(ctx context.Context, t int64) (tally, error) {
	if !c.conditions.rest.empty() {
		return c.between(ctx, math.MinInt64, t)
	}
	var oldest, newest int64
	if err := c.db.QueryRowContext(ctx, "SELECT coalesce((SELECT min(start_ms) FROM changes), 0), coalesce((SELECT max(start_ms) FROM changes WHERE start_ms < ?), 0)", int64(never)).Scan(&oldest, &newest); err != nil {
		return nil, fmt.Errorf("looking for the oldest change: %w", err)
	}
	if t < oldest+(newest-oldest)/2 {
		return c.between(ctx, math.MinInt64, t)
	}
	later, err := c.between(ctx, t, never-1)
	if err != nil {
		return nil, err
	}
	sums := tally{}
	if err := c.add(ctx, sums, "SELECT id, n FROM groups WHERE "+c.conditions.groups.String(), c.conditions.groups.args...); err != nil {
		return nil, err
	}
	for id, n := range later {
		sums[id] -= n
	}
	return sums, nil
}

// between counts what started in (from, to].
func (c *counter) between(ctx context.Context, from, to int64) (tally, error) {
	sums := tally{}
	rest := [][]int64{{from, to}}
	if c.byDay(from, to) {
		first, last := wholeDays(from, to)
		rest = [][]int64{{from, first*dayMS - 1}, {last*dayMS - 1, to}}
		groups := c.conditions.groups
		if err := c.add(ctx, sums, `
			SELECT id, (SELECT sum(n) FROM daily WHERE group_id = id AND day >= ? AND day < ?) AS some
			FROM groups WHERE some > 0 AND `+groups.String(), append([]any{first, last}, groups.args...)...); err != nil {
			return nil, err
		}
	}
	for _, edges := range rest {
		err := c.oneByOne(ctx, edges, func(_ int, some tally) error {
			for id, n := range some {
				sums[id] += n
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return sums, nil
}

// add adds the numbers by group that the query selects to sums.
func (c *counter) add(ctx context.Context, sums tally, query string, args ...any) error {
	return each(ctx, c.db, func(scan scanner) error {
		var id, n int64
		err := scan(&id, &n)
		sums[id] += n
		return err
	}, query, args...)
}

// oneByOne looks at each change between the first and the last of the edges, in
// the order of their starts, and calls fn with the sums of each interval between
// edges that has any.
func (c *counter) oneByOne(ctx context.Context, edges []int64, fn func(interval int, sums tally) error) error {
	sums := tally{}
	interval := 0
	w := &where{}
	w.and("start_ms > ? AND start_ms <= ?", edges[0], edges[len(edges)-1])
	w.all(c.conditions.changes())
	err := each(ctx, c.db, func(scan scanner) error {
		var start, group int64
		if err := scan(&start, &group); err != nil {
			return err
		}
		if start > edges[interval+1] {
			if err := fn(interval, sums); err != nil {
				return err
			}
			clear(sums)
			for start > edges[interval+1] {
				interval++
			}
		}
		sums[group]++
		return nil
	}, "SELECT start_ms, group_id FROM changes INDEXED BY changes_start WHERE "+w.String()+" ORDER BY start_ms", w.args...)
	if err != nil || len(sums) == 0 {
		return err
	}
	return fn(interval, sums)
}

// wholeDays returns the first of the Unix days that lie in (from, to] as a whole,
// and the one after the last of them.
func wholeDays(from, to int64) (first, last int64) {
	first, last = dayOf(from)+1, dayOf(to)
	if to-last*dayMS == dayMS-1 {
		last++
	}
	return first, last
}

// dayOf returns the Unix day that the time ms, in milliseconds, lies in.
func dayOf(ms int64) int64 {
	day := ms / dayMS
	if ms%dayMS < 0 {
		day--
	}
	return day
}
