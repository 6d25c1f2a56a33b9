package control

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/driver"
)

func TestADeployIsAChangeFromItsBeginningToItsEnd(t *testing.T) {
	w := newWorld(t)
	w.succeed("v41")
	v := w.begin("v42")
	c := w.change(v.ID)
	require.Equal(t, "deploy", c.Kind)
	require.Equal(t, "deploy web v42", c.Headline())
	require.Equal(t, "ann", c.Who.Name)
	require.Equal(t, "why", c.Text)
	require.Equal(t, "v41", c.PreviousVersion)
	require.Equal(t, "https://code.example/compare/v41...v42", c.Links[0].Href)
	require.Nil(t, c.End)
	require.Equal(t, map[string]string{"region": "eu"}, v.Parameters)

	require.Eventually(t, func() bool { return len(w.change(v.ID).Links) == 2 }, patience, time.Millisecond)
	require.Equal(t, annotate.Link{Rel: "run", Title: "tool", Href: "https://tool.example/7"}, w.change(v.ID).Links[1])

	w.tool.end(v.ID, deploy.Outcome{Status: annotate.Failed, Text: "exited with code 3"})
	v = w.reaches(v.ID, annotate.Failed)
	require.Equal(t, "exited with code 3", v.Outcome)
	c = w.change(v.ID)
	require.Equal(t, v.Ended, *c.End)
	require.Equal(t, "exited with code 3", c.Evidence[0].Text)

	after := w.begin("v43")
	require.Equal(t, "v41", w.change(after.ID).PreviousVersion, "what failed is not there")
	w.tool.end(after.ID, deploy.Outcome{Status: annotate.Succeeded})
	w.reaches(after.ID, annotate.Succeeded)
	newest := w.Runs(Selection{}, 2)
	require.Equal(t, []string{after.ID, v.ID}, []string{newest[0].ID, newest[1].ID}, "newest first")
	require.Len(t, w.Runs(Selection{Status: annotate.Failed}, 10), 1)
	require.Empty(t, w.Runs(Selection{Service: "api"}, 10))
}

func TestOneDeployAtATimeAndTheOthersWaitInTheirOrder(t *testing.T) {
	w := newWorld(t)
	first := w.begin("v1")
	second, third := w.queue("v2"), w.queue("v3")
	require.Equal(t, 1, second.Position)
	require.Equal(t, 2, third.Position)
	require.Equal(t, first.ID, third.Behind)
	require.Len(t, w.Targets()[0].Queue, 2)

	ended, err := w.Cancel(t.Context(), second.ID, Author{By: "ann", Reason: "not needed"})
	require.NoError(t, err)
	require.Equal(t, annotate.Cancelled, ended.Status)
	require.Equal(t, "never begun; cancelled by ann: not needed", w.change(second.ID).Evidence[0].Text)

	require.Zero(t, w.tool.begun(third.ID))
	w.tool.end(first.ID, deploy.Outcome{Status: annotate.Succeeded})
	w.reaches(third.ID, annotate.Running)
	require.Zero(t, w.tool.begun(second.ID))
	require.Equal(t, "v1", w.change(third.ID).PreviousVersion, "known once it begins")
}

func TestAQueueHasAnEnd(t *testing.T) {
	w := newWorld(t)
	w.begin("v1")
	for i := range MaxQueue {
		w.queue(fmt.Sprintf("v%d", i+2))
	}
	_, _, err := w.Start(t.Context(), Request{Author: Author{By: "ci"}, Service: "web", Version: "v99"})
	require.Equal(t, annotate.TooMany, annotate.CodeOf(err))
}

func TestADeployIsCancelledWhileItRuns(t *testing.T) {
	w := newWorld(t)
	v := w.begin("v1")
	v, err := w.Cancel(t.Context(), v.ID, Author{By: "bob", Reason: "wrong branch"})
	require.NoError(t, err)
	require.Equal(t, "bob", v.Cancel.By)
	v = w.reaches(v.ID, annotate.Cancelled)
	require.Equal(t, "ended by a signal; cancelled by bob: wrong branch", v.Outcome)

	_, err = w.Cancel(t.Context(), v.ID, Author{By: "bob"})
	require.Equal(t, annotate.Conflict, annotate.CodeOf(err), "it has ended")
	_, err = w.Cancel(t.Context(), "nothing", Author{By: "bob"})
	require.Equal(t, annotate.NotFound, annotate.CodeOf(err))
}

