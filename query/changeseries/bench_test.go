package changeseries_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
)

// history returns n changes of 20 services, evenly over the time until now.
func history(n int, over int64) []annotate.Span {
	r := rand.New(rand.NewPCG(1, 1))
	spans := make([]annotate.Span, n)
	for i := range spans {
		start := now - over + int64(i)*over/int64(n)
		spans[i] = annotate.Span{
			ID: fmt.Sprintf("%08d", i), Kind: []string{"deploy", "flag"}[r.IntN(2)], Service: fmt.Sprint("service-", r.IntN(20)),
			Environment: "production", Version: fmt.Sprint("v", i), Who: "ann", Status: annotate.Succeeded, Start: start, End: start + 3*minute,
		}
	}
	return spans
}

func run(b *testing.B, queryable storage.Queryable, expr string, over, step time.Duration) {
	b.Helper()
	engine := newEngine(b)
	end := time.UnixMilli(now)
	b.ReportAllocs()
	for b.Loop() {
		var query promql.Query
		var err error
		if step == 0 {
			query, err = engine.NewInstantQuery(context.Background(), queryable, nil, expr, end)
		} else {
			query, err = engine.NewRangeQuery(context.Background(), queryable, nil, expr, end.Add(-over), end, step)
		}
		if err != nil {
			b.Fatal(err)
		}
		if result := query.Exec(context.Background()); result.Err != nil {
			b.Fatal(result.Err)
		}
		query.Close()
	}
}

// BenchmarkNoChangeSelected is what the change series cost a query of samples.
func BenchmarkNoChangeSelected(b *testing.B) {
	store := samples(b)
	for name, queryable := range map[string]storage.Queryable{
		"samples=alone":  store,
		"samples=beside": beside(untouchable{}, store),
	} {
		b.Run(name, func(b *testing.B) {
			run(b, queryable, `sum by (service) (rate(up{service=~"web|api"}[5m]))`, 3*time.Hour, 15*time.Second)
		})
	}
}

func BenchmarkIncrease30d(b *testing.B) {
	queryable := beside(newMemLog(history(1_000_000, 365*day)), noSamples{})
	b.Run("query=instant", func(b *testing.B) {
		run(b, queryable, `sum(increase(tidemark_changes_total{kind="deploy"}[30d]))`, 0, 0)
	})
	b.Run("query=range", func(b *testing.B) {
		run(b, queryable, `sum(increase(tidemark_changes_total{kind="deploy"}[30d]))`, 30*24*time.Hour, time.Hour)
	})
}

func BenchmarkChangesOfAMonth(b *testing.B) {
	queryable := beside(newMemLog(history(5000, 30*day)), noSamples{})
	run(b, queryable, `tidemark_change`, 30*24*time.Hour, 5*time.Minute)
}

// BenchmarkMillionInTheLog asks the real log, with a million changes over a year
// in it, as PromQL.
func BenchmarkMillionInTheLog(b *testing.B) {
	log, err := changelog.Open(context.Background(), filepath.Join(b.TempDir(), "changes.db"), changelog.Options{
		Now: func() time.Time { return time.UnixMilli(now) },
	})
	require.NoError(b, err)
	defer log.Close()
	for batch := range slices.Chunk(history(1_000_000, 365*day), 1000) {
		reports := make([]annotate.Report, len(batch))
		for i, s := range batch {
			reports[i] = annotate.Report{
				Kind: s.Kind, Service: s.Service, Environment: s.Environment, Version: s.Version, Who: &annotate.Who{Name: s.Who},
				Start: annotate.At(time.UnixMilli(s.Start)), End: annotate.At(time.UnixMilli(min(s.End, now))),
			}
		}
		_, err := log.RecordBatch(context.Background(), "bench", reports)
		require.NoError(b, err)
	}
	queryable := beside(log, noSamples{})
	for name, expr := range map[string]string{
		"increase of 30 days":  `sum(increase(tidemark_changes_total{kind="deploy"}[30d]))`,
		"since the last":       `time() - tidemark_last_change_timestamp_seconds{kind="deploy"}`,
		"what runs":            `tidemark_version_info`,
		"changes of a service": `tidemark_change{service="service-3"}`,
	} {
		b.Run(name+"/query=instant", func(b *testing.B) { run(b, queryable, expr, 0, 0) })
	}
	b.Run("increase of 30 days/query=range", func(b *testing.B) {
		run(b, queryable, `sum(increase(tidemark_changes_total{kind="deploy"}[30d]))`, 30*24*time.Hour, time.Hour)
	})
	b.Run("since the last/query=range", func(b *testing.B) {
		run(b, queryable, `time() - tidemark_last_change_timestamp_seconds{kind="deploy"}`, 24*time.Hour, time.Minute)
	})
}
