package changelog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
)

// million is a log with a million changes over a year: twenty services in
// three environments, most changes minutes long, some for days.
func million(b *testing.B) *changelog.Log {
	const total, year = 1_000_000, 365 * 24 * time.Hour
	l := open(b, filepath.Join(b.TempDir(), "changes.db"), changelog.Options{})
	random := rand.New(rand.NewPCG(1, 2))
	now := time.Now()
	began := time.Now()
	reports := make([]annotate.Report, 0, 1000)
	for i := range total {
		start := now.Add(-year / total * time.Duration(total-i))
		end := start.Add(time.Duration(random.IntN(600)) * time.Second)
		if i%1000 == 0 {
			end = start.Add(time.Duration(random.IntN(72)) * time.Hour)
		}
		if end.After(now) {
			end = start
		}
		reports = append(reports, annotate.Report{
			Source: "bench", ExternalID: fmt.Sprint(i), Kind: []string{"deploy", "deploy", "flag", "config"}[random.IntN(4)],
			Start: annotate.At(start), End: annotate.At(end), Service: fmt.Sprintf("service-%d", random.IntN(20)),
			Environment: []string{"production", "staging", "test"}[random.IntN(3)], Version: fmt.Sprintf("v%d", i),
		})
		if len(reports) == cap(reports) {
			_, err := l.RecordBatch(context.Background(), "bench", reports)
			require.NoError(b, err)
			reports = reports[:0]
		}
	}
	b.Logf("inserting %d changes took %s, %.0f a second", total, time.Since(began).Round(time.Second), total/time.Since(began).Seconds())
	return l
}

func BenchmarkMillion(b *testing.B) {
	l := million(b)
	now := time.Now()
	middle := now.Add(-180 * 24 * time.Hour)
	run := func(name string, do func(ctx context.Context) error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, do(b.Context()))
			}
		})
	}
	list := func(name string, limit int, f annotate.Filter) {
		run(name, func(ctx context.Context) error {
			_, err := l.List(ctx, annotate.List{Filter: f, Limit: limit})
			return err
		})
	}
	to, dayBefore := annotate.At(middle), annotate.At(middle.Add(-24*time.Hour))
	list("page of 100 in the middle", 100, annotate.Filter{To: to})
	list("page of 100 of one service", 100, annotate.Filter{To: to, Services: []string{"service-3"}})
	list("page of 100 of a kind in an environment", 100, annotate.Filter{To: to, Kinds: []string{"flag"}, Environments: []string{"test"}})
	list("page of 10 in a day's window", 10, annotate.Filter{From: dayBefore, To: to})
	list("service that is not there", 100, annotate.Filter{Services: []string{"none"}})
	list("word that is not there", 100, annotate.Filter{Text: "xyzzy"})

	none := func(annotate.Span) error { return nil }
	spans := func(name string, f annotate.SpanFilter, last time.Duration) {
		run(name, func(ctx context.Context) error {
			return l.Spans(ctx, f, middle.Add(-last).UnixMilli(), middle.UnixMilli(), none)
		})
	}
	service := annotate.SpanFilter{Services: []string{"service-3"}}
	spans("spans of a day", annotate.SpanFilter{}, 24*time.Hour)
	spans("spans of a day of one service", service, 24*time.Hour)
	spans("spans of a minute", annotate.SpanFilter{}, time.Minute)
	run("versions of a day", func(ctx context.Context) error {
		return l.Versions(ctx, annotate.SpanFilter{}, dayBefore.UnixMilli(), to.UnixMilli(), none)
	})
	last := func(name string, f annotate.Filter, per annotate.Per) {
		run(name, func(ctx context.Context) error {
			_, err := l.Newest(ctx, f, per)
			return err
		})
	}
	last("last overall", annotate.Filter{}, annotate.PerNothing)
	last("last per service", annotate.Filter{}, annotate.PerService)
	run("newest starts", func(ctx context.Context) error {
		_, err := l.NewestStarts(ctx, annotate.SpanFilter{}, middle.UnixMilli())
		return err
	})
	run("newest versions", func(ctx context.Context) error {
		_, err := l.NewestVersions(ctx, annotate.SpanFilter{}, middle.UnixMilli())
		return err
	})

	run("counts up to now", func(ctx context.Context) error {
		_, err := l.Counts(ctx, annotate.SpanFilter{}, now.UnixMilli())
		return err
	})
	run("counts up to the middle", func(ctx context.Context) error {
		_, err := l.Counts(ctx, annotate.SpanFilter{}, middle.UnixMilli())
		return err
	})
	counts := func(name string, f annotate.SpanFilter, last, step time.Duration) {
		var edges []int64
		for at := now.Add(-last); !at.After(now); at = at.Add(step) {
			edges = append(edges, at.UnixMilli())
		}
		run(name, func(ctx context.Context) error {
			return l.CountsBetween(ctx, f, edges, func(int, annotate.Group, int64) error { return nil })
		})
	}
	const month = 30 * 24 * time.Hour
	counts("counts of 30 days", annotate.SpanFilter{}, month, month)
	counts("counts of 30 days of one service", service, month, month)
	counts("counts of 30 days by the hour", annotate.SpanFilter{}, month, time.Hour)

	enough := errors.New("enough")
	run("follow 100 in the middle", func(ctx context.Context) error {
		n := 0
		err := l.Follow(ctx, 500_000, annotate.Filter{}, func(annotate.Event) error {
			if n++; n == 100 {
				return enough
			}
			return nil
		})
		if errors.Is(err, enough) {
			return nil
		}
		return err
	})
}

