package changeseries

import (
	"math"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/tidemark/tidemark/annotate"
)

// restartSeries is a counter of changes for increase and rate alone. It makes
// their answer the number of changes that started in the range, which an
// ordinary counter cannot: those functions extrapolate to the range's edges, and
// do not see the first change of a series.
//
// Both take an increase as it is where the first sample in the range is 0 and
// the last is at its very end. So the counter restarts on the first millisecond
// of each range, and its other samples are where a range ends or where one is
// about to begin:
//
//	at g−r     what was counted since the last restart
//	at g−r+1   0
//	at g       what was counted since the last restart
//
// for each evaluation g with range r. What happens on the millisecond of a
// restart is counted in the next sample. A restart within another range does no
// harm: all that came before it is in the sample before, and the functions add
// that up.
//
// Where a range ends on the very millisecond on which another begins, which
// takes a step that divides the range less a millisecond, the sample is a
// restart, and the range that ends there misses the changes of that millisecond.
type restartSeries struct {
	labels  labels.Labels
	group   annotate.Group
	window  window
	grids   []grid
	tallies *tallies
}

var _ storage.Series = (*restartSeries)(nil)

// Labels implements storage.Series.
func (s *restartSeries) Labels() labels.Labels { return s.labels }

// Iterator implements storage.Series.
func (s *restartSeries) Iterator(reuse chunkenc.Iterator) chunkenc.Iterator {
	it, ok := reuse.(*restartIterator)
	if !ok {
		it = &restartIterator{}
	}
	*it = restartIterator{series: s}
	return it
}

// restartIterator works its samples out one by one.
//
// PromQL's engine first seeks the beginning of its first range. That tells the
// one thing that the hints do not: on which grid evaluations are inside of a
// subquery. So the iterator waits with its choice for that seek, on a sample at
// the beginning of the earliest range, which no range includes.
type restartIterator struct {
	floatOnly
	series *restartSeries
	// waiting is true on the sample that is before all ranges.
	waiting bool
	// grids is nil while no choice was made.
	grids []grid
	tally *tally
	// birth is when the series begins: after the last evaluation that came
	// before its first change.
	birth int64
	done  bool
}

// Next implements chunkenc.Iterator.
func (it *restartIterator) Next() chunkenc.ValueType {
	switch {
	case it.done:
		return chunkenc.ValNone
	case it.grids == nil && !it.waiting && !it.series.window.encoded:
		it.waiting, it.valid = true, true
		it.t, it.v = it.series.window.from-1, 0
		return chunkenc.ValFloat
	case it.grids == nil:
		if !it.choose(it.series.grids) {
			return chunkenc.ValNone
		}
		return it.advance(it.series.window.from)
	}
	return it.advance(it.t + 1)
}

// Seek implements chunkenc.Iterator.
func (it *restartIterator) Seek(t int64) chunkenc.ValueType {
	if it.done {
		return chunkenc.ValNone
	}
	if it.grids == nil && !it.choose(it.series.gridsFrom(t)) {
		return chunkenc.ValNone
	}
	if it.valid && it.t >= t {
		return chunkenc.ValFloat
	}
	return it.advance(t)
}

// gridsFrom returns the grids of an engine that first seeks t.
func (s *restartSeries) gridsFrom(t int64) []grid {
	hinted := s.grids[0]
	first := t + s.window.rng
	if s.window.encoded || first < hinted.first || first > hinted.last {
		return s.grids
	}
	return []grid{{first, hinted.step, hinted.last}}
}

// choose takes the tally on the grids. It returns false where that failed.
func (it *restartIterator) choose(grids []grid) bool {
	it.tally, it.err = it.series.tallies.on(grids, it.series.group)
	if it.err != nil || len(it.tally.times) == 0 {
		it.valid, it.done = false, true
		return false
	}
	it.grids, it.birth = grids, math.MinInt64
	for _, g := range grids {
		if before := g.until(it.tally.times[0]-1, 0); before != math.MinInt64 {
			it.birth = max(it.birth, before+1)
		}
	}
	return true
}

// advance moves to the first sample that is not before t.
func (it *restartIterator) advance(t int64) chunkenc.ValueType {
	rng := it.series.window.rng
	next := int64(math.MaxInt64)
	if t <= it.birth {
		next = it.birth
	} else {
		for _, g := range it.grids {
			next = min(next, g.from(t, -rng), g.from(t, 1-rng), g.from(t, 0))
		}
	}
	if next > it.series.window.to {
		it.valid, it.done = false, true
		return chunkenc.ValNone
	}
	it.t, it.v, it.valid = next, it.valueAt(next), true
	return chunkenc.ValFloat
}

// valueAt returns what was counted from the last restart until t.
func (it *restartIterator) valueAt(t int64) float64 {
	restart := int64(math.MinInt64)
	if it.birth <= t {
		restart = it.birth
	}
	for _, g := range it.grids {
		restart = max(restart, g.until(t, 1-it.series.window.rng))
	}
	if restart == math.MinInt64 || restart == t {
		return 0
	}
	return float64(it.tally.at(t) - it.tally.at(restart-1))
}
