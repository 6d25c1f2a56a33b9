package flag

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
)

// askLibrary evaluates with the library alone, on a copy: it writes into what it evaluates.
func askLibrary(t testing.TB, d Definition, key string, ctx *Context) (any, flag.ResolutionDetails) {
	clone, err := Clone(d)
	require.NoError(t, err)
	return internal(clone).Value(key, ctx.Library(), flag.Context{DefaultSdkValue: "default of the code"})
}

// TestEvaluationEqualsTheLibrary holds evaluation against the library's own, with
// all its details, for random definitions and contexts.
func TestEvaluationEqualsTheLibrary(t *testing.T) {
	d := newDice(t, 20260304)
	seen, ambiguous := map[string]int{}, 0
	for range rounds(t, 500) {
		definition := d.definition()
		set := NewSet("test", []Flag{{Key: "f", Definition: definition}}, clock, nil)
		for range 8 {
			key, attributes := d.key(), d.attributes()
			ctx := NewContext(key, attributes)
			got := set.Evaluate("f", ctx)
			value, details := askLibrary(t, definition, "f", ctx)
			if details.ErrorMessage == "impossible to find the variation" || got.Details().Variant != details.Variant && ambiguousSum(definition) {
				// The library adds percentages up in a random order.
				ambiguous++
				continue
			}
			body, _ := json.MarshalIndent(definition, "", " ")
			require.Equal(t, details, got.Details(), "%s\n%s %v", body, key, attributes)
			raw := got.Relay("default of the code")
			require.Equal(t, value, raw.Value, "%s\n%s %v", body, key, attributes)
			seen[details.Reason+" "+details.ErrorCode]++
			if details.ErrorCode != "" {
				require.Nil(t, got.Value)
				require.Equal(t, details.ErrorMessage, got.Err.Message)
			}
		}
	}
	t.Logf("%v; %d times the library's own answer depends on the order of a map", seen, ambiguous)
	for _, reason := range []string{"STATIC ", "DEFAULT ", "SPLIT ", "TARGETING_MATCH ", "TARGETING_MATCH_SPLIT ", "DISABLED ", "ERROR TARGETING_KEY_MISSING", "ERROR FLAG_CONFIG"} {
		require.Contains(t, seen, reason)
	}
}

// ambiguousSum reports whether some percentages of d come to different sums in different orders.
func ambiguousSum(d Definition) bool {
	ambiguous := false
	check := func(r *flag.Rule) {
		if r == nil || len(r.GetPercentages()) < 3 {
			return
		}
		sums := map[uint32]bool{}
		for range 64 {
			sum := 0.0
			for _, p := range r.GetPercentages() {
				sum += p
			}
			sums[uint32(sum*1000)] = true
		}
		ambiguous = ambiguous || len(sums) > 1
	}
	for _, date := range append(stepDates(d), epoch.AddDate(-1, 0, 0)) {
		f, _, err := resolve(d, nil, date)
		if err != nil {
			continue
		}
		check(f.DefaultRule)
		for i := range f.GetRules() {
			check(&f.GetRules()[i])
		}
	}
	return ambiguous
}

// askDirectly evaluates with the library, on the flag itself.
func askDirectly(f *flag.InternalFlag, key string, ctx *Context) (any, flag.ResolutionDetails) {
	return f.Value(key, ctx.Library(), flag.Context{})
}
