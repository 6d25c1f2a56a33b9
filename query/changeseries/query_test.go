package changeseries_test

import (
	"context"
	"testing"
	"time"

	prommodel "github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/teststorage"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

// deploys are two deploys of web and one of api, and a maintenance that goes on.
func deploys() []annotate.Span {
	span := func(id, kind, service, version string, start, end int64) annotate.Span {
		return annotate.Span{
			ID: id, Kind: kind, Service: service, Environment: "production", Version: version, Who: "ann",
			Status: annotate.Succeeded, Start: start, End: end,
		}
	}
	return []annotate.Span{
		span("a", "deploy", "web", "v1", now-3*hour, now-3*hour+minute),
		span("b", "deploy", "api", "v7", now-2*hour, now-2*hour+minute),
		span("c", "deploy", "web", "v2", now-9*minute, now-8*minute),
		{ID: "d", Kind: "maintenance", Service: "api", Status: annotate.Running, Start: now - hour, End: annotate.Ongoing},
	}
}

// samples returns a store in which up is 1 for web and api, and 0 for db, each
// 15 seconds of the last four hours.
func samples(t testing.TB) *teststorage.TestStorage {
	t.Helper()
	store := teststorage.New(t)
	app := store.Appender(context.Background())
	for ts := now - 4*hour; ts <= now; ts += 15 * second {
		for service, v := range map[string]float64{"web": 1, "api": 1, "db": 0} {
			_, err := app.Append(0, labels.FromStrings(prommodel.MetricNameLabel, "up", "service", service, "job", service), ts, v)
			require.NoError(t, err)
		}
	}
	require.NoError(t, app.Commit())
	return store
}

// ask returns the answers of an instant query at now, by their labels.
func ask(t testing.TB, engine *promql.Engine, queryable storage.Queryable, expr string) map[string]float64 {
	t.Helper()
	query, err := engine.NewInstantQuery(context.Background(), queryable, nil, expr, time.UnixMilli(now))
	require.NoError(t, err)
	defer query.Close()
	result := query.Exec(context.Background())
	require.NoError(t, result.Err)
	require.Empty(t, result.Warnings)
	vector, err := result.Vector()
	require.NoError(t, err)
	got := map[string]float64{}
	for _, s := range vector {
		got[written(s.Metric)] = s.F
	}
	return got
}

func TestQueries(t *testing.T) {
	store, engine := samples(t), newEngine(t)
	queryable := beside(newMemLog(deploys()), store)
	tests := map[string]struct {
		expr string
		want map[string]float64
	}{
		"the version a metric ran under": {
			`up * on (service) group_left (version) tidemark_version_info`,
			map[string]float64{`{job="web", service="web", version="v2"}`: 1, `{job="api", service="api", version="v7"}`: 1},
		},
		"the version of an hour ago": {
			`up offset 1h * on (service) group_left (version) tidemark_version_info{service="web"} offset 1h`,
			map[string]float64{`{job="web", service="web", version="v1"}`: 1},
		},
		"deployed in the last ten minutes": {
			`time() - tidemark_last_change_timestamp_seconds{kind="deploy"} < 600`,
			map[string]float64{`{environment="production", kind="deploy", service="web"}`: 540},
		},
		"deploys a day, by service": {
			`sum by (service) (increase(tidemark_changes_total{kind="deploy"}[1d])) == 2`,
			map[string]float64{`{service="web"}`: 2},
		},
		"all changes, beside samples": {
			`sum(increase({__name__=~"tidemark_changes_total|nothing"}[1d]))`,
			map[string]float64{`{}`: 4},
		},
		"the services that nobody works on": {
			`up unless on (service) tidemark_change{kind="maintenance"}`,
			map[string]float64{`up{job="web", service="web"}`: 1, `up{job="db", service="db"}`: 0},
		},
		"a change has a sample each minute, and one at now": {
			`count_over_time(tidemark_change{kind="maintenance"}[5m])`,
			map[string]float64{`{id="d", kind="maintenance", service="api", status="running"}`: 6},
		},
		"a change that is over": {`tidemark_change{id="c"}`, map[string]float64{}},
		"how often the version changed": {
			`changes(tidemark_last_change_timestamp_seconds{service="web"}[4h])`,
			map[string]float64{`{environment="production", kind="deploy", service="web"}`: 1},
		},
		"samples and changes by a common label": {
			`count by (__name__) ({service="api"})`,
			map[string]float64{
				`up{}`: 1, `tidemark_change{}`: 1, `tidemark_changes_total{}`: 2,
				`tidemark_last_change_timestamp_seconds{}`: 2, `tidemark_version_info{}`: 1,
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, ask(t, engine, queryable, tc.expr))
		})
	}
}

func TestLateReportShowsAtOnce(t *testing.T) {
	engine, log := newEngine(t), newMemLog(deploys())
	queryable := beside(log, noSamples{})
	expr := `sum(increase(tidemark_changes_total[1d] offset 1w))`
	require.Empty(t, ask(t, engine, queryable, expr))
	late := annotate.Span{ID: "late", Kind: "deploy", Status: annotate.Succeeded, Start: now - 7*day - hour, End: now - 7*day}
	*log = *newMemLog(append(deploys(), late))
	require.Equal(t, map[string]float64{"{}": 1}, ask(t, engine, queryable, expr))
}

// chunksOnly answers from encoded samples, as remote read does.
type chunksOnly struct{ storage.ChunkQueryable }

func (c chunksOnly) Querier(mint, maxt int64) (storage.Querier, error) {
	q, err := c.ChunkQuerier(mint, maxt)
	return chunksOnlyQuerier{q}, err
}

type chunksOnlyQuerier struct{ storage.ChunkQuerier }

func (q chunksOnlyQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	return storage.NewSeriesSetFromChunkSeriesSet(q.ChunkQuerier.Select(ctx, sorted, hints, matchers...))
}

func TestEncodedSamplesAnswerTheSame(t *testing.T) {
	store, engine := samples(t), newEngine(t)
	queryable := beside(newMemLog(deploys()), store)
	for _, expr := range []string{
		`{__name__=~"tidemark_.+|up"}`,
		`increase(tidemark_changes_total[1d])`,
		`increase(tidemark_changes_total[1d] offset 2h)`,
		`rate(tidemark_changes_total[1h])`,
		`max_over_time(increase(tidemark_changes_total[1h])[1d:7m])`,
		`changes(tidemark_version_info[1d])`,
	} {
		want := ask(t, engine, queryable, expr)
		require.NotEmpty(t, want)
		require.Equal(t, want, ask(t, engine, chunksOnly{queryable}, expr), expr)
	}
}

func TestEncodedSeriesCanBeListed(t *testing.T) {
	q, err := beside(newMemLog(deploys()), noSamples{}).ChunkQuerier(now-hour, now)
	require.NoError(t, err)
	hints := &storage.SelectHints{Start: now - hour, End: now, Func: "series"}
	set := q.Select(t.Context(), true, hints, matchers(t, `{service="web"}`)...)
	n := 0
	for set.Next() {
		require.True(t, set.At().Iterator(nil).Next(), set.At().Labels())
		n++
	}
	require.NoError(t, set.Err())
	require.Equal(t, 5, n)
}

func TestCancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q, err := beside(newMemLog(deploys()), noSamples{}).Querier(0, now)
	require.NoError(t, err)
	set := q.Select(ctx, false, nil, labels.MustNewMatcher(labels.MatchEqual, prommodel.MetricNameLabel, "tidemark_change"))
	require.False(t, set.Next())
	require.ErrorIs(t, set.Err(), context.Canceled)
}
