package flag

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
)

// TestNobodyFlaps asks the same set again and again: the library adds percentages
// up in the random order of a map, and would now count a bucket more and now one less.
func TestNobodyFlaps(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	splits := []map[string]float64{
		{"a": 33.3, "b": 33.3, "c": 33.4},
		{"a": 16.6667, "b": 16.6667, "c": 16.6667, "d": 49.9999},
		{"a": 0.1, "b": 0.2, "c": 99.7},
	}
	for range rounds(t, 40) {
		a, b := float64(r.IntN(500_000))/1e4, float64(r.IntN(300_000))/1e4
		splits = append(splits, map[string]float64{"a": a, "b": b, "c": 0.1, "d": 100 - a - b - 0.1})
	}
	for _, split := range splits {
		variations := map[string]*any{}
		for name := range split {
			value := any(name)
			variations[name] = &value
		}
		d := Definition{Variations: &variations, DefaultRule: &flag.Rule{Percentages: &split}}
		set := NewSet("test", []Flag{{Key: "f", Definition: d}}, clock, nil)
		for i := range 50 {
			key := fmt.Sprint("u", i)
			first := set.Evaluate("f", NewContext(key, nil))
			require.Nil(t, first.Err, "%v %s", split, key)
			for range 20 {
				require.Equal(t, first.Variant, set.Evaluate("f", NewContext(key, nil)).Variant, "%v %s", split, key)
			}
		}
	}
}

// TestAllocationCountsForPercentagesAlone: once a scheduled step made a
// progressive rollout of the default rule, that decides, as the shares say.
func TestAllocationCountsForPercentagesAlone(t *testing.T) {
	start, end := epoch.Add(time.Hour), epoch.Add(2*time.Hour)
	f := define(t, "f", fmt.Sprintf(`{"variations": {"a": "a", "b": "b", "c": "c"},
		"defaultRule": {"percentage": {"a": 20, "b": 40, "c": 40}},
		"scheduledRollout": [{"date": %q, "defaultRule": {"progressiveRollout": {
			"initial": {"variation": "a", "date": %q, "percentage": 0}, "end": {"variation": "b", "date": %q, "percentage": 100}}}}]}`,
		start.Format(time.RFC3339), start.Format(time.RFC3339), end.Format(time.RFC3339)))
	m, err := f.Rollout(Rollout{Variation: "b", Percentage: 50}, epoch)
	require.NoError(t, err)
	require.NotEmpty(t, m.Flag.Allocation)
	after := end.Add(time.Hour)
	require.Equal(t, Shares{"b": 100}, m.Flag.Shares(after))
	set := NewSet("test", []Flag{m.Flag}, func() time.Time { return after }, nil)
	for i := range 200 {
		require.Equal(t, "b", set.Evaluate("f", NewContext(fmt.Sprint("u", i), nil)).Variant)
	}
}
