package metrics

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// panel is a query of a panel with a time range that begins at from.
func panel(from time.Time, span time.Duration, points int64) query {
	return query{from: from, to: from.Add(span), maxDataPoints: points}
}

func TestStep(t *testing.T) {
	f := func(span time.Duration, points int64, interval time.Duration, minStep string, factor int64, step, rate time.Duration) {
		t.Helper()
		q := panel(time.Unix(1700000000, 0), span, points)
		q.interval, q.MinStep, q.Factor = interval, minStep, factor
		got, err := newTiming(q, 15*time.Second)
		require.NoError(t, err)
		require.Equal(t, step, got.step, "step")
		require.Equal(t, rate, got.rateInterval, "rate interval")
	}
	const s, m, h, d = time.Second, time.Minute, time.Hour, 24 * time.Hour
	// The scrape interval is the floor, unless the query sets one.
	f(h, 1000, s, "", 0, 15*s, m)
	f(h, 1000, s, "5s", 0, 5*s, 20*s)
	f(h, 1000, s, "1m", 0, m, 4*m)
	f(h, 1000, s, ">30", 0, 30*s, 2*m)
	f(h, 1000, s, "$__interval", 0, 15*s, m)
	// The panel's least interval is Grafana's to tell.
	f(h, 1000, 2*m, "", 0, 2*m, 2*m+15*s)
	// A long range takes a step as wide as a pixel.
	f(7*d, 1000, 0, "", 0, 10*m, 10*m+15*s)
	f(7*d, 0, 0, "", 0, 2*h, 2*h+15*s)
	f(h, 1000, 0, "", 10, 150*s, 165*s)
	// The step of a rate is its window.
	f(h, 1000, 0, "$__rate_interval", 0, m, m)
	f(7*d, 1000, 0, "${__rate_interval}", 0, 10*m+15*s, 10*m+15*s)
	// Prometheus answers no more than 11,000 steps.
	f(30*d, 100_000, 0, "1s", 0, 4*m, 241*s)
	f(0, 1000, 0, "", 0, 15*s, m)
}

func TestStepsWithinTheMost(t *testing.T) {
	// Aligned, the time range is a step longer than it was.
	q := panel(time.UnixMilli(1700000000600), maxSteps*time.Second+500*time.Millisecond, 20_000)
	q.MinStep = "1s"
	got, err := newTiming(q, 15*time.Second)
	require.NoError(t, err)
	require.LessOrEqual(t, got.end.Sub(got.start)/got.step, time.Duration(maxSteps))
}

func TestAStepPastWhatFits(t *testing.T) {
	q := panel(time.Unix(1700000000, 0), time.Hour, 1000)
	q.interval, q.Factor = 1<<61, 1000 // together a multiple of 1<<64
	got, err := newTiming(q, 15*time.Second)
	require.NoError(t, err)
	require.Positive(t, got.step)
}

func TestAlign(t *testing.T) {
	f := func(at string, step, offset time.Duration, want string) {
		t.Helper()
		parsed, err := time.Parse(time.RFC3339Nano, at)
		require.NoError(t, err)
		require.Equal(t, want, align(parsed, step, offset).UTC().Format(time.RFC3339Nano))
	}
	f("2026-11-23T10:01:37.5Z", time.Minute, 0, "2026-11-23T10:01:00Z")
	f("2026-11-23T10:01:00Z", time.Minute, 0, "2026-11-23T10:01:00Z")
	f("2026-11-23T10:01:37Z", 24*time.Hour, 0, "2026-11-23T00:00:00Z")
	f("2026-11-23T10:01:37Z", 24*time.Hour, 2*time.Hour, "2026-11-22T22:00:00Z")
	f("2026-11-23T10:01:37Z", 24*time.Hour, -5*time.Hour, "2026-11-23T05:00:00Z")
	f("1969-12-31T23:59:59Z", time.Minute, 0, "1969-12-31T23:59:00Z")
}

func TestMacros(t *testing.T) {
	given := timing{step: 90 * time.Second, rateInterval: 6 * time.Minute, span: 36*time.Hour + 400*time.Millisecond}
	f := func(expr, want string) {
		t.Helper()
		require.Equal(t, want, fillMacros(expr, given))
	}
	f("up", "up")
	f("rate(x[$__interval])", "rate(x[1m30s])")
	f("rate(x[${__interval}])", "rate(x[1m30s])")
	f("x / $__interval_ms", "x / 90000")
	f("x / ${__interval_ms}", "x / 90000")
	f("rate(x[$__rate_interval])", "rate(x[6m])")
	f("rate(x[${__rate_interval}:$__interval])", "rate(x[6m:1m30s])")
	f("x / $__rate_interval_ms + ${__rate_interval_ms}", "x / 360000 + 360000")
	f("increase(x[$__range])", "increase(x[129600s])")
	f("increase(x[${__range}]) / $__range_s / ${__range_s}", "increase(x[129600s]) / 129600 / 129600")
	f("$__range_ms${__range_ms}", "129600400129600400")
	// A unit may follow at once.
	f("increase(x[$__range_ss:$__interval_msms])", "increase(x[129600s:90000ms])")
	// What is no macro is the server's to judge.
	f("$__inter $other ${__interval ${__intervals}", "$__inter $other ${__interval ${__intervals}")
	f(`x{a=~"foo$|^bar$"}`, `x{a=~"foo$|^bar$"}`)
	f("$$__interval", "$1m30s")

	require.Equal(t, "x[1s]", fillMacros("x[$__range]", timing{}), "PromQL has no window of nothing")
}

func FuzzMacros(f *testing.F) {
	for _, seed := range []string{"$__interval", "${__range_s}", "${", "$", "$__rate_interval_ms}", `"\$é"`} {
		f.Add(seed)
	}
	given := timing{step: time.Second, rateInterval: time.Minute, span: time.Hour}
	f.Fuzz(func(t *testing.T, expr string) {
		once := fillMacros(expr, given)
		require.LessOrEqual(t, len(once), 2*len(expr))
	})
}

func TestLegend(t *testing.T) {
	f := func(format string, labels map[string]string, want string) {
		t.Helper()
		require.Equal(t, want, parseLegend(format, "sum(x)").name(labels))
	}
	labels := map[string]string{"__name__": "x", "b": `say "hi"`, "a": "1"}
	f("", labels, `x{a="1", b="say \"hi\""}`)
	f("", map[string]string{"__name__": "x"}, "x")
	f("", map[string]string{"a": "1"}, `{a="1"}`)
	f("", nil, "sum(x)")
	f("__auto", labels, "")
	f("__auto", nil, "sum(x)")
	f("{{a}}", labels, "1")
	f("{{ a }} and {{__name__}}", labels, "1 and x")
	f("{{none}}", labels, "")
	f("plain", labels, "plain")
	f("{{a", labels, "{{a")
	f("}}{{a}}", labels, "}}1")
}
