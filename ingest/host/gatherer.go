package host

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The account that node_exporter gives of each collector, under its own names.
const (
	durationName = "node_scrape_collector_duration_seconds"
	successName  = "node_scrape_collector_success"
)

// gatherer runs the collectors of one configuration at once, and reports those
// that are done in time. It implements prometheus.Collector.
type gatherer struct {
	runners           []*runner
	timeout           time.Duration
	duration, success *prometheus.Desc

	// collecting lets one scrape pass at a time: two at once would each find the
	// other's collectors running, and take them for ones that hang.
	collecting sync.Mutex
}

func newGatherer(runners []*runner, timeout time.Duration) *gatherer {
	label := []string{"collector"}
	return &gatherer{
		runners:  runners,
		timeout:  timeout,
		duration: prometheus.NewDesc(durationName, "node_exporter: Duration of a collector scrape.", label, nil),
		success:  prometheus.NewDesc(successName, "node_exporter: Whether a collector succeeded.", label, nil),
	}
}

// Describe implements prometheus.Collector. What the collectors report is not
// known beforehand.
func (g *gatherer) Describe(ch chan<- *prometheus.Desc) {
	ch <- g.duration
	ch <- g.success
}

var errTooSlow = errors.New("it did not end in time; the other collectors are not held up by it")

// Collect implements prometheus.Collector.
func (g *gatherer) Collect(ch chan<- prometheus.Metric) {
	g.collecting.Lock()
	defer g.collecting.Unlock()
	pending := make([]<-chan result, len(g.runners))
	for i, r := range g.runners {
		pending[i] = r.start()
	}
	ctx, cancel := context.WithTimeout(context.Background(), g.timeout)
	defer cancel()
	for i, r := range g.runners {
		res := result{err: errTooSlow, took: g.timeout}
		select {
		case res = <-pending[i]:
		case <-ctx.Done():
			select {
			case res = <-pending[i]:
			default:
			}
		}
		g.report(ch, r, res)
	}
}

func (g *gatherer) report(ch chan<- prometheus.Metric, r *runner, res result) {
	r.note(res.err)
	for _, m := range res.metrics {
		ch <- m
	}
	success := 1.0
	if res.err != nil {
		success = 0
	}
	ch <- prometheus.MustNewConstMetric(g.duration, prometheus.GaugeValue, res.took.Seconds(), r.name)
	ch <- prometheus.MustNewConstMetric(g.success, prometheus.GaugeValue, success, r.name)
}
