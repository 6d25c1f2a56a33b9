package changeseries

import "math"

// grid is the times at which an expression is evaluated: first, first+step, and
// so on up to last, in milliseconds. step is positive.
type grid struct{ first, step, last int64 }

// count returns how many times there are.
func (g grid) count() int64 { return (g.last-g.first)/g.step + 1 }

// from returns the first of the times, all moved by shift, that is not before
// t, and math.MaxInt64 where there is none.
func (g grid) from(t, shift int64) int64 {
	t -= shift
	switch {
	case t <= g.first:
		return g.first + shift
	case t > g.last:
		return math.MaxInt64
	}
	at := g.first + (t-g.first+g.step-1)/g.step*g.step
	if at > g.last {
		return math.MaxInt64
	}
	return at + shift
}

// until returns the last of the times, all moved by shift, that is not after t,
// and math.MinInt64 where there is none.
func (g grid) until(t, shift int64) int64 {
	t = min(t-shift, g.last)
	if t < g.first {
		return math.MinInt64
	}
	return g.first + (t-g.first)/g.step*g.step + shift
}

// evaluations returns the grids on which w may be evaluated.
//
// The hints tell the first and the last evaluation and the step between. Inside
// a subquery, though, evaluations are at the multiples of its step, and hints do
// not tell that there is a subquery; both are returned where they differ.
func evaluations(w window) []grid {
	g := grid{first: w.from + w.rng - 1, step: max(w.step, 1), last: w.to}
	if g.first >= g.last || w.step == 0 {
		g.last = g.first
	}
	grids := []grid{g}
	if first := multipleFrom(g.first, g.step); first != g.first && first <= g.last {
		grids = append(grids, grid{first, g.step, g.last})
	}
	return grids
}

// countable reports whether the increases in w can be counted with restarts; see
// restartSeries. What cannot is a range too short for two samples, an
// evaluation each millisecond, where ranges would have to begin and to end on
// the same sample, and the ranges of an anchored or smoothed selector in an
// instant query, which reach beyond the evaluation.
func countable(w window) bool {
	if w.function != "increase" && w.function != "rate" || w.rng < 2 {
		return false
	}
	single := w.from+w.rng-1 == w.to
	return single || w.step > 1
}
