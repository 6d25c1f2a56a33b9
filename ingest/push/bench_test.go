package push_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/tidemark/tidemark/ingest/push"
)

// nowhere takes samples and forgets them, so that only the limits are measured.
type nowhere struct{}

func (n nowhere) AppenderV2(context.Context) storage.AppenderV2 { return n }

func (nowhere) Append(ref storage.SeriesRef, _ labels.Labels, _, _ int64, _ float64, _ *histogram.Histogram, _ *histogram.FloatHistogram, _ storage.AOptions) (storage.SeriesRef, error) {
	return ref, nil
}

func BenchmarkLimitAppend(b *testing.B) {
	limits := push.DefaultLimits()
	limits.MaxSamples = b.N + 1<<40
	var pairs []string
	for i := range 12 {
		pairs = append(pairs, "label_"+strconv.Itoa(i), "a value of ordinary length")
	}
	ls := labels.FromStrings(append(pairs, model.MetricNameLabel, "http_requests_total")...)
	app := push.Limit(nowhere{}, limits, metrics.NewSet()).AppenderV2(b.Context())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := app.Append(0, ls, 0, 1, 1, nil, nil, storage.AOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func (nowhere) Commit() error { return nil }

func (nowhere) Rollback() error { return nil }
