package host

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// source is one of node_exporter's collectors.
type source interface {
	// Update sends what it finds to ch, and returns when it has sent all of it.
	Update(ch chan<- prometheus.Metric) error
}

// runner runs one collector, apart from the others: what it hangs on, panics of
// or floods with is its own loss.
type runner struct {
	name      string
	collector source
	logger    *slog.Logger
	running   atomic.Bool

	mu   sync.Mutex
	last string // the failure that was logged last, empty for none
}

// broken stands for a collector that this host cannot run.
type broken struct{ err error }

// Update implements source.
func (b broken) Update(chan<- prometheus.Metric) error { return b.err }

// result is what came of one run.
type result struct {
	metrics []prometheus.Metric
	took    time.Duration
	err     error
}

// start runs the collector, and returns where its result will arrive. When its
// last run still goes on it starts none: a collector that hangs on a dead
// network mount holds one goroutine, however often it is asked.
func (r *runner) start() <-chan result {
	done := make(chan result, 1)
	if !r.running.CompareAndSwap(false, true) {
		done <- result{err: errStillRunning}
		return done
	}
	go func() {
		res := r.run()
		r.running.Store(false) // before the result is known: the next scrape may follow at once
		done <- res
	}()
	return done
}

var errStillRunning = errors.New("its last run has not ended")

func (r *runner) run() (res result) {
	began := time.Now()
	metrics := make(chan prometheus.Metric, 64)
	failed := make(chan error, 1)
	go func() {
		defer close(metrics)
		defer func() {
			if p := recover(); p != nil {
				failed <- fmt.Errorf("it panicked: %v", p)
			}
		}()
		failed <- r.collector.Update(metrics)
	}()
	for m := range metrics {
		res.metrics = append(res.metrics, m)
	}
	res.err = <-failed
	res.took = time.Since(began)
	return res
}

// note logs a failure when it is another than the one before: a host keeps its
// quirks, and nobody reads the same line every fifteen seconds. That there is
// nothing to collect, as on a host without RAID, is no failure worth a line.
func (r *runner) note(err error) {
	failure := ""
	if err != nil && !isNoData(err) {
		failure = err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if failure == r.last {
		return
	}
	if failure == "" {
		r.logger.Info("host collector works again", "collector", r.name)
	} else {
		r.logger.Warn("host collector failed", "collector", r.name, "err", err)
	}
	r.last = failure
}
