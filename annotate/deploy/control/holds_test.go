package control

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

func (w *world) hold(service, environment string, lasts time.Duration) deploy.Hold {
	w.t.Helper()
	h, err := w.Hold(w.t.Context(), HoldRequest{
		Author:  Author{By: "ops", Who: &annotate.Who{Name: "ann"}, Reason: "the database moves"},
		Service: service, Environment: environment, Until: w.now().Add(lasts),
	})
	require.NoError(w.t, err)
	return h
}

func TestAHoldStopsDeploysUntilItIsReleased(t *testing.T) {
	w := newWorld(t)
	web := deploy.ID{Service: "web", Environment: "production"}
	require.Empty(t, w.Obstacles(web))

	h := w.hold("", "production", time.Hour)
	obstacles := w.Obstacles(web)
	require.Len(t, obstacles, 1)
	require.Equal(t, h.ID, obstacles[0].ID)
	require.Contains(t, obstacles[0].String(), "held by ann until ")
	require.Contains(t, obstacles[0].String(), "the database moves")
	require.Empty(t, w.Obstacles(deploy.ID{Service: "web", Environment: "staging"}))

	c := w.change(h.ID)
	require.Equal(t, "hold", c.Kind)
	require.Equal(t, annotate.Running, c.Status)
	require.Equal(t, "deploys to production held", c.Title)
	require.Equal(t, "ann", c.Who.Name)
	require.Nil(t, c.End)

	ended, err := w.Release(t.Context(), h.ID, Author{By: "bob", Reason: "It has moved."})
	require.NoError(t, err)
	require.Empty(t, w.Obstacles(web))
	c = w.change(h.ID)
	require.Equal(t, annotate.Succeeded, c.Status)
	require.Equal(t, ended.Until, *c.End)
	require.Equal(t, "Released by bob. It has moved.", c.Evidence[0].Text)

	_, err = w.Release(t.Context(), h.ID, Author{By: "bob"})
	require.Equal(t, annotate.NotFound, annotate.CodeOf(err), "released once")
}

func TestHoldsOutliveARestart(t *testing.T) {
	w := newWorld(t)
	h := w.hold("web", "production", time.Hour)
	w.close()
	w.open()
	require.Equal(t, []deploy.Hold{h}, w.Holds())
	_, err := w.Release(t.Context(), h.ID, Author{By: "bob"})
	require.NoError(t, err)
	w.close()
	w.open()
	require.Empty(t, w.Holds())
}

func TestAHoldEndsByItselfAndTheLogSaysWhen(t *testing.T) {
	ended := func(w *world, id string) annotate.Change {
		require.Eventually(w.t, func() bool { return w.change(id).Status == annotate.Succeeded }, patience, 5*time.Millisecond)
		return w.change(id)
	}
	t.Run("while Tidemark runs", func(t *testing.T) {
		w := newWorld(t)
		h := w.hold("web", "", time.Hour)
		w.clock.move(time.Hour + time.Second)
		require.Empty(t, w.Holds(), "at once, whether or not its end is recorded")
		w.wake <- struct{}{}
		require.Equal(t, h.Until, *ended(w, h.ID).End)
	})
	t.Run("while it was stopped", func(t *testing.T) {
		w := newWorld(t)
		h := w.hold("web", "", time.Hour)
		w.close()
		w.clock.move(24 * time.Hour)
		w.open()
		c := ended(w, h.ID)
		require.Equal(t, h.Until, *c.End)
		require.Equal(t, "Its time was over.", c.Evidence[0].Text)
	})
}

