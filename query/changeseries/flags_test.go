package changeseries_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/query/changeseries"
)

// cart is a ramp of the flag cart of web, its end, and a flag of no service.
func cart() *memLog {
	flip := func(id, service string, ago int64) annotate.Span {
		return annotate.Span{
			ID: id, Kind: "flag", Service: service, Environment: "production", Status: annotate.Succeeded, Start: now - ago, End: now - ago,
		}
	}
	return newFlagLog([]annotate.Span{
		flip("a", "web", 3*hour), flip("b", "web", 2*hour), flip("c", "web", hour), flip("d", "web", 30*minute), flip("e", "", hour),
	}, flips{
		"a": {Key: "cart", To: "off"},
		"b": {Key: "cart", From: "off", To: map[string]int{"on": 10, "off": 90}},
		"c": {Key: "cart", To: "on"},
		"d": {Key: "cart", From: "on"},
		"e": {Key: "dark", To: true},
	})
}

func TestFlagSeries(t *testing.T) {
	queryable := beside(cart(), noSamples{})
	const (
		dark = `tidemark_flag_state{environment="production", flag="dark", variation="true"}`
		off  = `tidemark_flag_state{environment="production", flag="cart", service="web", variation="off"}`
		on   = `tidemark_flag_state{environment="production", flag="cart", service="web", variation="on"}`
	)
	f := func(selector string, from, to int64, want ...string) {
		t.Helper()
		require.Equal(t, append([]string{}, want...), names(t, queryable, from, to, selector), selector)
	}
	f(`tidemark_flag_state`, now-4*hour, now, off, on, dark)
	f(`tidemark_flag_state`, now-3*hour, now-2*hour-1, off)
	f(`tidemark_flag_state`, now-90*minute, now-80*minute, off, on)
	f(`tidemark_flag_state`, now-minute, now, dark)
	f(`tidemark_flag_state`, now-30*minute, now, dark)
	f(`tidemark_flag_state`, now-30*minute-1, now, off, on, dark)
	f(`tidemark_flag_state{flag="cart"}`, now-4*hour, now, off, on)
	f(`tidemark_flag_state{flag=~"cart|other", variation="on"}`, now-4*hour, now, on)
	f(`tidemark_flag_state{service=""}`, now-4*hour, now, dark)
	f(`tidemark_flag_state{variation!~"o.+"}`, now-4*hour, now, dark)
	f(`tidemark_flag_state{flag="cart", flag="dark"}`, now-4*hour, now)
	f(`{variation=~".+"}`, now-4*hour, now, off, on, dark)
}

func TestFlagLabels(t *testing.T) {
	queryable := beside(cart(), noSamples{})
	q, err := queryable.Querier(now-4*hour, now)
	require.NoError(t, err)
	defer q.Close()
	f := func(label, selector string, want ...string) {
		t.Helper()
		got, warnings, err := q.LabelValues(t.Context(), label, nil, matchers(t, selector)...)
		require.NoError(t, err)
		require.Empty(t, warnings)
		require.Equal(t, want, got, "%s of %s", label, selector)
	}
	f("flag", `{flag!=""}`, "cart", "dark")
	f("flag", `{service="web"}`, "cart")
	f("variation", `tidemark_flag_state`, "off", "on", "true")
	f("variation", `tidemark_flag_state{flag="dark"}`, "true")
	f("environment", `{kind=""}`, "production")
	f("service", `tidemark_flag_state`, "web")
	f("__name__", `{variation="on"}`, changeseries.FlagState)
	got, _, err := q.LabelNames(t.Context(), nil, matchers(t, `tidemark_flag_state`)...)
	require.NoError(t, err)
	require.Equal(t, []string{"__name__", "environment", "flag", "service", "variation"}, got)
}

func TestFlagsReportedLate(t *testing.T) {
	engine, log := newEngine(t), cart()
	queryable := beside(log, noSamples{})
	ten := `tidemark_flag_state{flag="cart", variation="on"} offset 90m`
	require.Equal(t, map[string]float64{`tidemark_flag_state{environment="production", flag="cart", service="web", variation="on"}`: 0.1},
		ask(t, engine, queryable, ten))
	spans, found := log.byStart, log.flips
	found["late"] = annotate.FlagChange{Key: "cart", To: map[string]int{"on": 25, "off": 75}}
	*log = *newFlagLog(append(spans, annotate.Span{
		ID: "late", Kind: "config", Service: "web", Environment: "production", Status: annotate.Running, Start: now - 95*minute, End: annotate.Ongoing,
	}), found)
	require.Equal(t, map[string]float64{`tidemark_flag_state{environment="production", flag="cart", service="web", variation="on"}`: 0.25},
		ask(t, engine, queryable, ten))
}

