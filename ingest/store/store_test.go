package store_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/ingest/store"
)

func open(t *testing.T, dir, yaml string) *store.Store {
	t.Helper()
	cfg, err := config.Load(yaml, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	s, err := store.Open(store.Options{
		Dir: dir, Config: cfg,
		Retention:  store.Retention{Time: 15 * 24 * time.Hour},
		Logger:     slog.New(slog.DiscardHandler),
		Registerer: prometheus.NewRegistry(),
	})
	require.NoError(t, err)
	return s
}

const outOfOrder = "storage: {tsdb: {out_of_order_time_window: 30m}}"

func add(t *testing.T, s *store.Store, l labels.Labels, at time.Time, value float64) error {
	t.Helper()
	app := s.AppenderV2(context.Background())
	if _, err := app.Append(0, l, 0, at.UnixMilli(), value, nil, nil, storage.AOptions{}); err != nil {
		require.NoError(t, app.Rollback())
		return err
	}
	return app.Commit()
}

func read(t *testing.T, s *store.Store, l labels.Labels) (times []int64) {
	t.Helper()
	q, err := s.Querier(0, time.Now().Add(time.Hour).UnixMilli())
	require.NoError(t, err)
	defer q.Close()
	set := q.Select(context.Background(), true, nil, labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, l.Get(model.MetricNameLabel)))
	for set.Next() {
		it := set.At().Iterator(nil)
		for v := it.Next(); v != chunkenc.ValNone; v = it.Next() {
			times = append(times, it.AtT())
		}
		require.NoError(t, it.Err())
	}
	require.NoError(t, set.Err())
	return times
}

func TestSamplesOutOfOrderAreKeptWithinTheWindow(t *testing.T) {
	s := open(t, t.TempDir(), outOfOrder)
	defer s.Close()
	l, now := labels.FromStrings(model.MetricNameLabel, "m"), time.Now()

	require.NoError(t, add(t, s, l, now, 1))
	require.NoError(t, add(t, s, l, now.Add(-20*time.Minute), 2))
	require.ErrorIs(t, add(t, s, l, now.Add(-2*time.Hour), 3), storage.ErrTooOldSample)
	require.Equal(t, []int64{now.Add(-20 * time.Minute).UnixMilli(), now.UnixMilli()}, read(t, s, l))
}

func TestReopenedStoreHasWhatWasCommitted(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, outOfOrder)
	l, now := labels.FromStrings(model.MetricNameLabel, "m"), time.Now()
	require.NoError(t, add(t, s, l, now, 1))
	require.NoError(t, s.Close())

	s = open(t, dir, outOfOrder)
	defer s.Close()
	require.Equal(t, []int64{now.UnixMilli()}, read(t, s, l))
}

func TestStoreIsLockedAgainstASecondOne(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, outOfOrder)
	defer s.Close()
	cfg := config.DefaultConfig
	_, err := store.Open(store.Options{Dir: dir, Config: &cfg, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	require.ErrorContains(t, err, "lock")
}

func TestExemplarsAndNativeHistograms(t *testing.T) {
	s := open(t, t.TempDir(), outOfOrder)
	defer s.Close()
	now := time.Now().UnixMilli()
	l := labels.FromStrings(model.MetricNameLabel, "request_seconds")

	app := s.AppenderV2(t.Context())
	_, err := app.Append(0, l, 0, now, 0, tsdbutil.GenerateTestHistogram(3), nil, storage.AOptions{
		Exemplars: []exemplar.Exemplar{{Labels: labels.FromStrings("trace_id", "abc"), Value: 1, Ts: now, HasTs: true}},
	})
	require.NoError(t, err)
	require.NoError(t, app.Commit())

	q, err := s.ExemplarQuerier(t.Context())
	require.NoError(t, err)
	found, err := q.Select(now-1000, now+1000, []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, "request_seconds")})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "abc", found[0].Exemplars[0].Labels.Get("trace_id"))

	querier, err := s.Querier(now, now)
	require.NoError(t, err)
	defer querier.Close()
	set := querier.Select(t.Context(), false, nil, labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, "request_seconds"))
	require.True(t, set.Next())
	it := set.At().Iterator(nil)
	require.Equal(t, chunkenc.ValHistogram, it.Next())
	_, h := it.AtHistogram(&histogram.Histogram{})
	require.Equal(t, tsdbutil.GenerateTestHistogram(3).Count, h.Count)
}

func TestSnapshotHoldsTheHead(t *testing.T) {
	s := open(t, t.TempDir(), outOfOrder)
	defer s.Close()
	require.NoError(t, add(t, s, labels.FromStrings(model.MetricNameLabel, "m"), time.Now(), 1))
	dir := filepath.Join(t.TempDir(), "snapshot")
	require.NoError(t, s.Snapshot(dir, true))
	blocks, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, blocks, 1)
}

func TestRetention(t *testing.T) {
	tests := map[string]struct {
		yaml string
		want store.Retention
	}{
		"the flags' where the file says nothing":     {outOfOrder, store.Retention{Time: 15 * 24 * time.Hour}},
		"the file's time":                            {"storage: {tsdb: {retention: {time: 2d}}}", store.Retention{Time: 48 * time.Hour}},
		"the file's size, and then no bound of time": {"storage: {tsdb: {retention: {size: 1GB}}}", store.Retention{Size: 1 << 30}},
		"the file's share of the disk":               {"storage: {tsdb: {retention: {percentage: 80}}}", store.Retention{Percentage: 80}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir(), tc.yaml)
			defer s.Close()
			cfg, err := config.Load(tc.yaml, slog.New(slog.DiscardHandler))
			require.NoError(t, err)
			require.NoError(t, s.Apply(cfg))
			require.Equal(t, tc.want, s.Retention(cfg))
		})
	}
}
