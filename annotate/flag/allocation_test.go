package flag

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
	"github.com/thomaspoignant/go-feature-flag/modules/core/utils"

	"github.com/tidemark/tidemark/annotate"
)

func TestAllocationOfIsTheLibrarysOwn(t *testing.T) {
	d := newDice(t, 7)
	for range rounds(t, 40) {
		percentages := d.percentages([]string{"a", "b", "c", "d"}[:1+d.IntN(4)])
		a := AllocationOf(percentages)
		require.NoError(t, a.Validate())
		require.Equal(t, Buckets, a.Buckets())
		rule := flag.Rule{Percentages: &percentages}
		for range 200 {
			key := d.key() + "x"
			want, err := rule.EvaluatePercentageRollout(key, "f")
			got := a.Owner(int(utils.BuildHash("f", key, Buckets)))
			if err != nil || got != want && ambiguousSum(Definition{DefaultRule: &rule}) {
				continue
			}
			require.Equal(t, want, got, "%v", percentages)
		}
	}
}

// owners returns the owner of each bucket.
func owners(a Allocation) []string {
	owned := make([]string, a.Buckets())
	for _, s := range a {
		for i := s.low(); i < s.high(); i++ {
			owned[i] = s.Variation
		}
	}
	return owned
}

// TestNobodyMovesWhoNeedNot changes shares at random, and holds each step to what the type promises.
func TestNobodyMovesWhoNeedNot(t *testing.T) {
	d := newDice(t, 11)
	for range rounds(t, 15) {
		variations := []string{"a", "b", "c", "d", "e"}[:2+d.IntN(4)]
		shares := d.percentages(variations)
		a := AllocationOf(shares)
		for range 15 {
			to := d.percentages(variations)
			if d.in(3) { // one moves, and one pays for it
				to = map[string]float64{}
				for name, share := range shares {
					to[name] = share
				}
				from, into := d.one(variations...), d.one(variations...)
				part := thousandth(to[from] * d.Float64())
				to[from] = thousandth(to[from] - part)
				to[into] = thousandth(to[into] + part)
			}
			next, err := a.Reallocate(to)
			require.NoError(t, err)
			step := fmt.Sprintf("%v → %v: %v → %v", shares, to, a, next)
			require.NoError(t, next.Validate(), step)
			require.Equal(t, Buckets, next.Buckets(), step)
			counts := next.counts()
			for name, share := range to {
				require.LessOrEqual(t, math.Abs(float64(counts[name])-share*1000), 1.001, "%s of %s", name, step)
			}
			before, after := owners(a), owners(next)
			for bucket := range before {
				if before[bucket] == after[bucket] {
					continue
				}
				if to[before[bucket]] >= shares[before[bucket]] || to[after[bucket]] <= shares[after[bucket]] {
					t.Fatalf("bucket %d moved from %s to %s: %s", bucket, before[bucket], after[bucket], step)
				}
			}
			back, err := next.Reallocate(shares)
			require.NoError(t, err)
			require.True(t, a.SameBuckets(back), "going back: %s", step)
			a, shares = next, to
		}
	}
}

func TestRaisedInStepsAndLoweredAVariationHasTheSamePeople(t *testing.T) {
	a := AllocationOf(map[string]float64{"a": 20, "b": 30, "c": 50})
	with := func(share float64) map[string]float64 {
		return map[string]float64{"b": share, "a": thousandth((100 - share) * 2 / 7), "c": 100 - share - thousandth((100-share)*2/7)}
	}
	people := func(a Allocation) map[int]bool {
		of := map[int]bool{}
		for bucket, owner := range owners(a) {
			if owner == "b" {
				of[bucket] = true
			}
		}
		return of
	}
	steps := []float64{30, 35, 41.5, 60, 99}
	at := map[float64]map[int]bool{30: people(a)}
	for _, share := range steps[1:] {
		var err error
		a, err = a.Reallocate(with(share))
		require.NoError(t, err)
		at[share] = people(a)
	}
	for i := len(steps) - 2; i >= 0; i-- {
		var err error
		a, err = a.Reallocate(with(steps[i]))
		require.NoError(t, err)
		require.Equal(t, at[steps[i]], people(a), steps[i])
	}
}

func TestTwoVariationsStayInTheLibrarysOrder(t *testing.T) {
	d := newDice(t, 13)
	for _, universe := range [][]string{{"on", "off"}, {"a", "b"}, {"false", "true"}} {
		a := AllocationOf(map[string]float64{universe[0]: 100, universe[1]: 0})
		for range rounds(t, 60) {
			to := d.percentages(universe)
			next, err := a.Reallocate(to)
			require.NoError(t, err)
			require.Equal(t, AllocationOf(to), next)
			a = next
		}
	}
}

func TestSlicesStayBounded(t *testing.T) {
	d := newDice(t, 17)
	variations := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	a := AllocationOf(d.percentages(variations))
	for range rounds(t, 400) {
		to := d.percentages(variations)
		next, err := a.Reallocate(to)
		if err != nil {
			require.Equal(t, annotate.TooMany, annotate.CodeOf(err))
			require.ErrorContains(t, err, "at most 500")
			next = AllocationOf(to)
		}
		require.LessOrEqual(t, len(next), MaxSlices)
		require.NoError(t, next.Validate())
		a = next
	}
}

func TestValidateAllocation(t *testing.T) {
	f := func(a Allocation) {
		t.Helper()
		require.ErrorContains(t, a.Validate(), "cover each bucket once")
	}
	f(Allocation{{"a", 1, 100}})
	f(Allocation{{"a", 0, 60}, {"b", 50, 100}})
	f(Allocation{{"a", 0, 40}, {"b", 50, 100}})
	f(Allocation{{"a", -5, 100}})
	require.NoError(t, Allocation{{"a", 0, 40}, {"b", 100, 40}}.Validate())
	require.NoError(t, Allocation(nil).Validate())
}
