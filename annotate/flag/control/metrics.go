package control

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/tidemark/tidemark/annotate"
)

// The metrics of a Control.
const (
	// How many flags an environment has.
	metricFlags = "tidemark_flags"
	// What was done to flags, and what came of it: changed, unchanged (it was so
	// already), refused, or failed (the log could not keep it).
	metricActions = "tidemark_flag_control_actions_total"
	// How long what flags should do by themselves is overdue; 0 when it is not.
	metricLate = "tidemark_flag_scheduler_late_seconds"
	// How often the scheduler had to wait for the log to take a step.
	metricRetries = "tidemark_flag_scheduler_retries_total"
)

// controlMetrics are what a Control says of itself.
type controlMetrics struct {
	set     *metrics.Set
	control *Control
	covered map[string]bool // environments; belongs to whoever holds Control.writing
	retries *metrics.Counter
	due     atomic.Int64 // when the next step is, in Unix milliseconds; 0 for none
}

func newControlMetrics(set *metrics.Set, c *Control) *controlMetrics {
	m := &controlMetrics{set: set, control: c, covered: map[string]bool{}, retries: set.GetOrCreateCounter(metricRetries)}
	set.NewGauge(metricLate, func() float64 {
		due := m.due.Load()
		if due == 0 {
			return 0
		}
		return max(0, c.now().Sub(time.UnixMilli(due)).Seconds())
	})
	return m
}

// expect notes when the next step is due.
func (m *controlMetrics) expect(next time.Time) {
	if next.IsZero() {
		m.due.Store(0)
		return
	}
	m.due.Store(next.UnixMilli())
}

func flagsOf(environment string) string {
	return fmt.Sprintf("%s{environment=%q}", metricFlags, environment)
}

// cover has gauges for exactly the environments given.
func (m *controlMetrics) cover(live map[string]*environment) {
	for name := range m.covered {
		if live[name] == nil {
			m.set.UnregisterMetric(flagsOf(name))
			delete(m.covered, name)
		}
	}
	for name, e := range live {
		if !m.covered[name] {
			m.set.NewGauge(flagsOf(name), func() float64 { return float64(e.set.Load().Len()) })
			m.covered[name] = true
		}
	}
}

// count counts an action by what came of it.
func (m *controlMetrics) count(action string, w Written, err error) {
	outcome := "unchanged"
	switch annotate.CodeOf(err) {
	case annotate.Invalid, annotate.NotFound, annotate.Conflict, annotate.TooMany:
		outcome = "refused"
	case annotate.Unavailable:
		outcome = "failed"
	default:
		switch {
		case err != nil:
			outcome = "failed"
		case w.Changed:
			outcome = "changed"
		}
	}
	m.set.GetOrCreateCounter(fmt.Sprintf("%s{action=%q,outcome=%q}", metricActions, action, outcome)).Inc()
}

// close takes the gauges, which read the Control, out of the set.
func (m *controlMetrics) close() {
	m.cover(nil)
	m.set.UnregisterMetric(metricLate)
}
