package changelog_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

// TestCounts holds the counts, of which those of whole days are kept apart,
// against counting the list.
func TestCounts(t *testing.T) {
	l := fresh(t)
	random := rand.New(rand.NewPCG(3, 4))
	const day = 24 * time.Hour
	midnight := time.Now().UTC().Truncate(day)
	var all []annotate.Change
	for range 400 {
		start := midnight.Add(-time.Duration(random.IntN(10)) * day)
		switch random.IntN(4) {
		case 0: // at the very edge of a day
		case 1:
			start = start.Add(-time.Millisecond)
		default:
			start = start.Add(-time.Duration(random.Int64N(int64(day))))
		}
		all = append(all, record(t, l, annotate.Report{
			Kind: []string{"deploy", "flag"}[random.IntN(2)], Service: []string{"web", "api"}[random.IntN(2)], Start: annotate.At(start),
		}))
	}
	for i := range all { // corrections move counts from day to day and group to group
		if i%3 == 0 {
			var err error
			all[i], err = l.Amend(t.Context(), "test", all[i].ID, annotate.Patch{Set: annotate.Report{
				Start: annotate.At(all[i].Start.Add(-time.Duration(random.Int64N(int64(2 * day))))), Status: annotate.Failed,
			}})
			require.NoError(t, err)
		}
	}
	count := func(f annotate.SpanFilter, from, to int64) map[annotate.Group]int64 {
		counts := map[annotate.Group]int64{}
		for _, c := range all {
			at := c.Start.UnixMilli()
			if at > from && at <= to && (len(f.Services) == 0 || slices.Contains(f.Services, c.Service)) {
				counts[annotate.Group{Kind: c.Kind, Service: c.Service, Status: c.Status}]++
			}
		}
		return counts
	}
	edge := func() int64 {
		at := midnight.Add(-time.Duration(random.IntN(13)) * day)
		switch random.IntN(4) {
		case 0:
			return at.UnixMilli()
		case 1:
			return at.UnixMilli() - 1
		default:
			return at.Add(time.Duration(random.Int64N(int64(day)))).UnixMilli()
		}
	}
	for range 300 {
		f := annotate.SpanFilter{}
		if random.IntN(2) == 0 {
			f.Services = []string{"web"}
		}
		edges := make([]int64, 2+random.IntN(5))
		for i := range edges {
			edges[i] = edge()
		}
		slices.Sort(edges)
		got := make([]map[annotate.Group]int64, len(edges)-1)
		require.NoError(t, l.CountsBetween(t.Context(), f, edges, func(i int, g annotate.Group, n int64) error {
			if got[i] == nil {
				got[i] = map[annotate.Group]int64{}
			}
			got[i][g] += n
			return nil
		}))
		for i := range got {
			if got[i] == nil {
				got[i] = map[annotate.Group]int64{}
			}
			require.Equal(t, count(f, edges[i], edges[i+1]), got[i], "interval %d of %v", i, edges)
		}
		upTo := edge()
		counts, err := l.Counts(t.Context(), f, upTo)
		require.NoError(t, err)
		require.Equal(t, count(f, math.MinInt64, upTo), counts)
	}
	everything, err := l.Counts(t.Context(), annotate.SpanFilter{}, math.MaxInt64)
	require.NoError(t, err)
	require.Equal(t, count(annotate.SpanFilter{}, math.MinInt64, math.MaxInt64), everything)
}
