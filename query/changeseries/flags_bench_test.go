package changeseries_test

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

// BenchmarkMillionFlips asks a log with a million changes of fifty flags in
// fifteen places, over a year: each flag is ramped up and down in steps of 5 %.
func BenchmarkMillionFlips(b *testing.B) {
	log, err := changelog.Open(context.Background(), filepath.Join(b.TempDir(), "changes.db"), changelog.Options{
		Now: func() time.Time { return time.UnixMilli(now) },
	})
	require.NoError(b, err)
	defer log.Close()
	const total = 1_000_000
	random := rand.New(rand.NewPCG(3, 4))
	reports := make([]annotate.Report, 1000)
	for i := 0; i < total; i += len(reports) {
		for j := range reports {
			n := i + j
			percent := func(n int) any { return map[string]int{"on": n % 21 * 5, "off": 100 - n%21*5} }
			reports[j] = annotate.Report{
				Kind: "flag", Start: annotate.At(time.UnixMilli(now - 365*day/total*int64(total-n))), Service: fmt.Sprintf("service-%d", random.IntN(5)),
				Environment: []string{"production", "staging", "test"}[random.IntN(3)],
				Flag:        &annotate.FlagChange{Key: fmt.Sprintf("flag-%d", random.IntN(50)), From: percent(n - 1), To: percent(n)},
			}
		}
		_, err := log.RecordBatch(context.Background(), "bench", reports)
		require.NoError(b, err)
	}
	queryable := beside(log, noSamples{})
	one := `tidemark_flag_state{flag="flag-7", service="service-3", environment="production"}`
	for _, q := range []struct {
		name, expr string
		over, step time.Duration
	}{
		{"one now", one, 0, 0},
		{"all now", `tidemark_flag_state`, 0, 0},
		{"all half a year ago", `tidemark_flag_state offset 180d`, 0, 0},
		{"one over 30 days by the hour", one, 30 * 24 * time.Hour, time.Hour},
		{"all over a day by the minute", `sum by (flag, variation) (tidemark_flag_state{environment="production"})`, 24 * time.Hour, time.Minute},
		{"one flag over the year by the day", `tidemark_flag_state{flag="flag-7"}`, 364 * 24 * time.Hour, 24 * time.Hour},
		{"all over 30 days by the hour", `sum by (variation) (tidemark_flag_state)`, 30 * 24 * time.Hour, time.Hour},
	} {
		b.Run(q.name, func(b *testing.B) { run(b, queryable, q.expr, q.over, q.step) })
	}
	for _, label := range []string{"environment", "flag", "variation"} {
		b.Run("values of "+label+" in a week", func(b *testing.B) {
			for b.Loop() {
				q, err := queryable.Querier(now-7*day, now)
				require.NoError(b, err)
				_, _, err = q.LabelValues(context.Background(), label, nil)
				require.NoError(b, err)
			}
		})
	}
}
