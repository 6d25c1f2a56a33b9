package changelog

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

func TestFloorDiv(t *testing.T) {
	f := func(a, b, want int64) { t.Helper(); require.Equal(t, want, floorDiv(a, b)) }
	f(7, 2, 3)
	f(-7, 2, -4)
	f(-8, 2, -4)
	f(0, 5, 0)
	f(-1, 1000, -1)
}

// TestClusters checks what must hold of any occurrences in any order.
func TestClusters(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 200 {
		const length = 1 << 20
		from := random.Int64N(3*length) - 2*length // before the epoch as well
		limit := 1 + random.IntN(50)
		resolution := int64(1) << random.IntN(22)
		c := newClusters(resolution, length, limit)
		var all []occurrence
		for num := range random.Int64N(1000) {
			o := occurrence{num: num, group: random.Int64N(1 + random.Int64N(30)), start: from + random.Int64N(length)}
			o.failed = o.group == 3
			o.end = o.start + 1<<random.IntN(24)
			if random.IntN(10) == 0 {
				o.end = annotate.Ongoing
			}
			all = append(all, o)
			c.add(o)
			require.LessOrEqual(t, len(c.long), 2*limit)
			require.LessOrEqual(t, len(c.short), limit+3*30, "a few of each group at the coarsest, and no more than the limit before")
		}
		list, omitted := c.all()
		require.LessOrEqual(t, len(list), limit)
		if omitted > 0 {
			require.GreaterOrEqual(t, c.resolution, int64(length), "none is left out before the coarsest")
			require.Len(t, list, limit)
		}
		if c.resolution > resolution {
			require.Less(t, c.resolution, int64(2*length), "no coarser than it must be")
		}
		stands, failed, failedMarks := omitted, 0, 0
		for i, one := range list {
			stands += one.count
			if one.newest.failed {
				failedMarks++
				failed += one.count
			}
			require.True(t, one.count == 1 || one.newest.within(c.resolution), "what lasts longer stands alone")
			if i > 0 {
				require.LessOrEqual(t, list[i-1].start, one.start)
			}
		}
		require.Equal(t, len(all), stands)
		lost, wanted := 0, 0
		for _, o := range all {
			if !within(list, o) {
				lost++
			}
			if o.failed {
				wanted++
			}
		}
		require.LessOrEqual(t, lost, omitted, "each that is not left out lies within a cluster of its group")
		if failedMarks < limit {
			require.Equal(t, wanted, failed, "no failed one is left out while there is room")
		}
	}
}

// within reports whether o lies within one of the clusters of its group.
func within(list []cluster, o occurrence) bool {
	for _, c := range list {
		if c.newest.group == o.group && c.start <= o.start && o.end <= c.end {
			return true
		}
	}
	return false
}
