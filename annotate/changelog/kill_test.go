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
	rounds := killRounds(t)
	path := filepath.Join(t.TempDir(), "changes.db")
	kept := map[string]bool{}
	for round := range rounds {
		for _, id := range killedAfter(t, "TestKilledWriter", path, round, 1+rand.IntN(300)) {
			kept[id] = true
		}
		l, err := changelog.Open(t.Context(), path, changelog.Options{})
		require.NoError(t, err)
		requireKept(t, l, kept)
		require.NoError(t, l.Close())
	}
	t.Logf("%d changes acknowledged over %d kills", len(kept), rounds)
}

func killRounds(t *testing.T) int {
	rounds := 4
	if s := os.Getenv(killRoundsVariable); s != "" {
		var err error
		rounds, err = strconv.Atoi(s)
		require.NoError(t, err)
	}
	return rounds
}

// TestKilledTransactions is no test but the process that TestKillKeepsDocuments
// kills: it keeps documents, each revision with a change, and prints what was
// acknowledged.
func TestKilledTransactions(t *testing.T) {
	path := os.Getenv(killPathVariable)
	if path == "" {
		t.Skip("runs as a child of TestKillKeepsDocuments only")
	}
	l, err := changelog.Open(t.Context(), path, changelog.Options{})
	require.NoError(t, err)
	there, err := l.Documents(t.Context(), "flag")
	require.NoError(t, err)
	after := map[string]int64{}
	for _, d := range there {
		after[d.Key] = d.Revision
	}
	var writers sync.WaitGroup
	for w := range 4 {
		key := fmt.Sprint(w)
		revision := after[key]
		writers.Go(func() {
			for {
				d, err := put(l, "child", key, revision, fmt.Sprint(revision+1))
				if err != nil {
					panic(err)
				}
				revision = d.Revision
				fmt.Println("kept", key, revision)
			}
		})
	}
	writers.Wait()
}

// TestKillKeepsDocuments kills a process that keeps documents, and looks whether
// what it acknowledged is there, and each revision with the change that tells of it.
func TestKillKeepsDocuments(t *testing.T) {
	path := filepath.Join(t.TempDir(), "changes.db")
	kept := map[string]int64{}
	acknowledged := 0
	for round := range killRounds(t) {
		lines := killedAfter(t, "TestKilledTransactions", path, round, 1+rand.IntN(300))
		for _, line := range lines {
			var key string
			var revision int64
			_, err := fmt.Sscan(line, &key, &revision)
			require.NoError(t, err)
			kept[key] = max(kept[key], revision)
		}
		acknowledged += len(lines)
		l, err := changelog.Open(t.Context(), path, changelog.Options{})
		require.NoError(t, err)
		requireDocuments(t, l, kept)
		require.NoError(t, l.Close())
	}
	t.Logf("%d revisions acknowledged over %d kills", acknowledged, killRounds(t))
}

// requireDocuments checks that each key has at least the revision given, and as
// many changes as revisions, each at its own.
func requireDocuments(t *testing.T, l *changelog.Log, kept map[string]int64) {
	var revisions int64
	there := map[string]bool{}
	for _, d := range documents(t, l) {
		there[d.Key] = true
	}
	for key := range kept {
		require.True(t, there[key], "%s was acknowledged, and is lost", key)
	}
	for key := range there {
		list, err := l.DocumentRevisions(t.Context(), "flag", key, 0, annotate.MaxPage)
		require.NoError(t, err)
		require.GreaterOrEqual(t, list[0].Revision, kept[key], "a revision was acknowledged, and is lost")
		for i, d := range list {
			require.Equal(t, list[0].Revision-int64(i), d.Revision)
			require.Equal(t, fmt.Sprint(d.Revision), string(d.Body))
			told, err := l.Get(t.Context(), d.Change)
			require.NoError(t, err)
			require.Equal(t, key+" "+string(d.Body), told.Title)
		}
		revisions += list[0].Revision
	}
	var changes int64
	counts, err := l.Counts(t.Context(), annotate.SpanFilter{}, math.MaxInt64)
	require.NoError(t, err)
	for _, n := range counts {
		changes += n
	}
	require.Equal(t, revisions, changes)
}

// killedAfter runs the writer of that name, kills it after it has acknowledged so
// many writes, and returns all that it did acknowledge.
func killedAfter(t *testing.T, writer, path string, round, acknowledged int) (kept []string) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+writer+"$")
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
