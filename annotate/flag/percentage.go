package flag

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
)

// names returns the names of percentages in the order in which the library gives
// them their buckets.
func names(percentages map[string]float64) []string {
	names := make([]string, 0, len(percentages))
	for name := range percentages {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(b, a) })
	return names
}

// bucketsOf returns how many buckets the library has for percentages: a thousand
// for each per cent of their sum. It adds them up in the random order of a map,
// so that 33.3, 33.3 and 33.4 have now 99999 and now 100000, which gives the same
// person now one variation and now another. Here the count is the one that is
// meant, wherever the library may come to it too.
func bucketsOf(percentages map[string]float64) uint32 {
	values := make([]float64, 0, len(percentages))
	for _, name := range names(percentages) {
		values = append(values, percentages[name])
	}
	count := func() uint32 {
		sum := 0.0
		for _, value := range values {
			sum += value
		}
		return uint32(max(0, sum*flag.PercentageMultiplier))
	}
	meant := count()
	for range values {
		values = append(values[1:], values[0])
		meant = max(meant, count())
	}
	slices.Reverse(values)
	meant = max(meant, count())
	slices.Sort(values)
	return max(meant, count())
}

// progressive is a progressive rollout: from one variation to another over a time.
// The arithmetic is the library's, to the bit.
type progressive struct {
	start, end           time.Time
	startUnix            int64
	initial, target, per float64
}

// newProgressive returns nil for a rollout that is not complete.
func newProgressive(r *flag.ProgressiveRollout) *progressive {
	if r == nil || r.Initial == nil || r.Initial.Date == nil || r.Initial.Variation == nil ||
		r.End == nil || r.End.Date == nil || r.End.Variation == nil || !r.End.Date.After(*r.Initial.Date) {
		return nil
	}
	p := &progressive{start: *r.Initial.Date, end: *r.End.Date, startUnix: r.Initial.Date.Unix()}
	p.initial = percentage(r.Initial) * flag.PercentageMultiplier
	// The library writes this into the flag while it evaluates.
	target := percentage(r.End)
	if target == 0 || target > 100 {
		target = 100
	}
	p.target = target * flag.PercentageMultiplier
	p.per = (p.target - p.initial) / float64(r.End.Date.Unix()-p.startUnix)
	return p
}

func percentage(step *flag.ProgressiveRolloutStep) float64 {
	if step.Percentage == nil {
		return 0
	}
	return *step.Percentage
}

// cut returns how many buckets, from the first on, have the variation of the end.
func (p *progressive) cut(at time.Time) uint32 {
	switch {
	case at.Before(p.start):
		return 0
	case !at.Before(p.end):
		return uint32(p.target)
	default:
		current := float64(at.Unix()-p.startUnix)*p.per + p.initial
		if math.IsNaN(current) {
			return 0
		}
		return uint32(current)
	}
}
