package changeseries_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/query/changeseries"
)

func matchers(t testing.TB, selector string) []*labels.Matcher {
	t.Helper()
	ms, err := parser.NewParser(parser.Options{}).ParseMetricSelector(selector)
	require.NoError(t, err)
	return ms
}

func names(t *testing.T, queryable storage.Queryable, from, to int64, selector string) []string {
	t.Helper()
	q, err := queryable.Querier(from, to)
	require.NoError(t, err)
	defer q.Close()
	hints := &storage.SelectHints{Start: from, End: to, Func: "series"}
	set := q.Select(t.Context(), true, hints, matchers(t, selector)...)
	list := []string{}
	for set.Next() {
		list = append(list, written(set.At().Labels()))
	}
	require.NoError(t, set.Err())
	return list
}

func TestSeries(t *testing.T) {
	queryable := beside(newMemLog(deploys()), samples(t))
	f := func(name, selector string, from, to int64, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			if want == nil {
				want = []string{}
			}
			require.Equal(t, want, names(t, queryable, from, to, selector))
		})
	}
	const (
		changeC  = `tidemark_change{environment="production", id="c", kind="deploy", service="web", status="succeeded", version="v2", who="ann"}`
		changeD  = `tidemark_change{id="d", kind="maintenance", service="api", status="running"}`
		infoAPI  = `tidemark_version_info{environment="production", service="api", version="v7"}`
		infoWeb1 = `tidemark_version_info{environment="production", service="web", version="v1"}`
		infoWeb2 = `tidemark_version_info{environment="production", service="web", version="v2"}`
	)
	f("by equality", `tidemark_change{id="c"}`, now-hour, now, changeC)
	f("by a list", `tidemark_change{id=~"c|d|x"}`, now-hour, now, changeC, changeD)
	f("by an expression", `tidemark_change{service=~"w.*"}`, now-hour, now, changeC)
	f("by a negative", `tidemark_change{service!="web"}`, now-hour, now, changeD)
	f("by a negative expression", `tidemark_change{service!~"a.+"}`, now-hour, now, changeC)
	f("by an empty label", `tidemark_change{version=""}`, now-hour, now, changeD)
	f("by a label that is empty or not", `tidemark_change{version=~"|v2"}`, now-hour, now, changeC, changeD)
	f("by contradiction", `tidemark_change{kind="deploy",kind="flag"}`, now-hour, now)
	f("outside of the time", `tidemark_change{kind="deploy"}`, now-hour, now-20*minute)
	f("versions that ran in the time", `tidemark_version_info`, now-hour, now, infoAPI, infoWeb1, infoWeb2)
	f("versions that ran later", `tidemark_version_info`, now-minute, now, infoAPI, infoWeb2)
	f("a version that was replaced", `tidemark_version_info{version="v1"}`, now-minute, now)
	f("versions before them all", `tidemark_version_info`, now-5*hour, now-4*hour)
	f("counters", `tidemark_changes_total{status="running"}`, now-hour, now, `tidemark_changes_total{kind="maintenance", service="api", status="running"}`)
	f("beside samples", `{service="db"}`, now-hour, now, `up{job="db", service="db"}`)
	f("all time", `tidemark_last_change_timestamp_seconds{service="web"}`, -1<<63, 1<<63-1,
		`tidemark_last_change_timestamp_seconds{environment="production", kind="deploy", service="web"}`)
}

func TestLabels(t *testing.T) {
	queryable := beside(newMemLog(deploys()), samples(t))
	q, err := queryable.Querier(now-4*hour, now)
	require.NoError(t, err)
	defer q.Close()
	labelNames := func(selector string, want ...string) {
		t.Helper()
		var ms []*labels.Matcher
		if selector != "" {
			ms = matchers(t, selector)
		}
		got, warnings, err := q.LabelNames(t.Context(), nil, ms...)
		require.NoError(t, err)
		require.Empty(t, warnings)
		require.Equal(t, want, got, selector)
	}
	labelNames("", "__name__", "environment", "id", "job", "kind", "service", "status", "version", "who")
	labelNames(`{kind="maintenance"}`, "__name__", "id", "kind", "service", "status")
	labelNames(`tidemark_version_info`, "__name__", "environment", "service", "version")
	labelNames(`up`, "__name__", "job", "service")

	labelValues := func(name, selector string, want ...string) {
		t.Helper()
		var ms []*labels.Matcher
		if selector != "" {
			ms = matchers(t, selector)
		}
		got, warnings, err := q.LabelValues(t.Context(), name, nil, ms...)
		require.NoError(t, err)
		require.Empty(t, warnings)
		require.Equal(t, want, got, "%s of %s", name, selector)
	}
	labelValues("__name__", "", changeseries.Change, changeseries.ChangesTotal, changeseries.LastChange, changeseries.VersionInfo, "up")
	labelValues("__name__", `{service="db"}`, "up")
	labelValues("__name__", `{version="v7"}`, changeseries.Change, changeseries.VersionInfo)
	labelValues("service", "", "api", "db", "web")
	labelValues("service", `{kind="deploy"}`, "api", "web")
	labelValues("version", `tidemark_version_info{service="web"}`, "v1", "v2")
	labelValues("id", `{service="web"}`, "a", "c")
	labelValues("who", "", "ann")
	labelValues("job", `{service="web"}`, "web")

	got, _, err := q.LabelValues(t.Context(), "service", &storage.LabelHints{Limit: 2})
	require.NoError(t, err)
	require.Len(t, got, 2)
}

