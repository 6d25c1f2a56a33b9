package control_test

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
)

// byID sorts changes as the log got them: their ids are made in order.
func byID(changes []annotate.Change) []annotate.Change {
	slices.SortFunc(changes, func(a, b annotate.Change) int { return cmp.Compare(a.ID, b.ID) })
	return changes
}

func TestEachMoveIsALine(t *testing.T) {
	w := open(t, control.Options{})
	f := func(r control.Request, cmd control.Command, title, from, to string) control.Written {
		t.Helper()
		written := w.write(r, cmd)
		line := w.last()
		require.JSONEq(t, asJSON(t, line), asJSON(t, written.Change))
		require.Equal(t, written.Flag.Change, line.ID)
		require.Equal(t, title, line.Title)
		require.Equal(t, from, asJSON(t, line.Flag.From))
		require.Equal(t, to, asJSON(t, line.Flag.To))
		require.Equal(t, []string{"flag", "tidemark", production, "shop", "new"},
			[]string{line.Kind, line.Source, line.Environment, line.Service, line.Flag.Key})
		require.Equal(t, r.Reason, line.Text)
		require.Equal(t, r.By, line.Who.Name)
		require.Equal(t, annotate.Succeeded, line.Status)
		return written
	}
	created := f(by("ann", "new", "first"), control.Put(definition(t, boolean)), "new created", `null`, `"off"`)
	require.True(t, created.Created)
	require.EqualValues(t, 1, created.Flag.Revision)
	require.Equal(t, false, w.value("new", "u"))

	f(by("bob", "new", "go"), flip("on"), "", `"off"`, `"on"`)
	require.Equal(t, true, w.value("new", "u"))
	f(by("bob", "new", ""), rollout("on", 20), "", `"on"`, `{"off":80,"on":20}`)
	f(by("bob", "new", "fire"), kill(), "", `{"off":80,"on":20}`, `"SdkDefault"`)
	require.Nil(t, w.value("new", "u"))
	f(by("bob", "new", "out"), flip("on"), "", `"SdkDefault"`, `{"off":80,"on":20}`)
	f(by("cem", "new", ""), control.Patch([]byte(`{"metadata":{"owner":"cem"}}`)), "definition of new changed", `{"off":80,"on":20}`, `{"off":80,"on":20}`)
	deleted := f(by("cem", "new", "done"), control.Delete(), "new deleted", `{"off":80,"on":20}`, `null`)
	require.True(t, deleted.Deleted)
	require.Equal(t, "FLAG_NOT_FOUND", w.value("new", "u"))
	_, err := w.Get(id("new"))
	require.Equal(t, annotate.NotFound, code(err))

	restored := f(by("ann", "new", "not yet"), control.Restore(1), "new restored", `null`, `"off"`)
	require.Equal(t, deleted.Change.ID, restored.Change.Undoes)
	require.EqualValues(t, 8, restored.Flag.Revision)
	flipped := f(by("ann", "new", ""), flip("on"), "", `"off"`, `"on"`)
	undone := f(by("ann", "new", ""), control.Restore(8), "", `"on"`, `"off"`)
	require.Equal(t, flipped.Change.ID, undone.Change.Undoes)

	again := w.reopen()
	require.Equal(t, false, again.value("new", "u"))
	got, err := again.Get(id("new"))
	require.NoError(t, err)
	require.Equal(t, undone.Flag, got, "a restart changes nothing")
	history, err := again.History(t.Context(), id("new"), 0, 100)
	require.NoError(t, err)
	require.Len(t, history, 10)
	require.Equal(t, undone.Flag, history[0].Flag)
	require.True(t, history[3].Deleted)
	require.Equal(t, deleted.Change.ID, history[3].Flag.Change)
	_, err = again.History(t.Context(), id("never"), 0, 100)
	require.Equal(t, annotate.NotFound, code(err))
}

func TestWhatChangesNothingLeavesNothing(t *testing.T) {
	w := open(t, control.Options{})
	w.put("new", boolean)
	f := func(cmd control.Command) {
		t.Helper()
		written := w.write(by("bob", "new", "again"), cmd)
		require.False(t, written.Changed)
		require.Nil(t, written.Change)
		require.EqualValues(t, 1, written.Flag.Revision)
		require.Len(t, w.lines(), 1)
	}
	f(flip("off"))
	f(rollout("off", 100))
	f(control.Put(definition(t, boolean)))
	f(control.Patch([]byte(`{}`)))
	f(control.Restore(1))
}

