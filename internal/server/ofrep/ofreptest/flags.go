package ofreptest

import (
	_ "embed"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

//go:embed flags.json
var definitions []byte

// Definitions are flags of every type and of every way to answer, in the format
// of GO Feature Flag.
func Definitions(t testing.TB) map[string]flag.Definition {
	t.Helper()
	var all map[string]flag.Definition
	require.NoError(t, json.Unmarshal(definitions, &all))
	return all
}

// Flags are the same as flags of an environment, changed at the time at.
func Flags(t testing.TB, environment string, at time.Time) []flag.Flag {
	t.Helper()
	all := Definitions(t)
	flags := make([]flag.Flag, 0, len(all))
	for _, key := range slices.Sorted(maps.Keys(all)) {
		flags = append(flags, flag.Flag{Key: key, Environment: environment, Definition: all[key], Revision: 1, Updated: annotate.At(at)})
	}
	return flags
}
