package app

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// telemetry is what Tidemark says of itself: its own metrics in set, those of
// the Prometheus libraries in registry. Their names do not meet: the libraries'
// begin with prometheus_, net_conntrack_ or promhttp_.
type telemetry struct {
	set      *metrics.Set
	registry *prometheus.Registry
	logger   *slog.Logger

	reloadOK   *metrics.Gauge
	reloadTime *metrics.Gauge
}

func newTelemetry(version string, started time.Time, logger *slog.Logger) *telemetry {
	set := metrics.NewSet()
	set.NewGauge(fmt.Sprintf("tidemark_build_info{version=%q}", version), func() float64 { return 1 })
	set.NewGauge("tidemark_start_time_seconds", func() float64 { return float64(started.UnixMilli()) / 1e3 })
	return &telemetry{
		set:        set,
		registry:   prometheus.NewRegistry(),
		logger:     logger,
		reloadOK:   set.NewGauge("tidemark_config_last_reload_successful", nil),
		reloadTime: set.NewGauge("tidemark_config_last_reload_success_timestamp_seconds", nil),
	}
}

// reloaded notes how a reload at the time given went.
func (t *telemetry) reloaded(ok bool, at time.Time) {
	if !ok {
		t.reloadOK.Set(0)
		return
	}
	t.reloadOK.Set(1)
	t.reloadTime.Set(float64(at.UnixMilli()) / 1e3)
}

// lastReload is when the configuration in force was taken over.
func (t *telemetry) lastReload() time.Time {
	return time.UnixMilli(int64(t.reloadTime.Get() * 1e3)).UTC()
}

// counter returns the value of a counter of the libraries, or 0.
func (t *telemetry) counter(name string) int64 {
	families, _ := t.registry.Gather() // what could be gathered is there despite an error
	for _, family := range families {
		if family.GetName() == name && len(family.Metric) > 0 {
			return int64(family.Metric[0].GetCounter().GetValue())
		}
	}
	return 0
}

// write writes all metrics in Prometheus' text format 0.0.4.
func (t *telemetry) write(w io.Writer) {
	t.set.WritePrometheus(w)
	metrics.WriteProcessMetrics(w)
	families, err := t.registry.Gather()
	if err != nil {
		// What could be gathered is in families all the same.
		t.logger.Warn("gathering the libraries' metrics failed in part", "err", err)
	}
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(w, family); err != nil {
			return // the reader went away
		}
	}
}

// ServeHTTP implements http.Handler.
func (t *telemetry) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	t.write(w)
}