func BenchmarkRecord(b *testing.B) {
	l := fresh(b)
	report := annotate.Report{Kind: "deploy", Service: "web", Version: "v1"}
	b.Run("one writer", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := l.Record(b.Context(), "bench", report)
			require.NoError(b, err)
		}
	})
	b.Run("64 writers", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, err := l.Record(context.Background(), "bench", report)
				require.NoError(b, err)
			}
		})
	})
	batch := make([]annotate.Report, 1000)
	for i := range batch {
		batch[i] = report
	}
	b.Run("batches of 1000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := l.RecordBatch(b.Context(), "bench", batch)
			require.NoError(b, err)
		}
	})
}

// million flips are a million changes of fifty flags in three environments.
func millionFlips(b *testing.B) *changelog.Log {
	const total = 1_000_000
	l := open(b, filepath.Join(b.TempDir(), "flags.db"), changelog.Options{})
	random := rand.New(rand.NewPCG(3, 4))
	now := time.Now()
	reports := make([]annotate.Report, 1000)
	for i := 0; i < total; i += len(reports) {
		for j := range reports {
			reports[j] = annotate.Report{
				Kind: "flag", Start: annotate.At(now.Add(-time.Duration(total-i-j) * 30 * time.Second)), Service: fmt.Sprintf("service-%d", random.IntN(5)),
				Environment: []string{"production", "staging", "test"}[random.IntN(3)],
				Flag:        &annotate.FlagChange{Key: fmt.Sprintf("flag-%d", random.IntN(50)), From: false, To: true},
			}
		}
		_, err := l.RecordBatch(context.Background(), "bench", reports)
		require.NoError(b, err)
	}
	return l
}

func BenchmarkNewestOfFlags(b *testing.B) {
	l := millionFlips(b)
	run := func(name string, f annotate.Filter) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				answer, err := l.Newest(b.Context(), f, annotate.PerFlag)
				require.NoError(b, err)
				b.ReportMetric(float64(len(answer.Changes)), "changes")
			}
		})
	}
	run("all of them", annotate.Filter{})
	run("of one service in production", annotate.Filter{Services: []string{"service-3"}, Environments: []string{"production"}})
	run("half a year ago", annotate.Filter{To: annotate.At(time.Now().Add(-180 * 24 * time.Hour))})
}