func TestADeployThatTakesTooLongIsEnded(t *testing.T) {
	w := newWorld(t)
	w.settings.Targets[0].Timeout = 50 * time.Millisecond
	w.Apply(w.settings)
	v := w.queue("v1") // which may be over before anybody sees it run
	v = w.reaches(v.ID, annotate.Failed)
	require.Contains(t, v.Outcome, "took longer than")
	require.Equal(t, 1, w.tool.wishes[v.ID])
}

func TestAHoldStopsADeployUnlessItWaitsOrPasses(t *testing.T) {
	w := newWorld(t)
	h := w.hold("web", "", time.Hour)
	ask := Request{Author: Author{By: "ci", Reason: "urgent"}, Service: "web", Version: "v1"}
	_, _, err := w.Start(t.Context(), ask)
	require.Equal(t, annotate.Held, annotate.CodeOf(err))
	require.ErrorContains(t, err, "web in production is held by ann until ")
	require.ErrorContains(t, err, "the database moves ("+h.ID+")")

	waits := ask
	waits.Wait = true
	waiting, _, err := w.Start(t.Context(), waits)
	require.NoError(t, err)
	require.Equal(t, h.ID, waiting.Obstacles[0].ID)

	passes := ask
	passes.Overrides, passes.Version = []string{strings.ToUpper(h.ID)}, "v2"
	_, err = w.Cancel(t.Context(), waiting.ID, Author{By: "ci"})
	require.NoError(t, err)
	passing, _, err := w.Start(t.Context(), passes)
	require.NoError(t, err)
	w.reaches(passing.ID, annotate.Running)
	require.Contains(t, w.change(passing.ID).Evidence[0].Text, "passed what was held by ann")
	require.Contains(t, w.change(passing.ID).Evidence[0].Text, "urgent")

	passes.Reason = ""
	_, _, err = w.Start(t.Context(), passes)
	require.ErrorContains(t, err, "reason: is missing; whoever passes a hold says why")

	waiting, _, err = w.Start(t.Context(), waits)
	require.NoError(t, err)
	w.tool.end(passing.ID, deploy.Outcome{Status: annotate.Succeeded})
	w.reaches(passing.ID, annotate.Succeeded)
	_, err = w.Release(t.Context(), h.ID, Author{By: "ann"})
	require.NoError(t, err)
	w.reaches(waiting.ID, annotate.Running)
}

func TestADeployThatDoesNotWaitIsCancelledWhenItsTurnIsHeld(t *testing.T) {
	w := newWorld(t)
	first := w.begin("v1")
	second := w.queue("v2")
	w.hold("", "production", time.Hour)
	w.tool.end(first.ID, deploy.Outcome{Status: annotate.Succeeded})
	v := w.reaches(second.ID, annotate.Cancelled)
	require.Contains(t, v.Outcome, "never begun: when it was its turn, web in production was held by ann")
}

func TestAFreezeStopsDeploysAndNoRollback(t *testing.T) {
	w := newWorld(t)
	w.succeed("v1")
	bad := w.succeed("v2")
	frozen := w.settings
	frozen.Freezes = []deploy.Freeze{{Name: "holidays", Reason: "nobody is here", From: w.now().Add(-time.Hour), To: w.now().Add(time.Hour)}}
	w.Apply(frozen)
	_, _, err := w.Start(t.Context(), Request{Author: Author{By: "ci"}, Service: "web", Version: "v3"})
	require.ErrorContains(t, err, `frozen by "holidays"`)
	require.Len(t, w.Obstacles(web), 1, "a wrapped deploy asks for them, too")

	waiting, _, err := w.Start(t.Context(), Request{Author: Author{By: "ci"}, Service: "web", Version: "v3", Wait: true})
	require.NoError(t, err)
	back, created, err := w.Rollback(t.Context(), bad.ID, Request{Author: Author{By: "ann"}, Service: "web"})
	require.NoError(t, err)
	require.True(t, created)
	w.reaches(back.ID, annotate.Running)
	w.Apply(w.settings)
	w.tool.end(back.ID, deploy.Outcome{Status: annotate.Succeeded})
	w.reaches(waiting.ID, annotate.Running)
}

