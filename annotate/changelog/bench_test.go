package changelog_test

import (
	"context"
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
	list := func(q annotate.List) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				page, err := l.List(b.Context(), q)
				require.NoError(b, err)
				require.Len(b, page.Changes, q.Limit)
			}
		}
	}
	b.Run("page of 100 in the middle", list(annotate.List{Limit: 100, Filter: annotate.Filter{To: annotate.At(middle)}}))
	b.Run("page of 100 of one service", list(annotate.List{Limit: 100, Filter: annotate.Filter{To: annotate.At(middle), Services: []string{"service-3"}}}))
	b.Run("page of 10 in a day's window", list(annotate.List{Limit: 10, Filter: annotate.Filter{From: annotate.At(middle.Add(-24 * time.Hour)), To: annotate.At(middle)}}))
	b.Run("spans of a day of one service", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			err := l.Spans(b.Context(), annotate.SpanFilter{Services: []string{"service-3"}}, middle.Add(-24*time.Hour).UnixMilli(), middle.UnixMilli(), func(annotate.Span) error { return nil })
			require.NoError(b, err)
		}
	})
	b.Run("last overall", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := l.Last(b.Context(), annotate.Filter{}, false)
			require.NoError(b, err)
		}
	})
	b.Run("last per service", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := l.Last(b.Context(), annotate.Filter{}, true)
			require.NoError(b, err)
		}
	})
	b.Run("newest starts", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := l.NewestStarts(b.Context(), annotate.SpanFilter{}, now.UnixMilli())
			require.NoError(b, err)
		}
	})
	b.Run("newest versions", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := l.NewestVersions(b.Context(), annotate.SpanFilter{}, now.UnixMilli())
			require.NoError(b, err)
		}
	})
	b.Run("counts of all", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := l.Counts(b.Context(), annotate.SpanFilter{}, now.UnixMilli())
			require.NoError(b, err)
		}
	})
	counts := func(edges ...int64) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				err := l.CountsBetween(b.Context(), annotate.SpanFilter{}, edges, func(int, annotate.Group, int64) error { return nil })
				require.NoError(b, err)
			}
		}
	}
	b.Run("counts of 30 days", counts(now.Add(-30*24*time.Hour).UnixMilli(), now.UnixMilli()))
	var hours []int64
	for h := 720; h >= 0; h-- {
		hours = append(hours, now.Add(-time.Duration(h)*time.Hour).UnixMilli())
	}
	b.Run("counts of 30 days by the hour", counts(hours...))
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
}
