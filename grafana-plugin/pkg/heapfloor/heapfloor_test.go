package heapfloor

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRaise(t *testing.T) {
	const floor = 64 << 20
	next := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.NextGC
	}
	before := next()
	require.Less(t, before, uint64(floor))
	release := Raise(floor)
	require.GreaterOrEqual(t, next(), uint64(2*floor))
	release()
	require.Less(t, next(), uint64(floor))
}
