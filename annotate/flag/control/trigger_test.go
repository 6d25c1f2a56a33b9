package control_test

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag/control"
)

func TestNobodyWaitsForTheLogToLearnOfATrigger(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		b := &broken{}
		w := openAt(t, path, control.Options{Log: b})
		w.put("new", boolean)
		_, err := w.RenewTrigger(t.Context(), id("new"), control.Author{By: "ann"})
		require.NoError(t, err)
		mended := make(chan struct{})
		before := func() { <-mended }
		b.before.Store(&before)
		go w.write(by("ann", "new", ""), flip("on"))
		synctest.Wait()
		var has bool
		go func() {
			has = w.HasTrigger(id("new"))
			_, err = w.PullTrigger(t.Context(), id("new"), "guessed", "trigger")
			close(mended)
		}()
		pass(time.Second)
		require.True(t, has)
		require.Equal(t, annotate.NotFound, code(err))
	})
}

func TestATriggerDoesJustTheKill(t *testing.T) {
	w := open(t, control.Options{Settings: control.Settings{Environments: []string{production, "staging"}, RequireReason: []string{production}}})
	ann := control.Author{By: "ann", Reason: "for the night"}
	for _, key := range []string{"new", "other"} {
		w.write(by("ann", key, "r"), control.Put(definition(t, boolean)))
		w.write(by("ann", key, "r"), flip("on"))
	}
	pull := func(key, secret string) error {
		_, err := w.PullTrigger(t.Context(), id(key), secret, "trigger")
		return err
	}
	require.Equal(t, annotate.NotFound, code(pull("new", "")))
	secret, err := w.RenewTrigger(t.Context(), id("new"), ann)
	require.NoError(t, err)
	require.Len(t, secret, 43, "32 bytes of chance")
	require.Equal(t, "kill trigger of new made", w.last().Title)
	require.Equal(t, "for the night", w.last().Text)
	other, err := w.RenewTrigger(t.Context(), id("other"), ann)
	require.NoError(t, err)

	refused := []error{pull("new", ""), pull("new", other), pull("new", secret+"x"), pull("never", secret)}
	for _, err := range refused {
		require.Equal(t, annotate.NotFound, code(err))
		require.Equal(t, refused[0].Error(), err.Error(), "an error tells nothing")
	}
	require.Equal(t, true, w.value("new", "u"))
	got, err := w.Get(id("new"))
	require.NoError(t, err)
	require.EqualValues(t, 2, got.Revision, "a trigger is no revision of the flag")

	w = w.reopen()
	require.NoError(t, pull("new", secret))
	require.Nil(t, w.value("new", "u"))
	require.Equal(t, true, w.value("other", "u"))
	require.Equal(t, "trigger", w.last().Who.Name)
	require.Contains(t, w.last().Text, "kill trigger")
	require.NoError(t, pull("new", secret), "again is well")

	renewed, err := w.RenewTrigger(t.Context(), id("new"), ann)
	require.NoError(t, err)
	require.Equal(t, "kill trigger of new renewed", w.last().Title)
	require.Equal(t, annotate.NotFound, code(pull("new", secret)))
	require.NoError(t, pull("new", renewed))
	require.NoError(t, w.RemoveTrigger(t.Context(), id("new"), ann))
	require.Equal(t, annotate.NotFound, code(pull("new", renewed)))
	require.Equal(t, annotate.NotFound, code(w.RemoveTrigger(t.Context(), id("new"), ann)))

	require.True(t, w.HasTrigger(id("other")))
	w.write(by("ann", "other", "r"), control.Delete())
	w.write(by("ann", "other", "r"), control.Restore(1))
	w = w.reopen()
	require.Equal(t, annotate.NotFound, code(pull("other", other)), "it went with the flag")
	_, err = w.RenewTrigger(t.Context(), id("never"), ann)
	require.Equal(t, annotate.NotFound, code(err))
	_, err = w.RenewTrigger(t.Context(), id("new"), control.Author{By: "ann"})
	require.Equal(t, annotate.Invalid, code(err), "a reason is asked for here as well")

	w.close()
	for _, part := range []string{"", "-wal"} {
		data, err := os.ReadFile(w.path + part)
		if err == nil {
			for _, secret := range []string{secret, other, renewed} {
				require.False(t, strings.Contains(string(data), secret), "a secret is kept in the clear")
			}
		}
	}
}
