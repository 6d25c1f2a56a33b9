package changeseries_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"

	"github.com/tidemark/tidemark/annotate"
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
