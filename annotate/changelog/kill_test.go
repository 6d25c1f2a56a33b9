package changelog_test

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
)

// In these variables TestKillLosesNothing tells the process that it kills which
// log to write to and how to name its changes.
const (
	killPathVariable  = "TIDEMARK_TEST_KILL_PATH"
	killRoundVariable = "TIDEMARK_TEST_KILL_ROUND"
	// killRoundsVariable says how often to kill; a few times by default.
	killRoundsVariable = "TIDEMARK_KILL_ROUNDS"
)

// TestKilledWriter is no test but the process that TestKillLosesNothing kills:
// it records changes from several goroutines, each of them twice, and prints
// the external id of what was acknowledged.
func TestKilledWriter(t *testing.T) {
	path, round := os.Getenv(killPathVariable), os.Getenv(killRoundVariable)
	if path == "" {
		t.Skip("runs as a child of TestKillLosesNothing only")
	}
	l, err := changelog.Open(t.Context(), path, changelog.Options{})
	require.NoError(t, err)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s-%d-%d", round, w, i)
				for range 2 {
					_, err := l.Record(context.Background(), "child", annotate.Report{
						Source: "kill", ExternalID: id, Kind: "deploy", Service: fmt.Sprint(w), Labels: map[string]string{"round": round},
					})
					if err != nil {
						panic(err)
					}
				}
				fmt.Println("kept", id)
			}
		})
	}
	writers.Wait()
}

// TestKillLosesNothing kills a process that writes, at random moments, and looks
// whether what it acknowledged is there, and once.
func TestKillLosesNothing(t *testing.T) {
	rounds := 4
	if s := os.Getenv(killRoundsVariable); s != "" {
		var err error
		rounds, err = strconv.Atoi(s)
		require.NoError(t, err)
	}
	path := filepath.Join(t.TempDir(), "changes.db")
	kept := map[string]bool{}
	for round := range rounds {
		for _, id := range killedAfter(t, path, round, 1+rand.IntN(300)) {
			kept[id] = true
		}
		l, err := changelog.Open(t.Context(), path, changelog.Options{})
		require.NoError(t, err)
		requireKept(t, l, kept)
		require.NoError(t, l.Close())
	}
	t.Logf("%d changes acknowledged over %d kills", len(kept), rounds)
}

// killedAfter runs the writer, kills it after it has acknowledged so many
// changes, and returns all that it did acknowledge.
func killedAfter(t *testing.T, path string, round, acknowledged int) (kept []string) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledWriter$")
	cmd.Env = append(os.Environ(), killPathVariable+"="+path, fmt.Sprintf("%s=%d", killRoundVariable, round))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // a line without its end was not printed as a whole
		}
		if id, ok := strings.CutPrefix(line, "kept "); ok {
			kept = append(kept, strings.TrimSpace(id))
		}
		if len(kept) == acknowledged {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.Error(t, cmd.Wait())
	require.GreaterOrEqual(t, len(kept), acknowledged, "the writer ended by itself")
	return kept
}

// requireKept looks for each of the external ids in l, and whether l agrees
// with itself.
func requireKept(t *testing.T, l *changelog.Log, kept map[string]bool) {
	seen := map[string]bool{}
	for cursor := ""; ; {
		page, err := l.List(t.Context(), annotate.List{Limit: annotate.MaxPage, Cursor: cursor})
		require.NoError(t, err)
		for _, c := range page.Changes {
			require.False(t, seen[c.ExternalID], "%s is there twice", c.ExternalID)
			seen[c.ExternalID] = true
			require.Equal(t, 1, c.Revision)
		}
		if page.Next == nil {
			break
		}
		cursor = *page.Next
	}
	for id := range kept {
		require.True(t, seen[id], "%s was acknowledged, and is lost", id)
	}
	var counted int64
	counts, err := l.Counts(t.Context(), annotate.SpanFilter{}, math.MaxInt64)
	require.NoError(t, err)
	for _, n := range counts {
		counted += n
	}
	require.EqualValues(t, len(seen), counted)
	events := 0
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = l.Follow(ctx, 0, annotate.Filter{}, func(annotate.Event) error {
		if events++; events == len(seen) {
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, len(seen), events)
}