func TestConditionsSayWhoCameBetween(t *testing.T) {
	w := open(t, control.Options{})
	f := func(r control.Request, c control.Condition, cmd control.Command, want annotate.Code, says ...string) {
		t.Helper()
		r.Condition = c
		_, err := w.Write(t.Context(), r, cmd)
		require.Equal(t, want, code(err), "%v", err)
		for _, s := range says {
			require.ErrorContains(t, err, s)
		}
	}
	today := time.Now().UTC().Format(time.DateOnly)
	f(by("ann", "new", ""), control.Condition{Revision: 3}, flip("on"), annotate.NotFound)
	f(by("ann", "new", ""), control.Condition{}, flip("on"), annotate.NotFound, "new in production")
	w.put("new", boolean)
	f(by("bob", "new", ""), control.Condition{Absent: true}, control.Put(definition(t, boolean)), annotate.Conflict, "ann", today)
	w.write(by("cem", "new", ""), flip("on"))
	f(by("bob", "new", ""), control.Condition{Revision: 1}, flip("off"), annotate.Conflict, "changed by cem", today, "revision 2, not 1")
	r := by("bob", "new", "")
	r.Revision = 2
	w.write(r, control.Delete())
	f(by("ann", "new", ""), control.Condition{Revision: 2}, flip("on"), annotate.Conflict, "deleted by bob", today)
	r = by("ann", "elsewhere", "")
	r.Environment = "test"
	f(r, control.Condition{}, flip("on"), annotate.NotFound, `no environment "test"`, "production, staging")
}

func TestRefusalsNameWhatIsWrong(t *testing.T) {
	w := open(t, control.Options{Settings: control.Settings{Environments: []string{production, "staging"}, RequireReason: []string{production}, MaxFlags: 2}})
	f := func(r control.Request, cmd control.Command, want annotate.Code, field, says string) {
		t.Helper()
		before := w.lines()
		_, err := w.Write(t.Context(), r, cmd)
		require.Equal(t, want, code(err), "%v", err)
		require.ErrorContains(t, err, says)
		if field != "" {
			require.True(t, strings.HasPrefix(err.Error(), field), err.Error())
		}
		require.Equal(t, before, w.lines())
	}
	f(by("ann", "a", " "), control.Put(definition(t, boolean)), annotate.Invalid, "reason", "in production each change")
	f(by("ann", "a", strings.Repeat("x", control.MaxReason+1)), control.Put(definition(t, boolean)), annotate.Invalid, "reason", "at most 8192")
	f(by("ann", "a", "r"), control.Put(flag.Definition{}), annotate.Invalid, "", "variations")
	for _, key := range []string{"a", "b"} {
		w.write(by("ann", key, "r"), control.Put(definition(t, boolean)))
	}
	f(by("ann", "c", "r"), control.Put(definition(t, boolean)), annotate.TooMany, "", "flags.max_flags")
	f(by("ann", "a", "r"), flip("blue"), annotate.Invalid, "to", "blue")
	f(by("ann", "a", "r"), control.Patch([]byte(`{"targets":[]}`)), annotate.Invalid, "targets", "")
	f(by("ann", "a", "r"), control.Patch([]byte(`[]`)), annotate.Invalid, "", "JSON object")
	f(by("ann", "a", "r"), control.Restore(7), annotate.NotFound, "revision", "the newest is 1")
	f(by("ann", "a", "r"), control.StopRamp(), annotate.Conflict, "", "none under way")
	r := by("ann", "c", "")
	r.Environment = "staging"
	w.write(r, control.Put(definition(t, boolean)))
}

func TestPatchIsRFC7396(t *testing.T) {
	w := open(t, control.Options{})
	w.put("new", `{"variations":{"a":1,"b":2},"targeting":[{"query":"x eq 1","variation":"a"}],"defaultRule":{"percentage":{"a":50,"b":50}},"metadata":{"owner":"ann","service":"shop"}}`)
	w.write(by("bob", "new", ""), control.Patch([]byte(`{"targeting":null,"defaultRule":{"percentage":null,"variation":"b"},"metadata":{"owner":null,"description":"d"},"variations":{"c":3}}`)))
	got, err := w.Get(id("new"))
	require.NoError(t, err)
	require.JSONEq(t, `{"variations":{"a":1,"b":2,"c":3},"defaultRule":{"variation":"b"},"metadata":{"service":"shop","description":"d"}}`, asJSON(t, got.Definition))
}

