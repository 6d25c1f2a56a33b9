package changeseries

import (
	"math"

	"github.com/prometheus/prometheus/model/value"

	"github.com/tidemark/tidemark/annotate"
)

// timeline is a value through time, as the times at which it changes.
type timeline struct {
	// starts ascend strictly; values[i] holds from starts[i] until before
	// starts[i+1].
	starts []int64
	values []float64
}

// Two values say that there is none: ended makes a series stop at once, and
// faded lets its last sample live on for a lookback.
var (
	ended = math.Float64frombits(value.StaleNaN)
	faded = math.NaN()
)

// set makes v the value from t on. Times never go back from call to call; of
// several at one time the last holds.
func (l *timeline) set(t int64, v float64) {
	if n := len(l.starts); n > 0 && l.starts[n-1] == t {
		l.values[n-1] = v
		return
	}
	l.starts = append(l.starts, t)
	l.values = append(l.values, v)
}

// last returns the newest value, or 0 where there is none yet.
func (l *timeline) last() float64 {
	if len(l.values) == 0 {
		return 0
	}
	return l.values[len(l.values)-1]
}

// showsIn reports whether there is a value at some time from from to to.
func (l *timeline) showsIn(from, to int64) bool {
	for i, v := range l.values {
		next := int64(math.MaxInt64)
		if i+1 < len(l.starts) {
			next = l.starts[i+1]
		}
		if !math.IsNaN(v) && l.starts[i] <= to && next > from {
			return true
		}
	}
	return false
}

// lasting returns the timeline of a change as it is seen at now: 1 while it
// lasts.
func lasting(s annotate.Span, now int64) timeline {
	switch {
	case s.End == annotate.Ongoing && s.Start > now:
		return timeline{}
	case s.End == annotate.Ongoing:
		return timeline{starts: []int64{s.Start, now + 1}, values: []float64{1, faded}}
	case s.End <= s.Start:
		return timeline{starts: []int64{s.Start, s.Start + 1}, values: []float64{1, faded}}
	default:
		return timeline{starts: []int64{s.Start, s.End + 1}, values: []float64{1, ended}}
	}
}
