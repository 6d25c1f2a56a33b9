package flag

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/thomaspoignant/go-feature-flag/modules/core/utils"

	"github.com/tidemark/tidemark/annotate"
)

func TestSetSharesAndOrders(t *testing.T) {
	b := define(t, "b", onOff+"defaultRule: {variation: on}")
	b.Updated = annotate.At(epoch)
	a := define(t, "a", onOff+"defaultRule: {variation: off}")
	set := NewSet("test", []Flag{b}, clock, nil)
	more := set.With(a)
	require.Equal(t, []string{"b"}, set.Keys())
	require.Equal(t, []string{"a", "b"}, more.Keys())
	require.Same(t, set.flags["b"], more.flags["b"])
	require.Equal(t, epoch, more.Modified)
	got, ok := more.Get("a")
	require.True(t, ok)
	require.Equal(t, a, got)
	require.Equal(t, []Flag{a, b}, more.Flags())
	_, ok = more.Without("a", epoch).Get("a")
	require.False(t, ok)
	require.Same(t, more, more.Without("zzz", epoch))

	results := more.EvaluateAll(nil)
	require.Equal(t, "a off STATIC", results[0].Key+" "+results[0].Variant+" "+string(results[0].Reason))
	only := NewContext("u", map[string]any{"gofeatureflag": map[string]any{"flagList": []any{"b", "zzz"}}})
	results = more.EvaluateAll(only)
	require.Len(t, results, 2)
	require.Equal(t, "b", results[0].Key)
	require.Equal(t, CodeFlagNotFound, results[1].Err.Code)
}

func TestManyFlagsAtOnce(t *testing.T) {
	b := define(t, "b", onOff+"defaultRule: {variation: on}")
	c := define(t, "c", onOff+"defaultRule: {variation: off}")
	a := define(t, "a", onOff+"defaultRule: {variation: on}")
	a.Updated = annotate.At(epoch)
	set := NewSet("test", []Flag{b, c}, clock, nil)
	next := c
	next.Revision = 2
	more := set.WithAll([]Flag{next, a})
	require.Equal(t, []string{"b", "c"}, set.Keys())
	require.Equal(t, []Flag{a, b, next}, more.Flags())
	require.Same(t, set.flags["b"], more.flags["b"])
	require.Equal(t, epoch, more.Modified)
}

func TestAScheduledStepCountsFromItsDate(t *testing.T) {
	f := define(t, "f", onOff+"defaultRule: {variation: off}\nscheduledRollout: [{date: 2026-03-05, defaultRule: {variation: on}}, {date: 2026-03-06, disable: true}]")
	now := epoch
	set := NewSet("test", []Flag{f}, func() time.Time { return now }, nil)
	for _, want := range []string{"off STATIC", "on STATIC", " DISABLED"} {
		result := set.Evaluate("f", nil)
		require.Equal(t, want, result.Variant+" "+string(result.Reason))
		require.False(t, result.Details().Cacheable)
		now = now.Add(24 * time.Hour)
	}
}

func TestABrokenFlagHarmsNoOther(t *testing.T) {
	good := define(t, "good", onOff+"defaultRule: {variation: on}")
	wrong := any(func() {})
	broken := Flag{Key: "broken", Definition: Definition{Variations: &map[string]*any{"a": &wrong}}}
	set := NewSet("test", []Flag{broken, {Key: "empty"}, good}, clock, nil)
	require.Equal(t, CodeGeneral, set.Evaluate("broken", nil).Err.Code)
	require.Equal(t, CodeGeneral, set.Evaluate("empty", nil).Err.Code)
	require.Equal(t, true, set.Evaluate("good", nil).Value)
}

func TestContexts(t *testing.T) {
	f := func(body string, key string, attributes map[string]any) {
		t.Helper()
		var decoded map[string]any
		require.NoError(t, json.Unmarshal([]byte(body), &decoded))
		ctx, err := ContextFromOFREP(decoded)
		require.NoError(t, err)
		require.Equal(t, key, ctx.TargetingKey())
		require.Equal(t, attributes, ctx.library.GetCustom())
	}
	f(`{"targetingKey": "u", "age": 30, "score": 1.5}`, "u", map[string]any{"targetingKey": "u", "age": 30, "score": 1.5})
	f(`{}`, "", map[string]any{})
	f(`null`, "", map[string]any{})
	_, err := ContextFromOFREP(map[string]any{"targetingKey": 5.0})
	var wrong *EvaluationError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, CodeInvalidContext, wrong.Code)

	relay := func(body, key string, anonymous bool) {
		t.Helper()
		var r RelayRequest
		require.NoError(t, json.Unmarshal([]byte(body), &r))
		ctx, err := r.Context()
		require.NoError(t, err)
		require.Equal(t, key, ctx.Library().GetKey())
		require.Equal(t, anonymous, ctx.Library().IsAnonymous())
	}
	relay(`{"evaluationContext": {"key": "u", "custom": {"anonymous": true}}}`, "u", true)
	relay(`{"user": {"key": "u", "anonymous": true}}`, "u", true)
	relay(`{"user": {"key": "u"}, "defaultValue": 1}`, "u", false)
	_, err = RelayRequest{}.Context()
	require.Error(t, err)
}

func TestNobodyAltersACallersContext(t *testing.T) {
	attributes := map[string]any{"age": 30.0, "tags": []any{1.0}, "company": map[string]any{"size": 3.0}}
	before, err := json.Marshal(attributes)
	require.NoError(t, err)
	d := newDice(t, 31)
	ctx := NewContext("u", attributes)
	for range 50 {
		NewSet("", []Flag{{Key: "f", Definition: d.definition()}}, clock, nil).EvaluateAll(ctx)
	}
	after, err := json.Marshal(attributes)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
}

func TestAnAllocationDecidesTheDefaultRuleAlone(t *testing.T) {
	f := define(t, "f", `
variations: {a: 1, b: 2, c: 3}
targeting: [{query: plan eq "pro", percentage: {a: 50, b: 50}}]
defaultRule: {percentage: {a: 10, b: 20, c: 70}}
scheduledRollout: [{date: 2026-03-05, defaultRule: {percentage: {a: 20, c: 60}}}]
`)
	plain := NewSet("test", []Flag{f}, clock, nil)
	f.Allocation = Allocation{{"a", 0, 10_000}, {"b", 10_000, 30_000}, {"c", 30_000, Buckets}}
	now := epoch
	set := NewSet("test", []Flag{f}, func() time.Time { return now }, nil)
	for _, key := range []string{"u1", "u2", "u3", "u4", "u5"} {
		now = epoch
		first := set.Evaluate("f", NewContext(key, nil))
		require.Equal(t, f.Allocation.Owner(int(utils.BuildHash("f", key, Buckets))), first.Variant)
		require.Equal(t, ReasonSplit, first.Reason)
		pro := NewContext(key, map[string]any{"plan": "pro"})
		require.Equal(t, plain.Evaluate("f", pro).Variant, set.Evaluate("f", pro).Variant)
		now = epoch.AddDate(0, 0, 2) // the step gives a tenth of all from c to a, and moves nobody else
		if first.Variant != "c" {
			require.Equal(t, first.Variant, set.Evaluate("f", NewContext(key, nil)).Variant)
		}
	}
}
