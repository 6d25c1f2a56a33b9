package convert

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPercentages(t *testing.T) {
	f := func(weights []float64, want map[string]float64, rounded ...string) {
		t.Helper()
		shares := []share{}
		for i, w := range weights {
			shares = append(shares, share{string(rune('a' + i)), w})
		}
		got, inexact := percentages(shares)
		require.Equal(t, want, got)
		require.Equal(t, rounded, inexact)
		values, sum := []float64{}, 0.0
		for _, v := range got {
			values = append(values, v)
			sum += v
		}
		// However the library adds them up, it comes to a hundred thousand buckets.
		require.GreaterOrEqual(t, leastSum(values, 0), 100.0)
		require.Less(t, sum, 100.0001)
	}
	f([]float64{50, 50}, map[string]float64{"a": 50, "b": 50})
	f([]float64{1, 3}, map[string]float64{"a": 25, "b": 75})
	f([]float64{29, 71}, map[string]float64{"a": 29, "b": 71})
	f([]float64{12500, 87500}, map[string]float64{"a": 12.5, "b": 87.5})
	f([]float64{1, 1, 1}, map[string]float64{"a": 33.334, "b": 33.333, "c": 33.333},
		"a has 33.334 % instead of 33.333333 %", "b has 33.333 % instead of 33.333333 %", "c has 33.333 % instead of 33.333333 %")
	f([]float64{1, 1_000_000}, map[string]float64{"b": 100},
		"a has 0 % instead of 9.99999e-05 %", "b has 100 % instead of 99.9999 %")
	// 33.3 + 33.3 + 33.4 is 100 or just below, by the order.
	f([]float64{333, 333, 334}, map[string]float64{"a": 33.3, "b": 33.3, "c": 33.400000001})
	f([]float64{121, 233, 646}, map[string]float64{"a": 12.1, "b": 23.3, "c": 64.600000001})
}
