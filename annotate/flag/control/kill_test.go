package control_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
)

const (
	// killPathVariable tells the process that TestKillLosesNoMove kills which log is its own.
	killPathVariable = "TIDEMARK_TEST_KILL_PATH"
	// killRoundsVariable says how often to kill; a few times by default.
	killRoundsVariable = "TIDEMARK_KILL_ROUNDS"
)

// inOrder returns the changes as they are now, in the order in which the log got
// their newest revisions.
func (w *world) inOrder() []annotate.Change {
	w.t.Helper()
	end, err := w.log.Record(context.Background(), "test", annotate.Report{Kind: "test"})
	require.NoError(w.t, err)
	var events []annotate.Change
	newest := map[string]int{}
	enough := fmt.Errorf("enough")
	err = w.log.Follow(context.Background(), 0, annotate.Filter{}, func(e annotate.Event) error {
		if e.Change.ID == end.Change.ID {
			return enough
		}
		newest[e.Change.ID] = e.Change.Revision
		events = append(events, e.Change)
		return nil
	})
	require.ErrorIs(w.t, err, enough)
	var changes []annotate.Change
	for _, c := range events {
		if c.Kind == annotate.KindFlag && c.Revision == newest[c.ID] {
			changes = append(changes, c)
		}
	}
	return changes
}

// TestKilledController is no test but the process that TestKillLosesNoMove kills:
// it flips, ramps and schedules, and prints what was acknowledged.
func TestKilledController(t *testing.T) {
	path := os.Getenv(killPathVariable)
	if path == "" {
		t.Skip("runs as a child of TestKillLosesNoMove only")
	}
	w := openAt(t, path, control.Options{})
	write := func(key string, cmd control.Command) control.Written {
		written, err := w.Write(context.Background(), by("child", key, ""), cmd)
		if err != nil {
			panic(err)
		}
		fmt.Println("kept", key, written.Flag.Revision)
		return written
	}
	var writers sync.WaitGroup
	for n := range 2 {
		key := fmt.Sprintf("flip-%d", n)
		writers.Go(func() {
			write(key, control.Put(definition(t, boolean)))
			for i := 0; ; i++ {
				write(key, rollout("on", float64(i%100)))
			}
		})
	}
	writers.Go(func() {
		write("ramp", control.Put(definition(t, boolean)))
		for {
			write("ramp", rampTo("on", 0, 100, flag.MaxRampSteps, 600*time.Millisecond))
			for w.ramps("ramp") {
				time.Sleep(5 * time.Millisecond)
			}
		}
	})
	writers.Go(func() {
		write("plan", control.Put(definition(t, boolean)))
		for i := 0; ; i++ {
			do := flag.Action{Rollout: &flag.Rollout{Variation: "on", Percentage: float64(i % 100)}}
			written, err := w.Write(context.Background(), by("child", "plan", ""), control.Schedule(annotate.At(time.Now().Add(10*time.Millisecond)), do))
			if code(err) == annotate.TooMany || code(err) == annotate.Invalid {
				continue // the schedule is full, or the time has come while it waited for its turn
			}
			if err != nil {
				panic(err)
			}
			fmt.Println("planned", written.Change.ExternalID)
		}
	})
	writers.Wait()
}

func (w *world) ramps(key string) bool {
	f, err := w.Get(id(key))
	return err == nil && f.Ramp != nil
}

// TestKillLosesNoMove kills a process that moves flags, at random moments, and
// looks whether what it acknowledged is there, whether what it had begun comes to its
// end once, and whether the log and the flags agree.
func TestKillLosesNoMove(t *testing.T) {
	rounds := 3
	if s := os.Getenv(killRoundsVariable); s != "" {
		var err error
		rounds, err = strconv.Atoi(s)
		require.NoError(t, err)
	}
	path := filepath.Join(t.TempDir(), "changes.db")
	revisions, planned, acknowledged := map[string]int64{}, map[string]bool{}, 0
	for range rounds {
		for _, line := range killedAfter(t, path, 20+rand.IntN(300)) {
			var key string
			var revision int64
			acknowledged++
			if name, ok := strings.CutPrefix(line, "planned "); ok {
				planned[name] = true
			} else if _, err := fmt.Sscanf(line, "kept %s %d", &key, &revision); err == nil {
				revisions[key] = max(revisions[key], revision)
			}
		}
		w := openAt(t, path, control.Options{})
		for key, revision := range revisions {
			f, err := w.Get(id(key))
			require.NoError(t, err, "%s was acknowledged, and is lost", key)
			require.GreaterOrEqual(t, f.Revision, revision, "revision %d of %s was acknowledged, and is lost", revision, key)
		}
		require.Eventually(t, func() bool {
			f, err := w.Get(id("plan"))
			return !w.ramps("ramp") && (err != nil || len(f.Schedule) == 0)
		}, 30*time.Second, time.Millisecond)
		w.requireAgreement()
		requireOnce(t, w.inOrder(), planned)
		w.close()
	}
	t.Logf("%d writes acknowledged, %d of them planned, over %d kills", acknowledged, len(planned), rounds)
}

// requireOnce checks that all that was planned was done, that no step of a ramp is
// there twice, and that each ramp came to its end.
func requireOnce(t *testing.T, changes []annotate.Change, planned map[string]bool) {
	t.Helper()
	seen, steps := map[string]bool{}, map[string]int{}
	for _, c := range changes {
		if c.ExternalID == "" {
			continue
		}
		require.False(t, seen[c.ExternalID], "%s is there twice", c.ExternalID)
		seen[c.ExternalID] = true
		require.Equal(t, annotate.Succeeded, c.Status, c.ExternalID)
		parts := strings.Split(strings.TrimPrefix(c.ExternalID, "flag/production/"), "/")
		if parts[0] == "ramp" {
			step, err := strconv.Atoi(parts[2])
			require.NoError(t, err)
			require.Greater(t, step, steps[parts[1]], "a step was taken twice, or too late")
			steps[parts[1]] = step
		}
	}
	for name := range planned {
		require.True(t, seen[name], "%s was acknowledged, and is lost", name)
	}
	for ramp, last := range steps {
		require.Equal(t, flag.MaxRampSteps, last, "the ramp %s stands still", ramp)
	}
}

// killedAfter runs TestKilledController, kills it after so many acknowledged
// writes, and returns all that it printed.
func killedAfter(t *testing.T, path string, acknowledged int) (lines []string) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledController$")
	cmd.Env = append(os.Environ(), killPathVariable+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	for reader := bufio.NewReader(out); ; {
		line, err := reader.ReadString('\n')
		if err != nil {
			break // a line without its end was not printed as a whole
		}
		if strings.HasPrefix(line, "kept ") || strings.HasPrefix(line, "planned ") {
			lines = append(lines, strings.TrimSpace(line))
		}
		if len(lines) == acknowledged {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.Error(t, cmd.Wait())
	require.GreaterOrEqual(t, len(lines), acknowledged, "it ended by itself")
	return lines
}
