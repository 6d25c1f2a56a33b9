package changeseries_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/stretchr/testify/require"
)

type sample struct {
	t int64
	v float64
}

// read returns all samples of the series that the selector selects.
func read(t *testing.T, queryable storage.Queryable, hints *storage.SelectHints, selector string) (all [][]sample, series []storage.Series) {
	t.Helper()
	q, err := queryable.Querier(hints.Start, hints.End)
	require.NoError(t, err)
	set := q.Select(t.Context(), true, hints, matchers(t, selector)...)
	var it chunkenc.Iterator
	for set.Next() {
		it = set.At().Iterator(it)
		var list []sample
		for it.Next() == chunkenc.ValFloat {
			ts, v := it.At()
			require.Equal(t, ts, it.AtT())
			require.Zero(t, it.AtST())
			list = append(list, sample{ts, v})
		}
		require.NoError(t, it.Err())
		require.Equal(t, chunkenc.ValNone, it.Next(), "once at its end, an iterator stays there")
		require.Equal(t, chunkenc.ValNone, it.Seek(0))
		all, series = append(all, list), append(series, set.At())
	}
	require.NoError(t, set.Err())
	return all, series
}

func TestSeekFindsWhatNextDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	spans := randomSpans(r, 40)
	queryable := beside(newFlagLog(spans, randomFlips(r, spans)), noSamples{})
	for _, hints := range []*storage.SelectHints{
		{Start: now - 2*day, End: now + hour},
		{Start: now - day - hour + 1, End: now, Step: 7*minute + 1, Range: hour, Func: "increase"},
	} {
		lists, series := read(t, queryable, hints, `{__name__=~"tidemark_.+"}`)
		require.NotEmpty(t, lists)
		var it chunkenc.Iterator
		for i, list := range lists {
			for j := 1; j < len(list); j++ {
				require.Less(t, list[j-1].t, list[j].t, "times ascend")
			}
			it = series[i].Iterator(it)
			require.Equal(t, chunkenc.ValFloat, it.Next())
			at := 0
			for at+1 < len(list) { // by Next and by Seek in turns
				want := at + 1
				if r.IntN(2) == 0 {
					require.Equal(t, chunkenc.ValFloat, it.Next())
				} else {
					want = min(at+r.IntN(20), len(list)-1)
					before := int64(0)
					if want > at {
						before = r.Int64N(list[want].t - list[want-1].t)
					}
					if at == 0 && hints.Range > 0 {
						continue // the first seek decides on the grid
					}
					require.Equal(t, chunkenc.ValFloat, it.Seek(list[want].t-before))
				}
				at = want
				ts, v := it.At()
				require.Equal(t, list[at].t, ts)
				if !math.IsNaN(list[at].v) {
					require.Equal(t, list[at].v, v)
				}
			}
			require.Equal(t, chunkenc.ValNone, it.Next())
		}
	}
}

// A step that divides the range less a millisecond makes a range end where
// another begins. Then the changes of that millisecond are not in the former.
func TestRangesThatMeetOnAMillisecond(t *testing.T) {
	engine := newEngine(t)
	spans := deploys()
	m := model{spans: spans, now: now, lookback: 5 * minute}
	queryable := beside(newMemLog(spans), noSamples{})
	q := inquiry{
		expr: "increase(tidemark_changes_total[60s])", start: now - 4*hour, end: now, step: 59_999, lookback: 5 * minute,
	}
	q.want = func(t int64) map[string]float64 {
		counts := m.count(t-minute, t-1)
		for k := range m.count(t-minute, t) {
			counts[k] += 0
		}
		return counts
	}
	q.check(t, engine, queryable)
}