func TestARollbackBringsTheLastGoodVersionAndUndoes(t *testing.T) {
	w := newWorld(t)
	good := w.succeed("v1")
	bad := w.begin("v2")
	queued := w.queue("v3")

	back, created, err := w.Rollback(t.Context(), bad.ID, Request{Author: Author{By: "ann", Reason: "errors"}, Service: "web"})
	require.NoError(t, err)
	require.True(t, created)
	require.Equal(t, "v1", back.Version)
	require.Equal(t, bad.ID, back.Undoes)
	again, created, err := w.Rollback(t.Context(), bad.ID, Request{Author: Author{By: "bob"}, Service: "web"})
	require.NoError(t, err)
	require.False(t, created, "asked for twice, it is one")
	require.Equal(t, back.ID, again.ID)

	v := w.reaches(bad.ID, annotate.Cancelled)
	require.Equal(t, "ended by a signal; cancelled by ann: rolled back: errors", v.Outcome, "what is still under way is ended")
	w.reaches(back.ID, annotate.Running)
	require.Equal(t, bad.ID, w.change(back.ID).Undoes)
	require.Zero(t, w.tool.begun(queued.ID), "it goes first")
	w.tool.end(back.ID, deploy.Outcome{Status: annotate.Succeeded})
	w.reaches(queued.ID, annotate.Running)
	w.tool.end(queued.ID, deploy.Outcome{Status: annotate.Succeeded})
	w.reaches(queued.ID, annotate.Succeeded)

	for _, test := range []struct{ id, text string }{
		{bad.ID, "is not the newest: v3 followed with " + queued.ID},
		{good.ID, "is not the newest"},
		{"01a4e5b4-0000-7000-8000-000000000000", ""},
	} {
		_, _, err := w.Rollback(t.Context(), test.id, Request{Author: Author{By: "ann"}, Service: "web"})
		require.ErrorContains(t, err, test.text)
	}
}

func TestAWrappedDeployIsRolledBackToo(t *testing.T) {
	w := newWorld(t)
	report := annotate.Report{Kind: "deploy", Service: "web", Environment: "production", Version: "v8", Status: annotate.Succeeded, Start: annotate.At(w.now().Add(-time.Hour))}
	_, err := w.log.Record(t.Context(), "ci", report)
	require.NoError(t, err)
	report.Version, report.Start = "v9", annotate.At(w.now())
	told, err := w.log.Record(t.Context(), "ci", report)
	require.NoError(t, err)

	back, _, err := w.Rollback(t.Context(), told.Change.ID, Request{Author: Author{By: "ann"}, Service: "web"})
	require.NoError(t, err)
	require.Equal(t, "v8", back.Version)
	w.reaches(back.ID, annotate.Running)
	w.tool.end(back.ID, deploy.Outcome{Status: annotate.Succeeded})
	w.reaches(back.ID, annotate.Succeeded)
	_, _, err = w.Rollback(t.Context(), told.Change.ID, Request{Author: Author{By: "ann"}, Service: "web"})
	require.ErrorContains(t, err, "was rolled back already, to v8")
	first, err := w.log.List(t.Context(), annotate.List{Limit: 100})
	require.NoError(t, err)
	_, _, err = w.Rollback(t.Context(), first.Changes[len(first.Changes)-1].ID, Request{Author: Author{By: "ann"}, Service: "web"})
	require.Error(t, err, "not the newest")
}

