package changeseries_test

import (
	"testing"

	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/query/changeseries"
)

// untouchable is a log that must not be asked: it has no methods to answer with.
type untouchable struct{ changeseries.Log }

func TestWhatCannotMatchDoesNotReachTheLog(t *testing.T) {
	queryable := beside(untouchable{}, samples(t))
	for _, selector := range []string{
		`up`,
		`{__name__="up", service="web"}`,
		`{job="web"}`,
		`{service="web", job=~".+"}`,
		`{__name__=~"up|node_.*"}`,
		`{__name__!~"tidemark_.*", service="web"}`,
		`tidemark_change{job="web"}`,
		`tidemark_version_info{kind="deploy"}`,
		`tidemark_last_change_timestamp_seconds{status!=""}`,
		`tidemark_changes_total{kind="deploy", kind="flag"}`,
		`tidemark_flag_state{kind="flag"}`,
		`tidemark_flags`,
	} {
		t.Run(selector, func(t *testing.T) {
			q, err := queryable.Querier(now-hour, now)
			require.NoError(t, err)
			defer q.Close()
			c, err := queryable.ChunkQuerier(now-hour, now)
			require.NoError(t, err)
			defer c.Close()
			ms := matchers(t, selector)
			require.NoError(t, q.Select(t.Context(), false, nil, ms...).Err())
			require.NoError(t, q.Select(t.Context(), false, &storage.SelectHints{Start: now - hour, End: now, Func: "series"}, ms...).Err())
			require.NoError(t, c.Select(t.Context(), false, nil, ms...).Err())
			_, _, err = q.LabelNames(t.Context(), nil, ms...)
			require.NoError(t, err)
			_, _, err = q.LabelValues(t.Context(), "service", nil, ms...)
			require.NoError(t, err)
		})
	}
}

func TestWhatCannotMatchDoesNotAllocate(t *testing.T) {
	queryable := beside(untouchable{}, noSamples{})
	q, err := queryable.Querier(now-hour, now)
	require.NoError(t, err)
	ms, ctx := matchers(t, `{__name__=~"node_.*", service="web"}`), t.Context()
	require.Zero(t, testing.AllocsPerRun(100, func() { q.Select(ctx, false, nil, ms...) }))
}
