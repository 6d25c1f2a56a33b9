package hooks

import (
	"fmt"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
)

// meters count what became of a hook's deliveries.
type meters struct {
	recorded, known, ignored, kept, unverified, failed *metrics.Counter

	last *atomic.Int64 // Unix seconds; 0 for none yet
}

func newMeters(set *metrics.Set, name string) meters {
	counter := func(outcome string) *metrics.Counter {
		return set.GetOrCreateCounter(fmt.Sprintf("tidemark_hook_deliveries_total{hook=%q,outcome=%q}", name, outcome))
	}
	m := meters{
		recorded: counter("recorded"), known: counter("known"), ignored: counter("ignored"),
		kept: counter("kept"), unverified: counter("unverified"), failed: counter("failed"),
		last: &atomic.Int64{},
	}
	set.GetOrCreateGauge(fmt.Sprintf("tidemark_hook_last_delivery_timestamp_seconds{hook=%q}", name), func() float64 { return float64(m.last.Load()) })
	return m
}

// count counts what became of a delivery that was taken.
func (m meters) count(r Receipt) {
	switch {
	case r.Kept != 0:
		m.kept.Inc()
	case r.Nothing != "":
		m.ignored.Inc()
	default:
		for _, c := range r.Changes {
			if c.Created || c.Updated {
				m.recorded.Inc()
				return
			}
		}
		m.known.Inc()
	}
}

// outcomes are the counts by their names.
func (m meters) outcomes() map[string]uint64 {
	return map[string]uint64{
		"recorded": m.recorded.Get(), "known": m.known.Get(), "ignored": m.ignored.Get(),
		"kept": m.kept.Get(), "unverified": m.unverified.Get(), "failed": m.failed.Get(),
	}
}