func TestTheSameIDIsDeployedOnce(t *testing.T) {
	w := newWorld(t)
	ask := Request{Author: Author{By: "ci"}, Service: "web", Version: "v1", ExternalID: "build/7"}
	v, created, err := w.Start(t.Context(), ask)
	require.NoError(t, err)
	require.True(t, created)
	again, created, err := w.Start(t.Context(), ask)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, v.ID, again.ID)
	ask.Version = "v2"
	_, _, err = w.Start(t.Context(), ask)
	require.Equal(t, annotate.Conflict, annotate.CodeOf(err))
}

func TestWhatCannotBeDeployedIsRefused(t *testing.T) {
	w := newWorld(t)
	w.settings.RequireReason = []string{"production"}
	w.Apply(w.settings)
	for want, r := range map[string]Request{
		"service: is missing; there are web":                             {Version: "v1"},
		"service: is none that can be deployed; there are web":           {Service: "api", Version: "v1"},
		"environment: is none that web can be deployed to":               {Service: "web", Environment: "prod", Version: "v1"},
		"version: is missing":                                            {Service: "web"},
		"version: begins with a dash":                                    {Service: "web", Version: "-rf"},
		"parameters.shard: is no parameter of web in production":         {Service: "web", Version: "v1", Parameters: map[string]string{"shard": "1"}},
		"reason: is missing; whoever deploys to production says why":     {Service: "web", Version: "v1"},
		"external_id: is 151 bytes long; at most 150 are taken":          {Author: Author{Reason: "x"}, Service: "web", Version: "v1", ExternalID: string(make([]byte, 151))},
		"override: is neither the id of a hold nor the name of a freeze": {Author: Author{Reason: "x"}, Service: "web", Version: "v1", Overrides: []string{"weekend"}},
		"override: has 51 ids; at most 50 are taken":                     {Author: Author{Reason: "x"}, Service: "web", Version: "v1", Overrides: make([]string, 51)},
	} {
		r.By = "ci"
		_, _, err := w.Start(t.Context(), r)
		require.ErrorContains(t, err, want)
		require.Equal(t, annotate.Invalid, annotate.CodeOf(err))
	}
	require.Empty(t, w.Runs(Selection{}, 10))
}

func TestARestartGoesOnWithWhatIsUnderWay(t *testing.T) {
	w := newWorld(t)
	v := w.begin("v1")
	require.Eventually(t, func() bool { return w.change(v.ID).Links != nil }, patience, time.Millisecond, "its place is kept")
	waiting := w.queue("v2")
	w.close()
	w.tool.end(v.ID, deploy.Outcome{Status: annotate.Succeeded, Text: "done meanwhile"})
	w.open()
	require.Equal(t, "done meanwhile", w.reaches(v.ID, annotate.Succeeded).Outcome)
	w.reaches(waiting.ID, annotate.Running)
	require.Equal(t, 1, w.tool.begun(v.ID))
}

func TestAWishToCancelOutlivesARestart(t *testing.T) {
	w := newWorld(t)
	v := w.begin("v1")
	w.tool.deaf.Store(true)
	_, err := w.Cancel(t.Context(), v.ID, Author{By: "ann"})
	require.NoError(t, err)
	require.Eventually(t, func() bool { v, _ := w.Get(v.ID); return v.Trouble == "the tool is deaf" }, patience, time.Millisecond)
	w.close()
	w.tool.deaf.Store(false)
	w.open()
	w.reaches(v.ID, annotate.Cancelled)
}

// stopped is the state that a Tidemark leaves that was killed between keeping that a
// run begins and keeping where it runs.
func (w *world) stopped(begun bool) View {
	w.t.Helper()
	reached, killed := make(chan struct{}), make(chan struct{})
	w.tool.beginning = func(job driver.Job) error {
		if begun {
			w.tool.alter(func() { w.tool.jobs[job.ID]++ })
		}
		close(reached)
		<-killed
		return context.Canceled
	}
	v, _, err := w.Start(w.t.Context(), Request{Author: Author{By: "ci"}, Service: "web", Version: "v1"})
	require.NoError(w.t, err)
	<-reached
	w.end()
	close(killed)
	w.close()
	w.tool.beginning = nil
	return v
}

