package control_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
)

// replay is what the log's lines come to: the newest value of each flag.
func replay(t testing.TB, lines []annotate.Change) map[string]string {
	t.Helper()
	values := map[string]string{}
	for _, c := range lines {
		if c.Flag == nil || c.Flag.To == nil && c.Flag.From == nil {
			continue
		}
		require.Equal(t, values[c.Flag.Key], text(c.Flag.From), "%s: each line goes on where the one before ended: %+v", c.Flag.Key, c)
		if values[c.Flag.Key] = text(c.Flag.To); values[c.Flag.Key] == "" {
			delete(values, c.Flag.Key)
		}
	}
	return values
}

// text is a value of a line as JSON; empty for none.
func text(v any) string {
	if v == nil {
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// current are the values of the flags that are evaluated.
func (w *world) current() map[string]string {
	set, ok := w.Set(production)
	require.True(w.t, ok)
	values := map[string]string{}
	for _, f := range set.Flags() {
		values[f.Key] = text(f.Shares(f.Updated.Time).LogValue())
	}
	return values
}

// requireAgreement holds what is evaluated against the log, and the log against
// the revisions.
func (w *world) requireAgreement() {
	w.t.Helper()
	require.Equal(w.t, w.current(), replay(w.t, w.inOrder()))
	told := map[string]bool{}
	for _, c := range w.lines() {
		told[c.ID] = true
	}
	set, _ := w.Set(production)
	for _, f := range set.Flags() {
		history, err := w.History(context.Background(), id(f.Key), 0, annotate.MaxPage)
		require.NoError(w.t, err)
		require.Equal(w.t, f.Revision, history[0].Flag.Revision)
		for i, r := range history {
			require.Equal(w.t, f.Revision-int64(i), r.Flag.Revision)
			require.True(w.t, told[r.Flag.Change], "revision %d of %s has no line", r.Flag.Revision, f.Key)
		}
	}
}

// TestTheControlsAgreeWithAModel lets several writers do what they like to a few
// flags, some with an outdated revision, and judges what was acknowledged.
func TestTheControlsAgreeWithAModel(t *testing.T) {
	w := open(t, control.Options{Settings: control.Settings{Environments: []string{production}, MaxFlags: 4}})
	keys := []string{"a", "b", "c", "d", "e"}
	var mu sync.Mutex
	acknowledged := map[string]int64{} // revisions
	changed := 0
	for round := range 4 {
		var writers sync.WaitGroup
		for writer := range 4 {
			random := rand.New(rand.NewPCG(uint64(round), uint64(writer)))
			writers.Go(func() {
				for range 60 {
					r := by(fmt.Sprint("writer-", writer), keys[random.IntN(len(keys))], "")
					was, err := w.Get(r.ID)
					if err == nil && random.IntN(2) == 0 {
						r.Revision = was.Revision - int64(random.IntN(2)*random.IntN(2))
					}
					if random.IntN(8) == 0 {
						r.Absent = true
					}
					written, err := w.Write(context.Background(), r, randomCommand(t, random, was))
					if err != nil {
						require.Contains(t, []annotate.Code{annotate.Conflict, annotate.NotFound, annotate.TooMany}, code(err), "%v", err)
						continue
					}
					mu.Lock()
					if written.Changed {
						changed++
						acknowledged[r.Key] = max(acknowledged[r.Key], written.Flag.Revision)
						require.False(t, r.Revision != 0 && written.Flag.Revision != r.Revision+1, "somebody was overwritten")
						require.False(t, r.Absent && !written.Created)
					}
					mu.Unlock()
				}
			})
		}
		writers.Wait()
		require.LessOrEqual(t, len(w.current()), 4)
		w.requireAgreement()
		before := w.current()
		w = w.reopen()
		require.Equal(t, before, w.current(), "a restart changes nothing")
	}
	require.Equal(t, changed, len(w.inOrder()), "a line for each change, and no other")
	var revisions int64
	for key := range acknowledged {
		history, err := w.History(t.Context(), id(key), 0, 1)
		require.NoError(t, err)
		require.Equal(t, acknowledged[key], history[0].Flag.Revision)
		revisions += acknowledged[key]
	}
	require.EqualValues(t, changed, revisions)
	require.Greater(t, changed, 200)
}

func randomCommand(t *testing.T, random *rand.Rand, was flag.Flag) control.Command {
	three := `{"variations":{"on":true,"off":false,"also":true},"defaultRule":{"percentage":{"on":%d,"off":%d,"also":0}},"metadata":{"owner":"%d"}}`
	share := 10 * random.IntN(11)
	switch random.IntN(8) {
	case 0:
		return control.Delete()
	case 1, 2:
		return control.Put(definition(t, fmt.Sprintf(three, share, 100-share, random.IntN(2))))
	case 3:
		return control.Restore(max(1, was.Revision-1))
	case 4:
		return flip([]string{"off", "also"}[random.IntN(2)])
	case 5:
		return kill()
	default:
		return control.Do(flag.Action{Rollout: &flag.Rollout{Variation: "on", Percentage: float64(share), Rest: "off"}})
	}
}
