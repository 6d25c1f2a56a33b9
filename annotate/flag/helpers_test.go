package flag

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// epoch is the time of tests that need one.
var epoch = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return epoch }

// rounds returns how often a property is tried: ROUNDS, or n.
func rounds(t testing.TB, n int) int {
	if said := os.Getenv("ROUNDS"); said != "" {
		times, err := strconv.Atoi(said)
		require.NoError(t, err)
		return times * n
	}
	return n
}

// define returns a flag with a definition in YAML.
func define(t testing.TB, key, text string) Flag {
	t.Helper()
	d, err := ParseDefinition(key, []byte(text), YAML)
	require.NoError(t, err)
	return Flag{Key: key, Environment: "test", Definition: d}
}

// answers returns the variant of each of n people.
func answers(f Flag, n int, at time.Time) []string {
	set := NewSet(f.Environment, []Flag{f}, func() time.Time { return at }, nil)
	variants := make([]string, n)
	for i := range variants {
		variants[i] = set.Evaluate(f.Key, NewContext("u"+strconv.Itoa(i), nil)).Variant
	}
	return variants
}
