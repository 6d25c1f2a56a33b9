package flag

import (
	"slices"
	"sync/atomic"

	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
	"github.com/thomaspoignant/go-feature-flag/modules/core/utils"
)

// split is a flag that only splits by a key: whatever else is in a context, the bucket
// of the key decides. The library sorts the variations and adds up their percentages
// for each evaluation; here that is done once. What is answered for a variation is
// what the library said the first time.
type split struct {
	buckets uint32
	parts   []part
}

// part is the buckets from start to end, without end, that a variation has.
type part struct {
	start, end uint32
	variation  string
	outcome    atomic.Pointer[outcome]
}

// newSplit returns the split of a flag; nil for one that does more than that.
func newSplit(f *flag.InternalFlag, owners Allocation) *split {
	rule := f.DefaultRule
	asks := slices.ContainsFunc(f.GetRules(), func(r flag.Rule) bool { return !r.IsDisable() })
	if asks || f.IsDisable() || f.Experimentation != nil || rule == nil || rule.ProgressiveRollout != nil || !rule.IsDynamic() {
		return nil
	}
	if len(owners) > 0 {
		s := &split{buckets: uint32(owners.Buckets()), parts: make([]part, len(owners))}
		for i, o := range owners {
			s.parts[i].start, s.parts[i].end, s.parts[i].variation = uint32(o.low()), uint32(o.high()), o.Variation
		}
		return s
	}
	// As Rule.EvaluatePercentageRollout and Rule.getPercentageBuckets do it, to the bit.
	percentages := rule.GetPercentages()
	ordered, sum, end := names(percentages), 0.0, 0.0
	s := &split{parts: make([]part, len(ordered))}
	for i, name := range ordered {
		start := end
		end = start + percentages[name]*flag.PercentageMultiplier
		sum += percentages[name]
		s.parts[i].start, s.parts[i].end, s.parts[i].variation = uint32(start), uint32(end), name
	}
	s.buckets = uint32(sum * flag.PercentageMultiplier)
	return s
}

// of returns the part that a key belongs to; nil where the library has to tell.
func (s *split) of(flagKey, key string) *part {
	hash := utils.BuildHash(flagKey, key, s.buckets)
	for i := range s.parts {
		if p := &s.parts[i]; p.start <= hash && hash < p.end {
			return p
		}
	}
	return nil
}