func TestARunThatMayHaveBegunIsFoundOrKnownNotToBe(t *testing.T) {
	t.Run("it began", func(t *testing.T) {
		w := newWorld(t)
		v := w.stopped(true)
		w.tool.end(v.ID, deploy.Outcome{Status: annotate.Succeeded})
		w.open()
		w.reaches(v.ID, annotate.Succeeded)
		require.Equal(t, 1, w.tool.begun(v.ID))
	})
	t.Run("it did not", func(t *testing.T) {
		w := newWorld(t)
		v := w.stopped(false)
		w.open()
		require.Equal(t, "did not begin: Tidemark was stopped before, or could not keep that it begins", w.reaches(v.ID, annotate.Failed).Outcome)
		require.Zero(t, w.tool.begun(v.ID), "and is not begun again")
	})
	t.Run("nobody can tell", func(t *testing.T) {
		w := newWorld(t)
		v := w.stopped(true)
		w.tool.finding = fmt.Errorf("the tool lists nothing: %w", driver.ErrUncertain)
		w.open()
		require.Contains(t, w.reaches(v.ID, annotate.Lost).Outcome, "whether it began is not known")
	})
}

func TestADeployThatDoesNotBeginHasFailedOrIsLost(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct {
		err    error
		status annotate.Status
		text   string
	}{
		{errors.New("the tool refused it"), annotate.Failed, "did not begin: the tool refused it"},
		{fmt.Errorf("no answer came: %w", driver.ErrUncertain), annotate.Lost, "whether it began is not known: no answer came"},
	} {
		w.tool.finding = driver.ErrUncertain
		w.tool.beginning = func(driver.Job) error { return test.err }
		v, _, err := w.Start(t.Context(), Request{Author: Author{By: "ci"}, Service: "web", Version: "v1"})
		require.NoError(t, err)
		require.Contains(t, w.reaches(v.ID, test.status).Outcome, test.text)
	}
}

func TestWhatNoAnswerCameForIsLookedFor(t *testing.T) {
	w := newWorld(t)
	w.tool.beginning = func(job driver.Job) error {
		if job.Version == "v1" {
			w.tool.alter(func() { w.tool.jobs[job.ID]++ })
		}
		return fmt.Errorf("no answer came: %w", driver.ErrUncertain)
	}
	there, missing := w.queue("v1"), w.queue("v2")
	w.reaches(there.ID, annotate.Running)
	w.tool.end(there.ID, deploy.Outcome{Status: annotate.Succeeded})
	w.reaches(there.ID, annotate.Succeeded)
	require.Contains(t, w.reaches(missing.ID, annotate.Failed).Outcome, "did not begin: no answer came")
}

func TestADeployThatEndedInTimeWhileNobodySawItHasNotFailed(t *testing.T) {
	w := newWorld(t)
	v := w.begin("v1")
	require.Eventually(t, func() bool { return w.change(v.ID).Links != nil }, patience, time.Millisecond, "its place is kept")
	w.close()
	w.tool.end(v.ID, deploy.Outcome{Status: annotate.Succeeded})
	w.clock.move(24 * time.Hour)
	w.open()
	w.reaches(v.ID, annotate.Succeeded)
	require.Zero(t, w.tool.wishes[v.ID])
}

func TestATargetThatIsTakenAwayLeavesNothingWaiting(t *testing.T) {
	w := newWorld(t)
	running := w.begin("v1")
	waiting := w.queue("v2")
	w.Apply(Settings{})
	w.tool.end(running.ID, deploy.Outcome{Status: annotate.Succeeded})
	w.reaches(running.ID, annotate.Succeeded)
	require.Contains(t, w.reaches(waiting.ID, annotate.Cancelled).Outcome, "is not in the configuration any more")

	w.Apply(w.settings)
	running = w.begin("v3")
	require.Eventually(t, func() bool { return w.change(running.ID).Links != nil }, patience, time.Millisecond, "its place is kept")
	w.close()
	there := w.settings
	w.settings.Targets = nil
	w.open()
	require.Eventually(t, func() bool { v, _ := w.Get(running.ID); return strings.Contains(v.Trouble, "put it back") }, patience, time.Millisecond)
	w.tool.end(running.ID, deploy.Outcome{Status: annotate.Succeeded})
	w.Apply(there)
	w.reaches(running.ID, annotate.Succeeded)
}

