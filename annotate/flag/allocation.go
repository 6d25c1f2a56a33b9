package flag

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"

	"github.com/tidemark/tidemark/annotate"
)

// Buckets is how many buckets GO Feature Flag's hash has for percentages that
// add up to 100: a thousand for each per cent.
const Buckets = 100_000

// MaxSlices is how many slices an allocation may have. Past it, the variations
// forget in which order they got theirs, which moves nobody.
const MaxSlices = 500

// Allocation says which buckets belong to which variation, for each in the order
// in which it got them. Together its slices cover each bucket once.
//
// What a variation loses it gives from the end, so the last that it got goes
// first: whoever was in stays in while its share grows, and a share that shrinks
// and grows again has the same people again.
type Allocation []Slice

// Slice is the buckets from From up to, and without, To. Where To is the lower
// one they count downwards: from, and without, From down to To. A variation got
// the bucket at From first and gives the one at To first.
type Slice struct {
	Variation string `json:"variation"`
	From      int    `json:"from" doc:"Counts thousandths of a per cent"`
	To        int    `json:"to" doc:"Below from where the variation got them from the top down"`
}

func (s Slice) low() int  { return min(s.From, s.To) }
func (s Slice) high() int { return max(s.From, s.To) }
func (s Slice) size() int { return s.high() - s.low() }

// step returns n with the sign of the slice's direction.
func (s Slice) step(n int) int {
	if s.To < s.From {
		return -n
	}
	return n
}

// AllocationOf returns the buckets that the library gives to percentages: one
// after the other in the reverse order of the names. The last counts downwards,
// so that it gives way where the one before it grows: the library's own order is
// sticky for two variations, and stays in force. Percentages of 0 matter only for that:
// say them for all variations of a flag.
func AllocationOf(percentages map[string]float64) Allocation {
	ordered := names(percentages)
	total := int(bucketsOf(percentages))
	var a Allocation
	edge, from := 0.0, 0
	for _, name := range ordered {
		edge += percentages[name] * flag.PercentageMultiplier
		to := min(int(uint32(max(0, edge))), total)
		if to > from {
			a = append(a, Slice{Variation: name, From: from, To: to})
			from = to
		}
	}
	if len(a) == 0 {
		return nil
	}
	last := &a[len(a)-1]
	last.To = total
	if last.Variation != ordered[0] {
		last.From, last.To = last.To, last.From
	}
	return a
}

// Buckets returns how many buckets the allocation covers.
func (a Allocation) Buckets() int {
	n := 0
	for _, s := range a {
		n += s.size()
	}
	return n
}

// Owner returns the variation that a bucket belongs to.
func (a Allocation) Owner(bucket int) string {
	for _, s := range a {
		if s.low() <= bucket && bucket < s.high() {
			return s.Variation
		}
	}
	return ""
}

// SameBuckets reports whether both give each bucket to the same variation,
// whatever the order in which they got them.
func (a Allocation) SameBuckets(b Allocation) bool {
	return slices.Equal(a.runs(), b.runs())
}

// runs returns the allocation as upward slices in the order of the buckets.
func (a Allocation) runs() Allocation {
	sorted := make(Allocation, 0, len(a))
	for _, s := range a {
		sorted = append(sorted, Slice{Variation: s.Variation, From: s.low(), To: s.high()})
	}
	slices.SortFunc(sorted, func(a, b Slice) int { return cmp.Compare(a.From, b.From) })
	runs := sorted[:0]
	for _, s := range sorted {
		if n := len(runs); n > 0 && runs[n-1].Variation == s.Variation && runs[n-1].To == s.From {
			runs[n-1].To = s.To
			continue
		}
		runs = append(runs, s)
	}
	return runs
}

// Validate returns an Invalid error where the slices do not cover each bucket once.
func (a Allocation) Validate() error {
	if len(a) > MaxSlices {
		return invalid("allocation", len(a), "has %d slices; at most %d are kept", len(a), MaxSlices)
	}
	end := 0
	for _, s := range a.runs() {
		if s.From != end || s.To <= s.From {
			return invalid("allocation", s.From, "must cover each bucket once; something is wrong at bucket %d", end)
		}
		end = s.To
	}
	return nil
}

func (a Allocation) counts() map[string]int {
	counts := make(map[string]int)
	for _, s := range a {
		counts[s.Variation] += s.size()
	}
	return counts
}

// Reallocate returns the allocation that gives the variations their shares in
// to. Who shrinks releases what it got last, who grows gets it, and all others
// stay as they are: nobody whose variation does not shrink moves. Going back to
// the shares from before gives everyone back what they had. The order, shrinking ones by
// name and growing ones in reverse, is what makes it so.
func (a Allocation) Reallocate(to map[string]float64) (Allocation, error) {
	target, current := a.targets(to), a.counts()
	held := make(map[string]Allocation)
	for _, s := range a {
		held[s.Variation] = append(held[s.Variation], s)
	}
	ordered := slices.Sorted(maps.Keys(target))
	var released Allocation
	for _, name := range ordered {
		if n := current[name] - target[name]; n > 0 {
			var part Allocation
			held[name], part = held[name].release(n)
			released = append(released, part...)
		}
	}
	for _, name := range slices.Backward(ordered) {
		if n := target[name] - current[name]; n > 0 {
			held[name], released = held[name].take(name, n, released)
		}
	}
	return flatten(held)
}

