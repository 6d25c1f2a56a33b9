package publish

import (
	"fmt"
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
)

// meters count what a subscriber was told.
type meters struct {
	outcomes [3]*metrics.Counter
	last     atomic.Int64 // Unix seconds
}

func newMeters(set *metrics.Set, name string) *meters {
	m := &meters{}
	for o, word := range []string{"delivered", "refused", "failed"} {
		m.outcomes[o] = set.GetOrCreateCounter(fmt.Sprintf("tidemark_subscriber_deliveries_total{subscriber=%q,outcome=%q}", name, word))
	}
	set.GetOrCreateGauge(fmt.Sprintf("tidemark_subscriber_last_delivery_timestamp_seconds{subscriber=%q}", name), func() float64 { return float64(m.last.Load()) })
	return m
}

func (m *meters) count(o outcome) { m.outcomes[o].Inc() }
