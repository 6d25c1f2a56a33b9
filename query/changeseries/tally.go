package changeseries

import (
	"context"
	"slices"
	"sort"
	"sync"

	"github.com/tidemark/tidemark/annotate"
)

// tally is how many changes of a group started until a time.
type tally struct {
	// times ascend strictly; counts[i] had started by times[i]. In between, the
	// tally is exact only at the edges that it was taken for.
	times, counts []int64
}

// at returns how many had started by t.
func (l *tally) at(t int64) int64 {
	i := sort.Search(len(l.times), func(i int) bool { return l.times[i] > t })
	if i == 0 {
		return 0
	}
	return l.counts[i-1]
}

// add counts n more by t; times never go back from call to call.
func (l *tally) add(t, n int64) {
	last := len(l.times) - 1
	switch {
	case last < 0:
		l.times, l.counts = append(l.times, t), append(l.counts, n)
	case l.times[last] == t:
		l.counts[last] += n
	default:
		l.times, l.counts = append(l.times, t), append(l.counts, l.counts[last]+n)
	}
}

// tallies are taken once the grid of evaluations is known, for all series of a
// select together.
type tallies struct {
	take func(grids []grid) (map[annotate.Group]*tally, error)

	mu    sync.Mutex
	taken map[gridsKey]takenTallies
}

// gridsKey tells apart the grids that a tally may be taken on.
type gridsKey struct {
	first grid
	n     int
}

type takenTallies struct {
	groups map[annotate.Group]*tally
	err    error
}

// on returns the tally of a group on the grids.
func (l *tallies) on(grids []grid, g annotate.Group) (*tally, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := gridsKey{grids[0], len(grids)}
	taken, ok := l.taken[key]
	if !ok {
		taken.groups, taken.err = l.take(grids)
		if l.taken == nil {
			l.taken = map[gridsKey]takenTallies{}
		}
		l.taken[key] = taken
	}
	if taken.err != nil {
		return nil, taken.err
	}
	if t := taken.groups[g]; t != nil {
		return t, nil
	}
	return &tally{}, nil
}

// takeTallies counts the changes that sel selects by the beginning and the end
// of each range on the grids. totals is what had started by the window's end.
func (r *reader) takeTallies(ctx context.Context, sel selection, grids []grid, totals map[annotate.Group]int64) (map[annotate.Group]*tally, error) {
	begin, steps := grids[0].first-sel.window.rng, int64(0)
	for _, g := range grids {
		begin = min(begin, g.first-sel.window.rng)
		steps += g.count()
	}
	later := map[annotate.Group]*tally{}
	if steps > int64(r.opts.MaxSteps) {
		err := r.starts(ctx, sel.family, sel.filter, begin, sel.window.to, func(s annotate.Span) error {
			tallyOf(later, groupOf(s)).add(s.Start, 1)
			return nil
		})
		return withBase(later, begin, totals), err
	}
	edges := edgesOf(grids, sel.window, steps)
	err := r.log.CountsBetween(ctx, sel.filter, edges, func(i int, g annotate.Group, n int64) error {
		tallyOf(later, g).add(edges[i+1], n)
		return nil
	})
	return withBase(later, begin, totals), err
}

func tallyOf(groups map[annotate.Group]*tally, g annotate.Group) *tally {
	t := groups[g]
	if t == nil {
		t = &tally{}
		groups[g] = t
	}
	return t
}

// withBase adds to each tally what had started by begin: the rest of its total.
func withBase(later map[annotate.Group]*tally, begin int64, totals map[annotate.Group]int64) map[annotate.Group]*tally {
	for g, total := range totals {
		t := tallyOf(later, g)
		base := total
		if n := len(t.counts); n > 0 {
			base -= t.counts[n-1]
		}
		if base <= 0 {
			continue
		}
		for i := range t.counts {
			t.counts[i] += base
		}
		t.times = slices.Insert(t.times, 0, begin)
		t.counts = slices.Insert(t.counts, 0, base)
	}
	return later
}

// edgesOf returns where the ranges begin and end, and the end of w, ascending.
func edgesOf(grids []grid, w window, steps int64) []int64 {
	edges := make([]int64, 0, 2*steps+1)
	for _, g := range grids {
		for t := g.first; t <= g.last; t += g.step {
			edges = append(edges, t-w.rng, t)
		}
	}
	edges = append(edges, w.to)
	slices.Sort(edges)
	return slices.Compact(edges)
}

func groupOf(s annotate.Span) annotate.Group {
	return annotate.Group{Kind: s.Kind, Service: s.Service, Environment: s.Environment, Status: s.Status}
}
