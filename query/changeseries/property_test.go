package changeseries_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	prommodel "github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/query/changeseries"
)

const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// now is the clock of the tests, on no round step.
const now = int64(1_790_000_123_457)

func newEngine(t testing.TB) *promql.Engine {
	t.Helper()
	return promqltest.NewTestEngineWithOpts(t, promql.EngineOpts{
		MaxSamples:               50_000_000,
		Timeout:                  time.Minute,
		LookbackDelta:            5 * time.Minute,
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return minute },
		Parser:                   parser.NewParser(parser.Options{}),
	})
}

// noSamples is a store without samples.
type noSamples struct{}

func (noSamples) Querier(int64, int64) (storage.Querier, error) { return storage.NoopQuerier(), nil }

func (noSamples) ChunkQuerier(int64, int64) (storage.ChunkQuerier, error) {
	return storage.NoopChunkedQuerier(), nil
}

// beside shows log beside samples, as of now.
func beside(log changeseries.Log, samples storage.SampleAndChunkQueryable) *changeseries.Queryable {
	return limited(log, samples, changeseries.Options{})
}

func limited(log changeseries.Log, samples storage.SampleAndChunkQueryable, opts changeseries.Options) *changeseries.Queryable {
	opts.Now = func() time.Time { return time.UnixMilli(now) }
	return changeseries.New(samples, log, opts)
}

// randomSpans returns n changes around now: ongoing, instant, planned, at the
// same time, and long ago.
func randomSpans(r *rand.Rand, n int) []annotate.Span {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	spans := make([]annotate.Span, n)
	for i := range spans {
		start := now - r.Int64N(2*day)
		switch r.IntN(8) {
		case 0:
			start = now + r.Int64N(hour)
		case 1:
			start = now - 400*day - r.Int64N(day)
		case 2, 3:
			start = start / minute * minute
		case 4:
			if i > 0 {
				start = spans[r.IntN(i)].Start
			}
		}
		s := annotate.Span{
			ID: fmt.Sprintf("id-%03d", i), Kind: pick("deploy", "deploy", "flag", "incident"), Service: pick("web", "api", ""),
			Environment: pick("production", "staging"), Version: pick("v1", "v2", "v3", ""), Who: pick("ann", "bob", ""),
			Status: annotate.Status(pick("succeeded", "succeeded", "failed", "running")), Start: start,
		}
		switch r.IntN(6) {
		case 0:
			s.End = annotate.Ongoing
		case 1:
			s.End = s.Start
		case 2:
			s.End = s.Start + 1 + r.Int64N(3)
		case 3:
			s.End = s.Start + r.Int64N(2*day)
		default:
			s.End = s.Start + r.Int64N(30*minute)
		}
		spans[i] = s
	}
	slices.SortFunc(spans, func(a, b annotate.Span) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.ID, b.ID))
	})
	return spans
}

// inquiry is one query, with what it must answer at each time.
type inquiry struct {
	expr             string
	start, end, step int64 // step 0 for an instant query
	lookback         int64
	want             func(t int64) map[string]float64
}

func (q inquiry) String() string {
	return fmt.Sprintf("%s from %d to %d step %d lookback %d", q.expr, q.start, q.end, q.step, q.lookback)
}

// check runs q and compares each answer with what it must be.
func (q inquiry) check(t *testing.T, engine *promql.Engine, queryable storage.Queryable) {
	t.Helper()
	opts := promql.NewPrometheusQueryOpts(false, time.Duration(q.lookback)*time.Millisecond, nil)
	start, end := time.UnixMilli(q.start), time.UnixMilli(q.end)
	var query promql.Query
	var err error
	if q.step == 0 {
		query, err = engine.NewInstantQuery(context.Background(), queryable, opts, q.expr, start)
	} else {
		query, err = engine.NewRangeQuery(context.Background(), queryable, opts, q.expr, start, end, time.Duration(q.step)*time.Millisecond)
	}
	require.NoError(t, err, q)
	defer query.Close()
	result := query.Exec(context.Background())
	require.NoError(t, result.Err, q)

	got := map[int64]map[string]float64{}
	add := func(ts int64, metric labels.Labels, v float64) {
		if got[ts] == nil {
			got[ts] = map[string]float64{}
		}
		got[ts][metric.DropReserved(func(name string) bool { return name == prommodel.MetricNameLabel }).String()] = v
	}
	switch value := result.Value.(type) {
	case promql.Vector:
		for _, s := range value {
			add(q.start, s.Metric, s.F)
		}
	case promql.Matrix:
		for _, s := range value {
			for _, p := range s.Floats {
				add(p.T, s.Metric, p.F)
			}
		}
	}
	for ts := q.start; ts <= q.end; ts += max(q.step, 1) {
		want := q.want(ts)
		if len(want) == 0 {
			require.Empty(t, got[ts], "%s at %d", q, ts)
		} else {
			require.Equal(t, want, got[ts], "%s at %d", q, ts)
		}
		if q.step == 0 {
			break
		}
	}
}

