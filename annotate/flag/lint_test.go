package flag

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLint(t *testing.T) {
	long := History{Settled: epoch.AddDate(0, 0, -60), Counted: epoch.AddDate(0, 0, -60), Evaluated: epoch}
	f := func(definition string, h History, want ...string) {
		t.Helper()
		var d Definition
		file, err := ParseFile([]byte("f:\n  variations: {on: true, off: false}\n  "+definition), YAML)
		require.NoError(t, err)
		d = file["f"]
		var codes []string
		for _, finding := range Lint(Flag{Key: "f", Environment: "prod", Definition: d}, h, epoch) {
			codes = append(codes, finding.Code)
			require.NotEmpty(t, finding.Message)
		}
		require.Equal(t, want, codes)
	}
	const owned = "\n  metadata: {owner: me}"
	f("defaultRule: {variation: on}", History{}, FindingUnowned)
	f("defaultRule: {variation: on}"+owned, History{})
	f("defaultRule: {variation: on}"+owned, long, FindingSettled)
	f("defaultRule: {variation: on}\n  metadata: {owner: me, permanent: true, expires: 2020-01-01}", long)
	f("defaultRule: {variation: on}\n  metadata: {owner: me, expires: 2026-03-03}", History{}, FindingExpired)
	f("defaultRule: {variation: on}\n  metadata: {owner: me, expires: 2026-03-04}", History{}) // to its end
	f("defaultRule: {percentage: {on: 50, off: 50}}"+owned, long)
	f("defaultRule: {variation: on}\n  targeting: [{query: a pr, variation: off}]"+owned, long)
	f("defaultRule: {variation: on}\n  scheduledRollout: [{date: 2027-01-01, disable: true}]"+owned, long)
	f("defaultRule: {variation: on}\n  disable: true"+owned, long, FindingOff)
	f("defaultRule: {percentage: {on: 5, off: 5}}"+owned, History{}, FindingWeights)
	long.Evaluated = time.Time{}
	f("defaultRule: {percentage: {on: 50, off: 50}}"+owned, long, FindingUnused)
	long.Evaluated = epoch.AddDate(0, 0, -40)
	f("defaultRule: {percentage: {on: 50, off: 50}}"+owned, long, FindingUnused)
}