// release takes n buckets from the end. What it releases begins with the last.
func (a Allocation) release(n int) (rest, released Allocation) {
	rest = slices.Clone(a)
	for n > 0 {
		last := &rest[len(rest)-1]
		k := min(n, last.size())
		back := Slice{Variation: last.Variation, From: last.To, To: last.To - last.step(k)}
		released = append(released, back)
		last.To = back.To
		if last.size() == 0 {
			rest = rest[:len(rest)-1]
		}
		n -= k
	}
	return rest, released
}

// take adds the first n buckets of released to what a variation holds.
func (a Allocation) take(name string, n int, released Allocation) (held, left Allocation) {
	held = slices.Clone(a)
	for n > 0 {
		first := &released[0]
		k := min(n, first.size())
		part := Slice{Variation: name, From: first.From, To: first.From + first.step(k)}
		first.From = part.To
		if first.size() == 0 {
			released = released[1:]
		}
		n -= k
		if last := len(held) - 1; last >= 0 && held[last].To == part.From && (held[last].To > held[last].From) == (part.To > part.From) {
			held[last].To = part.To
			continue
		}
		held = append(held, part)
	}
	return held, released
}

// flatten puts the variations in the library's order, and keeps the bound.
func flatten(held map[string]Allocation) (Allocation, error) {
	total := func() (n int) {
		for _, s := range held {
			n += len(s)
		}
		return n
	}
	ordered := slices.SortedFunc(maps.Keys(held), func(a, b string) int { return cmp.Compare(b, a) })
	if total() > MaxSlices {
		for _, name := range ordered {
			held[name] = held[name].runs()
		}
	}
	if n := total(); n > MaxSlices {
		return nil, &annotate.Error{Code: annotate.TooMany, Field: "percentage", Value: n, Message: fmt.Sprintf(
			"was changed so often that people are spread over %d parts, of which at most %d are kept; "+
				"put a new definition without the old shares, which deals people out anew", n, MaxSlices)}
	}
	var a Allocation
	for _, name := range ordered {
		a = append(a, held[name]...)
	}
	return a, nil
}

// targets returns how many buckets each variation is to have for the shares in
// to, which may add up to anything. A variation whose share stays within a bucket of what it has keeps what it has.
func (a Allocation) targets(to map[string]float64) map[string]int {
	current, total, sum := a.counts(), a.Buckets(), 0.0
	for _, share := range to {
		sum += share
	}
	ideal := make(map[string]float64)
	for name := range current {
		ideal[name] = 0
	}
	for name, share := range to {
		ideal[name] = share / sum * float64(total)
	}
	if natural, ok := naturalTargets(to, current, ideal, total); ok {
		return natural
	}
	target, left := make(map[string]int), total
	var moving []string
	for name, want := range ideal {
		target[name] = current[name]
		if !unchanged(want, current[name]) {
			target[name] = int(math.Floor(want + 1e-6))
			moving = append(moving, name)
		}
		left -= target[name]
	}
	level(target, current, ideal, moving, left)
	return target
}

// unchanged reports whether a share is within a bucket of what a variation has.
func unchanged(ideal float64, current int) bool {
	return math.Abs(ideal-float64(current)) < 1-1e-6
}

// naturalTargets returns the library's own counts, where they move nobody needlessly.
func naturalTargets(to map[string]float64, current map[string]int, ideal map[string]float64, total int) (map[string]int, bool) {
	natural := AllocationOf(to)
	if natural.Buckets() != total {
		return nil, false
	}
	counts := natural.counts()
	target := make(map[string]int)
	for name, want := range ideal {
		n, has := counts[name], current[name]
		switch {
		case unchanged(want, has) && n != has,
			want > float64(has) && n < has,
			want < float64(has) && n > has:
			return nil, false
		}
		target[name] = n
	}
	return target, true
}

// level gives out the left buckets that rounding left over, or takes back what
// is too much, among the variations that move anyway.
func level(target, current map[string]int, ideal map[string]float64, moving []string, left int) {
	slices.SortFunc(moving, func(a, b string) int {
		grows := func(name string) int { // growing ones first
			if ideal[name] > float64(current[name]) {
				return 0
			}
			return 1
		}
		fraction := func(name string) float64 { return ideal[name] - math.Floor(ideal[name]+1e-6) }
		return cmp.Or(cmp.Compare(grows(a), grows(b)), cmp.Compare(fraction(b), fraction(a)), cmp.Compare(a, b))
	})
	for i := 0; left != 0 && len(moving) > 0; i++ {
		name := moving[i%len(moving)]
		growing := ideal[name] > float64(current[name])
		switch {
		case left > 0 && (growing || target[name] < current[name]):
			target[name]++
			left--
		case left < 0 && (growing && target[name] > current[name] || !growing && target[name] > 0):
			target[name]--
			left++
		}
		if i > 4*Buckets {
			return
		}
	}
}
