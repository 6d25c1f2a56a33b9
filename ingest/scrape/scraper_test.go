package scrape_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/ingest/scrape"
	"github.com/tidemark/tidemark/ingest/store"
)

const jobs = `
global: {scrape_interval: 100ms, scrape_timeout: 100ms}
scrape_configs:
  - job_name: self
    static_configs: [{targets: [self.internal], labels: {instance: here}}]
  - job_name: app
    static_configs: [{targets: [%q]}]
    metric_relabel_configs:
      - {source_labels: [__name__], regex: dropped, action: drop}
`

func load(t *testing.T, yaml string) *config.Config {
	t.Helper()
	cfg, err := config.Load(yaml, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return cfg
}

func expose(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprint(w, text)
	})
}

func TestScrapesThisProcessAndTheNetwork(t *testing.T) {
	target := httptest.NewServer(expose("app_up 7\ndropped 1\n"))
	defer target.Close()
	cfg := load(t, fmt.Sprintf(jobs, target.Listener.Addr().String()))
	logger := slog.New(slog.DiscardHandler)
	registry := prometheus.NewRegistry()
	samples, err := store.Open(store.Options{Dir: t.TempDir(), Config: cfg, Logger: logger, Registerer: registry})
	require.NoError(t, err)
	defer samples.Close()
	scraper, err := scrape.New(scrape.Options{
		Appendable: samples,
		InProcess:  map[string]http.Handler{"self.internal": expose("self_up 3\n")},
		Logger:     logger,
		Registerer: registry,
	})
	require.NoError(t, err)
	require.NoError(t, scraper.Apply(cfg))
	scraper.Start()

	require.Eventually(t, func() bool {
		return newest(t, samples, "self_up") == 3 && newest(t, samples, "app_up") == 7
	}, 20*time.Second, 20*time.Millisecond)
	require.Zero(t, newest(t, samples, "dropped"))

	// A reload that drops the job ends its series with a stale marker.
	require.NoError(t, scraper.Apply(load(t, "global: {scrape_interval: 100ms, scrape_timeout: 100ms}")))
	require.Eventually(t, func() bool { return len(scraper.TargetsActive()) == 0 }, 20*time.Second, 20*time.Millisecond)
	require.NoError(t, scraper.Stop())
}

func TestStopWithoutStart(t *testing.T) {
	scraper, err := scrape.New(scrape.Options{Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Appendable: &store.Store{}})
	require.NoError(t, err)
	require.NoError(t, scraper.Stop())
}

// newest returns the newest value of the metric called name, or 0.
func newest(t *testing.T, s *store.Store, name string) (value float64) {
	t.Helper()
	q, err := s.Querier(0, time.Now().UnixMilli())
	require.NoError(t, err)
	defer q.Close()
	set := q.Select(context.Background(), false, nil, labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, name))
	for set.Next() {
		it := set.At().Iterator(nil)
		for it.Next() != chunkenc.ValNone {
			_, value = it.At()
		}
	}
	require.NoError(t, set.Err())
	return value
}
