package flag

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// MaxTallied is how many counters one flag may have. Past it evaluations are
// counted with an empty variant, so that renaming variations over and over
// cannot fill the memory.
const MaxTallied = 1000

// Tally counts evaluations by flag, variation and reason, and knows when each
// flag was last asked for. It outlives the sets that count with it. A nil Tally
// counts nothing.
//
// The labels of feature_flag_evaluations_total are OpenTelemetry's attributes.
// https://opentelemetry.io/docs/specs/semconv/feature-flags/feature-flags-events/
type Tally struct {
	set *metrics.Set

	mu    sync.Mutex
	flags map[[2]string]*flagTally // by environment and key
}

// NewTally returns a Tally that counts in set.
func NewTally(set *metrics.Set) *Tally {
	return &Tally{set: set, flags: make(map[[2]string]*flagTally)}
}

// LastEvaluated returns when the flag was last asked for, to the second; the
// zero time for one that was not since the start.
func (t *Tally) LastEvaluated(environment, key string) time.Time {
	if t == nil {
		return time.Time{}
	}
	t.mu.Lock()
	of := t.flags[[2]string{environment, key}]
	t.mu.Unlock()
	if of == nil || of.last.Load() == 0 {
		return time.Time{}
	}
	return time.Unix(of.last.Load(), 0).UTC()
}

// Forget takes away the counters of a flag that was deleted. Evaluations that
// are still under way in an older set are not counted.
func (t *Tally) Forget(environment, key string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	id := [2]string{environment, key}
	of := t.flags[id]
	if of == nil {
		return
	}
	delete(t.flags, id)
	of.forgotten = true
	for name := range of.counters {
		t.set.UnregisterMetric(name)
	}
}

// of returns the tally of one flag.
func (t *Tally) of(environment, key string) *flagTally {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	id := [2]string{environment, key}
	of := t.flags[id]
	if of == nil {
		of = &flagTally{tally: t, environment: environment, key: key, counters: make(map[string]*metrics.Counter)}
		t.flags[id] = of
	}
	return of
}

// flagTally counts the evaluations of one flag.
type flagTally struct {
	tally            *Tally
	environment, key string
	last             atomic.Int64 // Unix seconds

	// counters are by their full name; they and forgotten are under the tally's lock.
	counters  map[string]*metrics.Counter
	forgotten bool
}

// count counts one evaluation that had the outcome o at a time in Unix seconds.
func (f *flagTally) count(o *outcome, second int64) {
	if f == nil {
		return
	}
	if f.last.Load() < second {
		f.last.Store(second)
	}
	counter := o.counter.Load()
	if counter == nil {
		counter = f.counter(o)
		o.counter.Store(counter)
	}
	counter.Inc()
}

// counter finds the counter of an outcome, or makes it.
func (f *flagTally) counter(o *outcome) *metrics.Counter {
	f.tally.mu.Lock()
	defer f.tally.mu.Unlock()
	if f.forgotten {
		return new(metrics.Counter)
	}
	name := counterName(f.environment, f.key, o.variant, o)
	if f.counters[name] == nil && len(f.counters) >= MaxTallied {
		name = counterName(f.environment, f.key, "", o)
	}
	counter := f.counters[name]
	if counter == nil {
		counter = f.tally.set.GetOrCreateCounter(name)
		f.counters[name] = counter
	}
	return counter
}

func counterName(environment, key, variant string, o *outcome) string {
	var labels strings.Builder
	add := func(name, value string) {
		if labels.Len() > 0 {
			labels.WriteByte(',')
		}
		fmt.Fprintf(&labels, `%s="%s"`, name, labelEscaper.Replace(value))
	}
	add("environment", environment)
	add("feature_flag_key", key)
	add("feature_flag_result_variant", variant)
	add("feature_flag_result_reason", strings.ToLower(string(o.reason)))
	if o.err != nil {
		add("error_type", strings.ToLower(o.err.Code))
	}
	return "feature_flag_evaluations_total{" + labels.String() + "}"
}

// labelEscaper escapes a label's value in the text format of Prometheus.
var labelEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