func TestTheOldestRunsAreLetGo(t *testing.T) {
	w := newWorld(t)
	w.settings.KeepRuns = 2
	w.Apply(w.settings)
	first := w.succeed("v1")
	folder := filepath.Join(w.folder, first.ID)
	require.DirExists(t, folder)
	w.succeed("v2")
	w.succeed("v3")
	require.Eventually(t, func() bool { _, err := os.Stat(folder); return errors.Is(err, os.ErrNotExist) }, patience, time.Millisecond)
	_, err := w.Get(first.ID)
	require.Equal(t, annotate.NotFound, annotate.CodeOf(err))
	require.Equal(t, annotate.Succeeded, w.change(first.ID).Status, "the log has it for ever")
	w.close()
	w.open()
	require.Len(t, w.Runs(Selection{}, 10), 2)

	require.Equal(t, "v3", w.Runs(Selection{}, 1)[0].Version)
}

func TestAnIDIsDeployedOnceAlsoWhenItsRunWasLetGo(t *testing.T) {
	w := newWorld(t)
	w.settings.KeepRuns = 1
	w.Apply(w.settings)
	ask := Request{Author: Author{By: "ci"}, Service: "web", Version: "v1", ExternalID: "build/7"}
	v, _, err := w.Start(t.Context(), ask)
	require.NoError(t, err)
	w.reaches(v.ID, annotate.Running)
	w.tool.end(v.ID, deploy.Outcome{Status: annotate.Succeeded})
	w.reaches(v.ID, annotate.Succeeded)
	w.succeed("v2")
	_, _, err = w.Start(t.Context(), ask)
	require.Equal(t, annotate.Conflict, annotate.CodeOf(err))
	require.ErrorContains(t, err, "external_id: is that of the change "+v.ID)
}

func TestALogIsFollowedToItsEnd(t *testing.T) {
	w := newWorld(t)
	v := w.begin("v1")
	var text string
	var states []annotate.Status
	err := w.FollowLog(t.Context(), v.ID, 0, func(v View, piece []byte, _ int64) error {
		text += string(piece)
		if len(piece) == 0 {
			states = append(states, v.Status)
		} else {
			w.tool.end(v.ID, deploy.Outcome{Status: annotate.Succeeded})
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, "version v1\n", text)
	require.Equal(t, annotate.Succeeded, states[len(states)-1])
	piece, err := w.ReadLog(v.ID, 8)
	require.NoError(t, err)
	require.Equal(t, "v1\n", string(piece))
	_, err = w.ReadLog(v.ID, -1)
	require.Equal(t, annotate.Invalid, annotate.CodeOf(err))
}

func TestWhenADeployShouldBeDone(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		v := w.begin("v1")
		w.clock.move(2 * time.Minute)
		w.tool.end(v.ID, deploy.Outcome{Status: annotate.Succeeded})
		w.reaches(v.ID, annotate.Succeeded)
	}
	v := w.begin("v2")
	require.Len(t, v.LastFive, 3)
	require.InDelta(t, 120, v.LastFive[0], 60)
	require.WithinDuration(t, v.Started.Add(2*time.Minute), v.Expected.Time, time.Minute)
}

func TestARollbackThatIsRefusedLeavesAllAsItIs(t *testing.T) {
	w := newWorld(t)
	w.succeed("v1")
	bad := w.begin("v2")
	w.hold("web", "", time.Hour)
	_, _, err := w.Rollback(t.Context(), bad.ID, Request{Author: Author{By: "ann"}, Service: "web"})
	require.Equal(t, annotate.Held, annotate.CodeOf(err))
	v, err := w.Get(bad.ID)
	require.NoError(t, err)
	require.Nil(t, v.Cancel)

	back, _, err := w.Rollback(t.Context(), bad.ID, Request{Author: Author{By: "ann"}, Service: "web", Wait: true, ExternalID: "x"})
	require.NoError(t, err)
	w.reaches(bad.ID, annotate.Cancelled)
	again, created, err := w.Rollback(t.Context(), bad.ID, Request{Author: Author{By: "ann"}, Service: "web", Wait: true, ExternalID: "x"})
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, back.ID, again.ID)
	require.Equal(t, annotate.Planned, again.Status, "it waits for the hold")
}

