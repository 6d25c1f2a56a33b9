//go:build e2e

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
)

// TestScrapeKeepsWhatAnAppExposes scrapes an instrumented app in each format
// that it can speak: native histograms by protobuf, exemplars by OpenMetrics.
func TestScrapeKeepsWhatAnAppExposes(t *testing.T) {
	registry := prometheus.NewRegistry()
	latency := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "request_seconds", Help: "How long requests took.", Buckets: []float64{0.1, 1}, NativeHistogramBucketFactor: 1.1,
	})
	requests := prometheus.NewCounter(prometheus.CounterOpts{Name: "requests_total", Help: "Requests."})
	registry.MustRegister(latency, requests)
	for range 10 {
		latency.Observe(0.25)
	}
	requests.(prometheus.ExemplarAdder).AddWithExemplar(1, prometheus.Labels{"trace_id": "abc"})
	var gone atomic.Bool
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if gone.Load() {
			http.NotFound(w, r)
			return
		}
		metrics.ServeHTTP(w, r)
	}))
	defer app.Close()

	dir := t.TempDir()
	config := writeFile(t, filepath.Join(dir, "tidemark.yml"), fmt.Sprintf(`
global: {scrape_interval: 1s}
host: {enabled: false}
scrape_configs:
  - job_name: native
    scrape_native_histograms: true
    scrape_protocols: [PrometheusProto]
    static_configs: [{targets: [%[1]q], labels: {service: web}}]
  - job_name: openmetrics
    scrape_protocols: [OpenMetricsText1.0.0]
    static_configs: [{targets: [%[1]q]}]
`, app.Listener.Addr().String()))
	s := serve(t, "--config.file="+config, "--storage.path="+filepath.Join(dir, "data"))

	s.waitValue(`histogram_count(request_seconds{job="native"})`, "10")
	s.waitValue(`request_seconds_bucket{job="openmetrics",le="1.0"}`, "10")
	require.Eventually(t, func() bool {
		// The exemplar of each format's scrape, and the trace that it names.
		now := time.Now()
		body := s.get(fmt.Sprintf("/api/v1/query_exemplars?query=requests_total&start=%d&end=%d", now.Add(-time.Hour).Unix(), now.Unix()+60))
		return containsAll(body, `"trace_id":"abc"`, `"job":"openmetrics"`, `"job":"native"`)
	}, patience, 100*time.Millisecond)
	require.Contains(t, s.get("/api/v1/metadata?metric=request_seconds"), "How long requests took.")

	t.Run("a series that is gone is stale at once", func(t *testing.T) {
		registry.Unregister(requests)
		require.Eventually(t, func() bool { return len(s.query(`requests_total`)) == 0 }, patience, 100*time.Millisecond)
	})
	t.Run("and so is a target", func(t *testing.T) {
		gone.Store(true)
		s.waitValue(`sum(up{job=~"native|openmetrics"})`, "0")
		require.Eventually(t, func() bool { return len(s.query(`{__name__=~"request_seconds.*"}`)) == 0 }, patience, 100*time.Millisecond)
	})
	t.Run("a join with the version it ran under", func(t *testing.T) {
		code, body := s.post("/api/v1/changes", `{"kind":"deploy","service":"web","version":"v7"}`)
		require.Equal(t, http.StatusCreated, code, body)
		result := s.query(`up{job="native"} * on (service) group_left (version) tidemark_version_info`)
		require.Len(t, result, 1)
		require.Equal(t, "v7", result[0].Metric["version"])
	})
}
