package changeseries

import (
	"math"
	"sort"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// timelineSeries is a timeline as a series. Its samples are at each change of
// the value, on the last millisecond before one, so that a range that begins in
// between still sees it, and at the multiples of spacing.
type timelineSeries struct {
	labels            labels.Labels
	line              timeline
	from, to, spacing int64
}

var _ storage.Series = (*timelineSeries)(nil)

// Labels implements storage.Series.
func (s *timelineSeries) Labels() labels.Labels { return s.labels }

// Iterator implements storage.Series.
func (s *timelineSeries) Iterator(reuse chunkenc.Iterator) chunkenc.Iterator {
	it, ok := reuse.(*timelineIterator)
	if !ok {
		it = &timelineIterator{}
	}
	*it = timelineIterator{series: s, run: -1, next: s.from}
	return it
}

// timelineIterator works its samples out one by one.
type timelineIterator struct {
	floatOnly
	series *timelineSeries
	// run is the index of the value that holds at next, or one before it.
	run int
	// next is the earliest time that the next sample may have.
	next int64
}

// Next implements chunkenc.Iterator.
func (it *timelineIterator) Next() chunkenc.ValueType { return it.advance(it.next) }

// Seek implements chunkenc.Iterator.
func (it *timelineIterator) Seek(t int64) chunkenc.ValueType {
	if it.valid && it.t >= t {
		return chunkenc.ValFloat
	}
	return it.advance(max(t, it.next))
}

// advance moves to the first sample that is not before t.
func (it *timelineIterator) advance(t int64) chunkenc.ValueType {
	line := &it.series.line
	it.find(t)
	if it.run < 0 && len(line.starts) > 0 {
		it.run, t = 0, line.starts[0]
	}
	for ; it.run >= 0 && t <= it.series.to; t = line.starts[it.run] {
		v := line.values[it.run]
		switch {
		case t == line.starts[it.run] && (!math.IsNaN(v) || value.IsStaleNaN(v)):
			return it.emit(t, v)
		case !math.IsNaN(v):
			return it.emit(it.within(t), v)
		}
		if it.run+1 == len(line.starts) {
			break
		}
		it.run++
	}
	it.valid, it.next = false, math.MaxInt64
	return chunkenc.ValNone
}

// find moves run to the value that holds at t.
func (it *timelineIterator) find(t int64) {
	later := it.series.line.starts[it.run+1:]
	if len(later) == 0 || later[0] > t {
		return
	}
	it.run += sort.Search(len(later), func(i int) bool { return later[i] > t })
}

// within returns the time of the first sample not before t that the current
// value has after its first.
func (it *timelineIterator) within(t int64) int64 {
	next := multipleFrom(t, it.series.spacing)
	if starts := it.series.line.starts; it.run+1 < len(starts) {
		next = min(next, starts[it.run+1]-1)
	}
	return next
}

func (it *timelineIterator) emit(t int64, v float64) chunkenc.ValueType {
	if t > it.series.to {
		it.valid, it.next = false, math.MaxInt64
		return chunkenc.ValNone
	}
	it.t, it.v, it.valid, it.next = t, v, true, t+1
	return chunkenc.ValFloat
}

// multipleFrom returns the first multiple of n that is not before t.
func multipleFrom(t, n int64) int64 {
	rest := t % n
	if rest > 0 {
		rest -= n
	}
	return t - rest
}

// floatOnly is the current sample of an iterator that has floats only.
type floatOnly struct {
	t     int64
	v     float64
	valid bool
	err   error
}

// At implements chunkenc.Iterator.
func (f *floatOnly) At() (int64, float64) { return f.t, f.v }

// AtT implements chunkenc.Iterator.
func (f *floatOnly) AtT() int64 { return f.t }

// AtST implements chunkenc.Iterator: start times are not known.
func (f *floatOnly) AtST() int64 { return 0 }

// AtHistogram implements chunkenc.Iterator: there are none.
func (f *floatOnly) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) {
	return f.t, nil
}

// AtFloatHistogram implements chunkenc.Iterator: there are none.
func (f *floatOnly) AtFloatHistogram(*histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	return f.t, nil
}

// Err implements chunkenc.Iterator.
func (f *floatOnly) Err() error { return f.err }