func TestARollbackMayBeAskedForAgainByItsID(t *testing.T) {
	w := newWorld(t)
	w.succeed("v1")
	bad := w.succeed("v2")
	ask := Request{Author: Author{By: "ann"}, Service: "web", ExternalID: "x"}
	back, _, err := w.Rollback(t.Context(), bad.ID, ask)
	require.NoError(t, err)
	w.reaches(back.ID, annotate.Running)
	w.tool.end(back.ID, deploy.Outcome{Status: annotate.Succeeded})
	w.reaches(back.ID, annotate.Succeeded)
	again, created, err := w.Rollback(t.Context(), bad.ID, ask)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, back.ID, again.ID)
	ask.Version = "v1"
	_, _, err = w.Start(t.Context(), ask)
	require.Equal(t, annotate.Conflict, annotate.CodeOf(err), "a deploy is no rollback")
}

func TestARollbackThatFailedIsNotRolledBackToWhatWasBad(t *testing.T) {
	w := newWorld(t)
	w.succeed("v1")
	w.succeed("v2")
	bad := w.succeed("v3")
	back, _, err := w.Rollback(t.Context(), bad.ID, Request{Author: Author{By: "ann"}, Service: "web"})
	require.NoError(t, err)
	w.reaches(back.ID, annotate.Running)
	w.tool.end(back.ID, deploy.Outcome{Status: annotate.Failed, Text: "exited with code 1"})
	w.reaches(back.ID, annotate.Failed)
	_, _, err = w.Rollback(t.Context(), back.ID, Request{Author: Author{By: "ann"}, Service: "web"})
	require.ErrorContains(t, err, "is a rollback that did not succeed: roll "+bad.ID+" back again")
	back, _, err = w.Rollback(t.Context(), bad.ID, Request{Author: Author{By: "ann"}, Service: "web"})
	require.NoError(t, err)
	require.Equal(t, "v2", back.Version)
}

func TestAWrappedDeployThatGoesOnIsNotRolledBackBesideItself(t *testing.T) {
	w := newWorld(t)
	w.succeed("v1")
	told, err := w.log.Record(t.Context(), "ci", annotate.Report{Kind: "deploy", Service: "web", Environment: "production", Version: "v2", Status: annotate.Running})
	require.NoError(t, err)
	_, _, err = w.Rollback(t.Context(), told.Change.ID, Request{Author: Author{By: "ann"}, Service: "web"})
	require.ErrorContains(t, err, "stop it where it runs")
}

func TestARollbackThatWaitedTooLongIsCancelled(t *testing.T) {
	w := newWorld(t)
	w.succeed("v1")
	bad := w.succeed("v2")
	h := w.hold("web", "", time.Hour)
	back, _, err := w.Rollback(t.Context(), bad.ID, Request{Author: Author{By: "ann"}, Service: "web", Wait: true})
	require.NoError(t, err)
	_, err = w.log.Record(t.Context(), "ci", annotate.Report{Kind: "deploy", Service: "web", Environment: "production", Version: "v3", Status: annotate.Succeeded})
	require.NoError(t, err)
	_, err = w.Release(t.Context(), h.ID, Author{By: "ann"})
	require.NoError(t, err)
	require.Contains(t, w.reaches(back.ID, annotate.Cancelled).Outcome, "is not the newest: v3 followed")
}

func TestWhatWaitsForAHoldLetsThosePassThatMay(t *testing.T) {
	w := newWorld(t)
	h := w.hold("web", "", time.Hour)
	waits, _, err := w.Start(t.Context(), Request{Author: Author{By: "ci"}, Service: "web", Version: "v1", Wait: true})
	require.NoError(t, err)
	fix, _, err := w.Start(t.Context(), Request{Author: Author{By: "ci", Reason: "the outage"}, Service: "web", Version: "v2", Overrides: []string{h.ID}})
	require.NoError(t, err)
	w.reaches(fix.ID, annotate.Running)
	w.reaches(waits.ID, annotate.Planned)
}

