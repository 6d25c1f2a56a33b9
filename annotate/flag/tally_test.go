package flag

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"
)

func written(set *metrics.Set) string {
	var out bytes.Buffer
	set.WritePrometheus(&out)
	return strings.TrimSpace(out.String())
}

func TestEvaluationsAreCounted(t *testing.T) {
	counters := metrics.NewSet()
	tally := NewTally(counters)
	f := define(t, "f", onOff+"defaultRule: {percentage: {on: 100, off: 0}}")
	f.Environment = "prod"
	set := NewSet("prod", []Flag{f}, clock, tally)
	require.Empty(t, written(counters), "counters are made when they are needed")
	require.True(t, tally.LastEvaluated("prod", "f").IsZero())
	set.Evaluate("f", NewContext("u1", nil))
	set.Evaluate("f", nil)
	set.Evaluate("unknown", NewContext("u1", nil))
	set.Evaluate("unknown too", NewContext("u1", nil))
	set = set.With(f) // counts on
	set.EvaluateAll(NewContext("u1", nil))
	killed, err := f.Kill(epoch)
	require.NoError(t, err)
	set.With(killed.Flag).EvaluateKeys([]string{"f"}, NewContext("u2", nil))
	require.Equal(t, epoch, tally.LastEvaluated("prod", "f"))
	const labels = `feature_flag_evaluations_total{environment="prod",`
	require.Equal(t, strings.Join([]string{
		labels + `feature_flag_key="",feature_flag_result_variant="",feature_flag_result_reason="error",error_type="flag_not_found"} 2`,
		labels + `feature_flag_key="f",feature_flag_result_variant="",feature_flag_result_reason="disabled"} 1`,
		labels + `feature_flag_key="f",feature_flag_result_variant="",feature_flag_result_reason="error",error_type="targeting_key_missing"} 1`,
		labels + `feature_flag_key="f",feature_flag_result_variant="on",feature_flag_result_reason="static"} 2`,
	}, "\n"), written(counters))

	tally.Forget("prod", "f")
	set.Evaluate("f", NewContext("u1", nil)) // by somebody who still has the old set
	set.With(f)
	require.NotContains(t, written(counters), `key="f"`)
	require.True(t, tally.LastEvaluated("prod", "f").IsZero())
}

func TestCountersAreBounded(t *testing.T) {
	counters := metrics.NewSet()
	of := NewTally(counters).of("prod", "f")
	for i := range MaxTallied + 50 {
		of.count(&outcome{variant: strings.Repeat("v", i+1), reason: ReasonStatic}, 1)
	}
	require.Contains(t, written(counters), `variant="",feature_flag_result_reason="static"} 50`)
}

func TestLabelsAreEscaped(t *testing.T) {
	counters := metrics.NewSet()
	NewTally(counters).of("a\"b\\c\nd", "k").count(&outcome{variant: `"`, reason: ReasonStatic}, 1)
	require.Equal(t, `feature_flag_evaluations_total{environment="a\"b\\c\nd",feature_flag_key="k",feature_flag_result_variant="\"",feature_flag_result_reason="static"} 1`, written(counters))
}

// TestEvaluationWhileFlagsChange is for the race detector: library and sets share what they read.
func TestEvaluationWhileFlagsChange(t *testing.T) {
	d := newDice(t, 29)
	tally := NewTally(metrics.NewSet())
	var flags []Flag
	for i := range 20 {
		flags = append(flags, Flag{Key: string(rune('a' + i)), Definition: d.definition()})
	}
	set := NewSet("test", flags, clock, tally)
	contexts := []*Context{NewContext("u1", d.attributes()), NewContext("u2", d.attributes()), NewContext("", nil)}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for _, ctx := range contexts {
				for range 10 {
					set.EvaluateAll(ctx)
				}
			}
		})
	}
	next := set
	for i, f := range flags {
		f.Definition.Disable = pointer(i%2 == 0)
		next = next.With(f)
		next.EvaluateAll(contexts[i%3])
	}
	next = next.Without("a", epoch.Add(time.Hour))
	readers.Wait()
	require.Equal(t, 20, set.Len())
	require.Equal(t, 19, next.Len())
	require.Equal(t, epoch.Add(time.Hour), next.Modified)
}