func TestAHoldThatCannotBeIsRefused(t *testing.T) {
	w := newWorld(t)
	good := func() HoldRequest {
		return HoldRequest{Author: Author{By: "ann", Reason: "why"}, Service: "web", Until: w.now().Add(time.Hour)}
	}
	for name, test := range map[string]struct {
		spoil func(*HoldRequest)
		field string
	}{
		"no reason":       {func(r *HoldRequest) { r.Reason = " " }, "reason"},
		"too long":        {func(r *HoldRequest) { r.Reason = strings.Repeat("a", MaxReason+1) }, "reason"},
		"no end":          {func(r *HoldRequest) { r.Until = time.Time{} }, "until"},
		"over":            {func(r *HoldRequest) { r.Until = w.now().Add(-time.Second) }, "until"},
		"for ever":        {func(r *HoldRequest) { r.Until = w.now().Add(deploy.MaxHold + time.Minute) }, "until"},
		"a space":         {func(r *HoldRequest) { r.Environment = "production " }, "environment"},
		"a long name":     {func(r *HoldRequest) { r.Service = strings.Repeat("a", annotate.MaxName+1) }, "service"},
		"a line in it":    {func(r *HoldRequest) { r.Service = "we\nb" }, "service"},
		"nobody's person": {func(r *HoldRequest) { r.Who = &annotate.Who{Type: "person"} }, "who.name"},
	} {
		t.Run(name, func(t *testing.T) {
			r := good()
			test.spoil(&r)
			_, err := w.Hold(t.Context(), r)
			require.Equal(t, annotate.Invalid, annotate.CodeOf(err), "%v", err)
			e, _ := errors.AsType[*annotate.Error](err)
			require.Equal(t, test.field, e.Field)
		})
	}
	require.Empty(t, w.Holds())
	page, err := w.log.List(t.Context(), annotate.List{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, page.Changes, "what is refused leaves no line")
}

func TestThereIsAnEndToTheNumberOfHolds(t *testing.T) {
	w := newWorld(t)
	for range MaxHolds {
		w.hold("web", "", time.Hour)
	}
	_, err := w.Hold(t.Context(), HoldRequest{Author: Author{By: "ann", Reason: "why"}, Until: w.now().Add(time.Hour)})
	require.Equal(t, annotate.TooMany, annotate.CodeOf(err))
}

// doubtful is a log that keeps what it is given and says that it did not.
type doubtful struct {
	Log
	fail atomic.Bool
}

func (d *doubtful) Transact(ctx context.Context, do func(context.Context, annotate.Tx) error) error {
	fail := d.fail.Load() // before: who sees what was kept may have it work again
	err := d.Log.Transact(ctx, do)
	if err == nil && fail {
		return errors.New("the disk did not answer")
	}
	return err
}

func TestWhatTheLogMayHaveKeptIsReadAgain(t *testing.T) {
	w := newWorld(t)
	d := &doubtful{Log: w.log}
	c, err := Open(t.Context(), Options{Log: d, Now: w.clock.now, Folder: t.TempDir()})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()

	d.fail.Store(true)
	r := HoldRequest{Author: Author{By: "ann", Reason: "why"}, Until: w.now().Add(time.Hour)}
	_, err = c.Hold(t.Context(), r)
	require.Error(t, err)
	d.fail.Store(false)
	require.Eventually(t, func() bool { return len(c.Holds()) == 1 }, patience, 5*time.Millisecond, "without anybody's asking")
}

// broken is a log that reads and cannot write.
type broken struct {
	Log
	asked atomic.Int64
}

func (b *broken) Transact(context.Context, func(context.Context, annotate.Tx) error) error {
	b.asked.Add(1)
	return errors.New("the disk is full")
}

func TestAnEndThatCannotBeRecordedIsTriedAgainWithoutHaste(t *testing.T) {
	w := newWorld(t)
	w.hold("web", "", time.Hour)
	require.NoError(t, w.Close())
	b := &broken{Log: w.log}
	c, err := Open(t.Context(), Options{Log: b, Folder: t.TempDir(), Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return b.asked.Load() > 0 }, patience, time.Millisecond)
	require.Never(t, func() bool { return b.asked.Load() > 2 }, 100*time.Millisecond, 5*time.Millisecond)
	require.Empty(t, c.Holds(), "it holds nothing, whatever the log has of its end")
	require.NoError(t, c.Close())
	w.Control, err = Open(t.Context(), Options{Log: w.log, Now: w.clock.now, Folder: t.TempDir()})
	require.NoError(t, err)
}

func TestClosedControlsRefuse(t *testing.T) {
	w := newWorld(t)
	c, err := Open(t.Context(), Options{Log: w.log, Now: w.clock.now, Folder: t.TempDir()})
	require.NoError(t, err)
	require.NoError(t, c.Close())
	_, err = c.Hold(t.Context(), HoldRequest{Author: Author{By: "ann", Reason: "why"}, Until: w.now().Add(time.Hour)})
	require.Equal(t, annotate.Unavailable, annotate.CodeOf(err))
	require.Empty(t, c.Holds())
}