func TestAFreezeThatComesMayBePassedBefore(t *testing.T) {
	w := newWorld(t)
	w.settings.Freezes = []deploy.Freeze{{Name: "weekend", From: w.now().Add(time.Hour)}}
	w.Apply(w.settings)
	running := w.begin("v1")
	v, _, err := w.Start(t.Context(), Request{Author: Author{By: "ci", Reason: "agreed"}, Service: "web", Version: "v2", Overrides: []string{"weekend"}})
	require.NoError(t, err)
	w.clock.move(2 * time.Hour)
	w.tool.end(running.ID, deploy.Outcome{Status: annotate.Succeeded})
	v = w.reaches(v.ID, annotate.Running)
	require.Equal(t, "weekend", v.Overrides[0].ID)
	require.Contains(t, w.change(v.ID).Evidence[0].Text, `passed what was frozen by "weekend" (weekend): agreed`)
}

func TestADeployEndsWhateverOthersMadeOfItsChange(t *testing.T) {
	w := newWorld(t)
	full := w.begin("v1")
	c := w.change(full.ID)
	report := annotate.Report{Source: c.Source, ExternalID: c.ExternalID}
	for i := len(c.Evidence); i < annotate.MaxEvidence; i++ {
		report.Evidence = append(report.Evidence, annotate.Evidence{Source: "joker", Time: annotate.At(w.now()), Text: fmt.Sprint(i)})
	}
	_, err := w.log.Record(t.Context(), "joker", report)
	require.NoError(t, err)
	_, err = w.Cancel(t.Context(), full.ID, Author{By: "ann"})
	require.NoError(t, err)
	w.reaches(full.ID, annotate.Cancelled)

	h := w.hold("web", "staging", time.Hour)
	c = w.change(h.ID)
	report.Source, report.ExternalID = c.Source, c.ExternalID
	_, err = w.log.Record(t.Context(), "joker", report)
	require.NoError(t, err)
	_, err = w.Release(t.Context(), h.ID, Author{By: "ann"})
	require.NoError(t, err)
	require.Empty(t, w.Holds())
	require.Equal(t, annotate.Succeeded, w.change(h.ID).Status)

	long := w.begin("v2")
	w.tool.end(long.ID, deploy.Outcome{Status: annotate.Failed, Text: "a\x00b\xff" + strings.Repeat("x", 1<<20)})
	require.Less(t, len(w.reaches(long.ID, annotate.Failed).Outcome), 8<<10)

	back := w.begin("v3")
	w.clock.move(-5 * time.Minute)
	w.tool.end(back.ID, deploy.Outcome{Status: annotate.Succeeded})
	v := w.reaches(back.ID, annotate.Succeeded)
	require.Equal(t, v.Started, v.Ended, "whatever the clock says")
}

func TestARunThatTheLogMayHaveKeptIsFollowed(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.Close())
	d := &doubtful{Log: w.log}
	var err error
	w.Control, err = Open(t.Context(), Options{Log: d, Now: w.clock.now, Folder: t.TempDir(), Settings: w.settings})
	require.NoError(t, err)
	hold := w.hold("web", "", time.Hour)
	v, _, err := w.Start(t.Context(), Request{Author: Author{By: "ci"}, Service: "web", Version: "v1", Wait: true})
	require.NoError(t, err)
	d.fail.Store(true)
	_, err = w.Release(t.Context(), hold.ID, Author{By: "ann"})
	require.Error(t, err, "it is released, and nobody knows")
	require.Eventually(t, func() bool {
		documents, err := w.log.Documents(t.Context(), spaceRuns)
		return err == nil && !strings.Contains(string(documents[0].Body), `"planned"`)
	}, patience, time.Millisecond, "it is kept that it begins, or already how it went on")
	d.fail.Store(false)
	require.Contains(t, w.reaches(v.ID, annotate.Failed).Outcome, "did not begin")
	require.Zero(t, w.tool.begun(v.ID))
}