func TestSearch(t *testing.T) {
	queryable := beside(newMemLog(deploys()), samples(t))
	q, err := queryable.Querier(now-4*hour, now)
	require.NoError(t, err)
	defer q.Close()
	collect := func(set storage.SearchResultSet) (found []string) {
		for set.Next() {
			found = append(found, set.At().Value)
		}
		require.NoError(t, set.Err())
		require.NoError(t, set.Close())
		return found
	}
	searcher, ok := q.(storage.Searcher)
	require.True(t, ok)
	require.Equal(t, []string{"api", "db", "web"}, collect(searcher.SearchLabelValues(t.Context(), "service", nil)))
	require.Equal(t, []string{"__name__", "id", "kind", "service", "status"},
		collect(searcher.SearchLabelNames(t.Context(), nil, matchers(t, `{kind="maintenance"}`)...)))
	require.Equal(t, []string{"db"}, collect(searcher.SearchLabelValues(t.Context(), "service", nil, matchers(t, `{job="db"}`)...)))
}

func TestLimits(t *testing.T) {
	var spans []annotate.Span
	for i := range 5 {
		spans = append(spans, annotate.Span{
			ID: fmt.Sprint(i), Kind: "deploy", Service: fmt.Sprint("s", i), Version: "v", Status: annotate.Succeeded,
			Start: now - hour + int64(i), End: now - minute,
		})
	}
	set := metrics.NewSet()
	queryable := limited(newMemLog(spans), noSamples{}, changeseries.Options{MaxChanges: 3, MaxGroups: 4, MaxStarts: 4, MaxSteps: 2, Metrics: set})
	q, err := queryable.Querier(now-2*hour, now)
	require.NoError(t, err)
	defer q.Close()

	read := func(hints *storage.SelectHints, selector string) (int, []string, error) {
		series := q.Select(t.Context(), true, hints, matchers(t, selector)...)
		n := 0
		for series.Next() {
			it := series.At().Iterator(nil)
			for it.Next() != 0 {
			}
			if it.Err() != nil {
				return n, nil, it.Err()
			}
			n++
		}
		var warnings []string
		for _, w := range series.Warnings() {
			warnings = append(warnings, w.Error())
		}
		return n, warnings, series.Err()
	}
	for _, selector := range []string{
		"tidemark_change", "tidemark_changes_total", "tidemark_last_change_timestamp_seconds", "tidemark_version_info",
	} {
		_, _, err := read(nil, selector)
		require.Equal(t, annotate.TooMany, annotate.CodeOf(err), selector)
		require.ErrorContains(t, err, "narrow it by labels")

		n, warnings, err := read(&storage.SelectHints{Start: now - 2*hour, End: now, Func: "series"}, selector)
		require.NoError(t, err, selector)
		require.Len(t, warnings, 1)
		require.Contains(t, warnings[0], "cut")
		require.Equal(t, map[bool]int{true: 3, false: 4}[selector == "tidemark_change"], n)

		n, _, err = read(nil, selector+`{service=~"s1|s2"}`)
		require.NoError(t, err, selector)
		require.Equal(t, 2, n)
	}
	_, _, err = read(&storage.SelectHints{Start: now - 2*hour, End: now, Func: "increase", Range: hour, Step: 60_000}, `tidemark_changes_total{service!="s4"}`)
	require.Equal(t, annotate.TooMany, annotate.CodeOf(err), "more steps and more changes than allowed")

	_, warnings, err := q.LabelValues(context.Background(), "id", nil)
	require.NoError(t, err)
	require.Len(t, warnings, 1)

	for _, limit := range []string{"max_changes", "max_groups", "max_starts"} {
		require.Positive(t, set.GetOrCreateCounter(`tidemark_change_series_limit_hits_total{limit="`+limit+`"}`).Get(), limit)
	}
	require.Positive(t, set.GetOrCreateCounter("tidemark_change_series_selects_total").Get())
}

func TestMetadata(t *testing.T) {
	for _, name := range []string{
		changeseries.Change, changeseries.LastChange, changeseries.VersionInfo, changeseries.ChangesTotal, changeseries.FlagState,
	} {
		md, ok := changeseries.Metadata()[name]
		require.True(t, ok, name)
		require.NotEmpty(t, md.Help)
		require.NotEmpty(t, md.Type)
	}
	require.Len(t, changeseries.Metadata(), 5)
}