// randomInquiry asks for one of the series, plainly or as an increase, now and
// then with offset, @ or in a subquery.
func randomInquiry(r *rand.Rand, m model) inquiry {
	steps := []int64{15 * second, 7 * minute, hour, 15001, 59_999, minute, 5*minute + 1}
	q := inquiry{step: steps[r.IntN(len(steps))], lookback: 5 * minute}
	if r.IntN(3) == 0 {
		q.lookback = minute
	}
	m.lookback = q.lookback
	q.start = now - r.Int64N(2*day) + r.Int64N(hour)
	if len(m.spans) > 0 && r.IntN(2) == 0 { // on an edge, or beside one
		s := m.spans[r.IntN(len(m.spans))]
		q.start = s.Start + r.Int64N(3) - 1
		if r.IntN(2) == 0 && s.End != annotate.Ongoing {
			q.start = s.End + r.Int64N(3) - 1
		}
	}
	q.end = q.start + r.Int64N(60)*q.step
	if r.IntN(3) == 0 {
		q.step, q.end = 0, q.start
	}

	var offset, at int64
	modifier := ""
	if r.IntN(3) == 0 {
		offset = []int64{minute, 7*minute + 13, 3 * hour, -10 * minute}[r.IntN(4)]
		modifier += fmt.Sprintf(" offset %dms", offset)
		if offset < 0 {
			modifier = fmt.Sprintf(" offset -%dms", -offset)
		}
	}
	if r.IntN(5) == 0 {
		at = q.start - r.Int64N(day)
		modifier = fmt.Sprintf(" @ %d.%03d", at/1000, at%1000) + modifier
	}
	seen := func(t int64) int64 {
		if at != 0 {
			t = at
		}
		return t - offset
	}

	name := []string{changeseries.Change, changeseries.LastChange, changeseries.VersionInfo, changeseries.ChangesTotal, changeseries.FlagState, changeseries.FlagState}[r.IntN(6)]
	evaluate := func(t int64) map[string]float64 { return m.at(name, seen(t)) }
	q.expr = name + modifier
	if r.IntN(2) == 0 {
		ranges := []int64{2, 30 * second, 5 * minute, 37*minute + 7, hour, day, 500 * day}
		rng := ranges[r.IntN(len(ranges))]
		if q.step == 59_999 || q.step > 0 && (rng-1)%q.step == 0 {
			rng = 61 * minute
		}
		evaluate = func(t int64) map[string]float64 { return m.count(seen(t)-rng, seen(t)) }
		q.expr = fmt.Sprintf("increase(%s[%dms]%s)", changeseries.ChangesTotal, rng, modifier)
		if r.IntN(4) == 0 {
			counts := evaluate
			evaluate = func(t int64) map[string]float64 {
				scaled := counts(t)
				for k := range scaled {
					scaled[k] *= 1 / (float64(rng) / 1e3)
				}
				return scaled
			}
			q.expr = fmt.Sprintf("rate(%s[%dms]%s)", changeseries.ChangesTotal, rng, modifier)
		}
	}
	q.want = evaluate
	if r.IntN(3) == 0 {
		q.within(evaluate, 2*hour, []int64{minute, 7 * minute, 11*minute + 1}[r.IntN(3)])
	}
	return q
}

// within puts q into a subquery, of which it takes the greatest value.
func (q *inquiry) within(evaluate func(int64) map[string]float64, rng, step int64) {
	q.expr = fmt.Sprintf("max_over_time((%s)[%dms:%dms])", q.expr, rng, step)
	q.want = func(t int64) map[string]float64 {
		most := map[string]float64{}
		for ts := (t-rng)/step*step + step; ts <= t; ts += step {
			for k, v := range evaluate(ts) {
				most[k] = max(most[k], v)
			}
		}
		return most
	}
}

func TestAgainstModel(t *testing.T) {
	engine := newEngine(t)
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := model{spans: randomSpans(r, []int{0, 1, 5, 60}[seed%4]), now: now}
		m.flips = randomFlips(r, m.spans)
		// With a single step the log counts only for instant queries, and all
		// changes are read for the others.
		queryable := limited(newFlagLog(m.spans, m.flips), noSamples{}, changeseries.Options{MaxSteps: int(seed) % 2})
		for range 60 {
			randomInquiry(r, m).check(t, engine, queryable)
		}
	}
}