func TestAFailingLogLeavesTheSetAsItWas(t *testing.T) {
	b := &broken{}
	w := open(t, control.Options{Log: b})
	w.put("new", boolean)
	before, _ := w.Set(production)
	b.fails.Store(true)
	_, err := w.Write(t.Context(), by("ann", "new", ""), flip("on"))
	require.Equal(t, annotate.Unavailable, code(err))
	require.ErrorIs(t, err, errBroken)
	after, _ := w.Set(production)
	require.Same(t, before, after)
	require.Equal(t, false, w.value("new", "u"))
	b.fails.Store(false)
	w.write(by("ann", "new", ""), flip("on"))
	require.Equal(t, true, w.value("new", "u"))
}

// forgetful is a log that keeps, and says that it did not.
type forgetful struct {
	broken
	forgets bool
}

func (f *forgetful) Transact(ctx context.Context, do func(context.Context, annotate.Tx) error) error {
	err := f.broken.Transact(ctx, do)
	if err == nil && f.forgets {
		return &annotate.Error{Code: annotate.Unavailable, Message: "who knows"}
	}
	return err
}

func TestWhatTheLogKeptAfterAllIsFoundAgain(t *testing.T) {
	w := open(t, control.Options{})
	w.put("new", boolean)
	require.NoError(t, w.Close())
	f := &forgetful{broken: broken{Log: w.log}, forgets: true}
	c, err := control.Open(t.Context(), control.Options{Log: f, Settings: w.opts.Settings})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	_, err = c.Write(t.Context(), by("ann", "new", ""), flip("on"))
	require.Equal(t, annotate.Unavailable, code(err))
	f.forgets = false
	written, err := c.Write(t.Context(), by("ann", "new", ""), rollout("on", 30))
	require.NoError(t, err)
	require.EqualValues(t, 3, written.Flag.Revision)
	require.Equal(t, "on", written.Change.Flag.From)
}

func TestPreviewDoesNothing(t *testing.T) {
	w := open(t, control.Options{})
	w.put("new", boolean)
	contexts := []map[string]any{{"targetingKey": "u1"}, {"targetingKey": "u2"}, {"targetingKey": "u3"}}
	f := func(cmd control.Command) control.Preview {
		t.Helper()
		p, err := w.Preview(t.Context(), by("ann", "new", ""), cmd, contexts)
		require.NoError(t, err)
		require.Len(t, w.lines(), 1)
		require.Equal(t, false, w.value("new", "u1"))
		return p
	}
	p := f(flip("on"))
	require.Equal(t, flag.Shares{"off": 100}, p.From)
	require.Equal(t, flag.Shares{"on": 100}, p.To)
	require.Len(t, p.Contexts, 3)
	require.Equal(t, control.ContextPreview{Context: contexts[0], From: "off", To: "on", FromValue: false, ToValue: true}, p.Contexts[0])
	require.Empty(t, f(flip("off")).Contexts)
	require.False(t, f(flip("off")).Changed)
	p = f(control.Delete())
	require.True(t, p.Deleted)
	require.Equal(t, flag.CodeDefault, p.Contexts[2].To)
	p = f(control.Patch([]byte(`{"variations":{"off":true}}`)))
	require.Equal(t, flag.Shares{"off": 100}, p.To)
	require.Equal(t, control.ContextPreview{Context: contexts[0], From: "off", To: "off", FromValue: false, ToValue: true}, p.Contexts[0])
	p, err := w.Preview(t.Context(), by("ann", "other", ""), control.Put(definition(t, boolean)), contexts[:1])
	require.NoError(t, err)
	require.Equal(t, flag.CodeDefault, p.Contexts[0].From)
	_, err = w.Preview(t.Context(), by("ann", "new", ""), flip("on"), make([]map[string]any, control.MaxPreviewContexts+1))
	require.Equal(t, annotate.TooMany, code(err))
	_, err = w.Preview(t.Context(), by("ann", "new", ""), flip("on"), []map[string]any{{"targetingKey": 1}})
	require.Equal(t, annotate.Invalid, code(err))
}