func TestEncodedFlagsAnswerTheSame(t *testing.T) {
	engine, queryable := newEngine(t), beside(cart(), noSamples{})
	for _, expr := range []string{
		`tidemark_flag_state`, `tidemark_flag_state offset 1h`, `changes(tidemark_flag_state[3h] offset 30m)`, `max_over_time(tidemark_flag_state[1d])`,
	} {
		want := ask(t, engine, queryable, expr)
		require.NotEmpty(t, want, expr)
		require.Equal(t, want, ask(t, engine, chunksOnly{queryable}, expr), expr)
	}
}

func TestLongVariations(t *testing.T) {
	long := func(end string) string { return strings.Repeat("größe", 100) + end }
	log := newFlagLog([]annotate.Span{
		{ID: "a", Status: annotate.Succeeded, Start: now - hour, End: now},
		{ID: "b", Status: annotate.Succeeded, Start: now - minute, End: now},
	}, flips{"a": {Key: "k", To: long("1")}, "b": {Key: "k", To: long("2")}})
	q, err := beside(log, noSamples{}).Querier(now, now)
	require.NoError(t, err)
	defer q.Close()
	got, _, err := q.LabelValues(t.Context(), "variation", nil)
	require.NoError(t, err)
	require.Len(t, got, 2, "two that begin alike stay apart")
	for _, v := range got {
		require.LessOrEqual(t, len(v), annotate.MaxName)
		require.True(t, utf8.ValidString(v))
		require.Regexp(t, `^größegröße.*…[0-9a-f]{8}$`, v)
	}
}

func TestFlagLimits(t *testing.T) {
	var spans []annotate.Span
	found := flips{}
	for i := range 6 {
		s := annotate.Span{ID: fmt.Sprint(i), Service: fmt.Sprint("s", i), Status: annotate.Succeeded, Start: now - hour + int64(i), End: now}
		spans = append(spans, s)
		found[s.ID] = annotate.FlagChange{Key: "k", To: "on"}
	}
	set := metrics.NewSet()
	queryable := limited(newFlagLog(spans, found), noSamples{}, changeseries.Options{MaxGroups: 4, MaxStarts: 5, Metrics: set})
	q, err := queryable.Querier(now-2*hour, now)
	require.NoError(t, err)
	defer q.Close()
	f := func(limit, message string, hints *storage.SelectHints, selector string) {
		t.Helper()
		before := set.GetOrCreateCounter(`tidemark_change_series_limit_hits_total{limit="` + limit + `"}`).Get()
		series := q.Select(t.Context(), true, hints, matchers(t, selector)...)
		n := 0
		for series.Next() {
			n++
		}
		if hints == nil {
			require.Equal(t, annotate.TooMany, annotate.CodeOf(series.Err()))
			require.ErrorContains(t, series.Err(), message)
			require.ErrorContains(t, series.Err(), "such as flag, service or environment")
		} else {
			require.NoError(t, series.Err())
			require.Len(t, series.Warnings(), 1)
			for _, w := range series.Warnings() {
				require.ErrorContains(t, w, message)
				require.ErrorContains(t, w, "cut")
			}
			require.NotZero(t, n)
		}
		require.Greater(t, set.GetOrCreateCounter(`tidemark_change_series_limit_hits_total{limit="`+limit+`"}`).Get(), before)
	}
	listing := &storage.SelectHints{Start: now - 2*hour, End: now, Func: "series"}
	for _, hints := range []*storage.SelectHints{nil, listing} {
		f("max_groups", "more than 4 series", hints, `tidemark_flag_state{variation="on"}`)
		f("max_groups", "more than 4 series", hints, `tidemark_flag_state{service=~"s0|s1|s2|s3|s4"}`)
	}
	f("max_starts", "more than 5 changes", nil, `tidemark_flag_state{service=~"s1.?"}`)
	f("max_starts", "more than 5 changes", listing, `tidemark_flag_state{service!~"s[45]"}`)
}
