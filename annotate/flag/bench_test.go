package flag

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"
)

// manyFlags are 200 flags, of which the first ones are of one kind each.
func manyFlags(tb testing.TB) []Flag {
	allocated, err := define(tb, "allocation", "variations: {a: 1, b: 2, c: 3}\ndefaultRule: {percentage: {a: 50, b: 20, c: 30}}").
		Rollout(Rollout{Variation: "b", Percentage: 30}, epoch)
	require.NoError(tb, err)
	require.NotEmpty(tb, allocated.Flag.Allocation)
	flags := []Flag{
		define(tb, "static", onOff+"defaultRule: {variation: on}\nmetadata: {owner: me}"),
		define(tb, "targeted", onOff+"targeting: [{query: 'email ew \"@example.org\"', variation: on}, {query: 'plan eq \"pro\" and age ge 30', variation: on}]\ndefaultRule: {variation: off}"),
		define(tb, "jsonlogic", onOff+"targeting: [{query: '{\"and\": [{\"==\": [{\"var\": \"plan\"}, \"pro\"]}, {\">=\": [{\"var\": \"age\"}, 30]}]}', variation: on}]\ndefaultRule: {variation: off}"),
		define(tb, "percentage", onOff+"defaultRule: {percentage: {on: 30, off: 70}}\nmetadata: {owner: me}"),
		allocated.Flag,
		define(tb, "progressive", onOff+"defaultRule: {progressiveRollout: {initial: {variation: off, date: 2026-03-01}, end: {variation: on, date: 2026-04-01}}}"),
		define(tb, "scheduled", onOff+"defaultRule: {percentage: {on: 30, off: 70}}\nscheduledRollout: [{date: 2026-03-01, defaultRule: {percentage: {on: 40, off: 60}}}, {date: 2026-04-01, defaultRule: {percentage: {on: 50, off: 50}}}]"),
	}
	kinds := flags[:len(flags):len(flags)]
	for i := len(flags); i < 200; i++ {
		f := kinds[i%len(kinds)]
		f.Key = fmt.Sprintf("%s-%d", f.Key, i)
		flags = append(flags, f)
	}
	return flags
}

func benchContext(i int) *Context {
	return NewContext("u"+strconv.Itoa(i), map[string]any{"targetingKey": "u", "email": "someone@example.com", "plan": "pro", "age": 34.0, "country": "nl"})
}

// BenchmarkEvaluate evaluates one flag: for contexts that are there, for contexts
// that are made each time as for a request, and with the library alone.
func BenchmarkEvaluate(b *testing.B) {
	flags := manyFlags(b)
	contexts := make([]*Context, 256)
	for i := range contexts {
		contexts[i] = benchContext(i)
	}
	for _, kind := range []string{"static", "targeted", "jsonlogic", "percentage", "allocation", "progressive", "scheduled"} {
		b.Run(kind+"/known-context", func(b *testing.B) {
			set := NewSet("test", flags, time.Now, NewTally(metrics.NewSet()))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				set.Evaluate(kind, contexts[i&255])
			}
		})
		b.Run(kind+"/new-context", func(b *testing.B) {
			set := NewSet("test", flags, time.Now, NewTally(metrics.NewSet()))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				set.Evaluate(kind, benchContext(i))
			}
		})
		b.Run(kind+"/library", func(b *testing.B) {
			at, ok := NewSet("test", flags, clock, nil).Get(kind)
			require.True(b, ok)
			clone, err := Clone(at.Definition)
			require.NoError(b, err)
			f := internal(clone)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				askDirectly(f, kind, contexts[i&255])
			}
		})
	}
}

func BenchmarkEvaluate50(b *testing.B) {
	flags := manyFlags(b)
	var keys []string
	for i := range 50 {
		keys = append(keys, flags[i].Key)
	}
	set := NewSet("test", flags, time.Now, NewTally(metrics.NewSet()))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		set.EvaluateKeys(keys, benchContext(i))
	}
}

// BenchmarkEvaluateWhileFlipping evaluates while another goroutine puts a new set in place, one after the other.
func BenchmarkEvaluateWhileFlipping(b *testing.B) {
	flags := manyFlags(b)
	ctx := benchContext(1)
	for _, kind := range []string{"static", "percentage", "allocation"} {
		b.Run(kind, func(b *testing.B) {
			var current atomic.Pointer[Set]
			current.Store(NewSet("test", flags, time.Now, NewTally(metrics.NewSet())))
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				tick := time.NewTicker(100 * time.Millisecond)
				defer tick.Stop()
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					case <-tick.C:
						current.Store(current.Load().With(flags[i%len(flags)]))
					}
				}
			}()
			b.ReportAllocs()
			for b.Loop() {
				current.Load().Evaluate(kind, ctx)
			}
			close(stop)
			<-stopped
		})
	}
}

func BenchmarkWithAll(b *testing.B) {
	flags := manyFlags(b)
	set := NewSet("test", flags, time.Now, NewTally(metrics.NewSet()))
	b.ReportAllocs()
	for b.Loop() {
		set.WithAll(flags)
	}
}

func BenchmarkWith(b *testing.B) {
	flags := manyFlags(b)
	set := NewSet("test", flags, time.Now, NewTally(metrics.NewSet()))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		set.With(flags[i%len(flags)])
	}
}
