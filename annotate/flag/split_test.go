package flag

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestASplitEqualsTheLibraryForEachKey asks flags that only split by a key for many
// keys, most of them after the outcome is known.
func TestASplitEqualsTheLibraryForEachKey(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range rounds(t, 40) {
		variations, percentages, left := "", "", Buckets
		for i, n := 0, 2+random.IntN(5); i < n; i++ {
			share := left
			if i < n-1 {
				share = random.IntN(left/2 + 1)
			}
			left -= share
			variations += fmt.Sprintf("v%d: %d, ", i, i)
			percentages += fmt.Sprintf("v%d: %g, ", i, float64(share)/1000)
		}
		text := fmt.Sprintf("variations: {%s}\ndefaultRule: {percentage: {%s}}\n", variations, percentages)
		bucketing := ""
		if random.IntN(3) == 0 {
			bucketing = "company.id"
			text += "bucketingKey: " + bucketing + "\n"
		}
		definition := define(t, "f", text).Definition
		if ambiguousSum(definition) {
			continue
		}
		set := NewSet("test", []Flag{{Key: "f", Definition: definition}}, clock, nil)
		for range 300 {
			key := fmt.Sprint("user-", random.IntN(1_000_000))
			ctx := NewContext(key, map[string]any{"company": map[string]any{"id": "c" + key}, "company.id": "d" + key})
			got := set.Evaluate("f", ctx)
			value, details := askLibrary(t, definition, "f", ctx)
			require.Equal(t, details, got.Details(), "%s\n%s", text, key)
			if details.ErrorCode == "" {
				require.Equal(t, value, got.Value, "%s\n%s", text, key)
			}
		}
	}
}
