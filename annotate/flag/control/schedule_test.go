package control_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
)

// inBubble runs f in a bubble in which time is the test's, which it leaves with
// everything closed.
func inBubble(t *testing.T, f func(t *testing.T, path string)) {
	path := filepath.Join(t.TempDir(), "changes.db")
	synctest.Test(t, func(t *testing.T) { f(t, path) })
}

// pass lets time pass, and everything that falls due happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// story is what the log says of a flag: "from → to" of each line with a status.
func (w *world) story(key string) []string {
	var story []string
	for _, c := range w.lines() {
		if c.Flag.Key != key {
			continue
		}
		story = append(story, fmt.Sprintf("%s %s→%s", c.Status, asJSON(w.t, c.Flag.From), asJSON(w.t, c.Flag.To)))
	}
	return story
}

func rampTo(variation string, from, to float64, steps int, over time.Duration) control.Command {
	return control.Ramp(flag.NewRamp(variation, "", from, to, steps, over, time.Now()))
}

func TestARampTakesItsSteps(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		w := openAt(t, path, control.Options{})
		w.put("new", boolean)
		w.write(by("bob", "new", "easy"), rampTo("on", 0, 100, 4, time.Hour))
		pass(15 * time.Minute)
		require.Equal(t, []string{
			`succeeded null→"off"`, `succeeded "off"→"off"`, `succeeded "off"→{"off":75,"on":25}`,
		}, w.story("new"))
		line := w.last()
		require.Equal(t, "bob", line.Who.Name)
		require.Equal(t, "easy\nStep 1 of 4 of its ramp.", line.Text)
		require.Equal(t, time.Now().UTC(), line.Start.Time)
		pass(45 * time.Minute)
		require.Equal(t, []string{
			`succeeded {"off":75,"on":25}→{"off":50,"on":50}`, `succeeded {"off":50,"on":50}→{"off":25,"on":75}`, `succeeded {"off":25,"on":75}→"on"`,
		}, w.story("new")[3:])
		got, err := w.Get(id("new"))
		require.NoError(t, err)
		require.Nil(t, got.Ramp)
		require.Equal(t, true, w.value("new", "u"))
		pass(24 * time.Hour)
		require.Len(t, w.story("new"), 6)
	})
}

func TestARampGoesOnAfterADowntime(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		w := openAt(t, path, control.Options{})
		w.put("new", boolean)
		w.write(by("bob", "new", ""), rampTo("on", 0, 100, 10, 10*time.Minute))
		pass(time.Minute)
		w.close()
		time.Sleep(4*time.Minute + time.Second)
		w = w.reopen()
		synctest.Wait()
		require.Equal(t, []string{`succeeded "off"→{"off":90,"on":10}`, `succeeded {"off":90,"on":10}→{"off":50,"on":50}`}, w.story("new")[2:])
		require.Contains(t, w.last().Text, "Steps 2 to 5 of 10 of its ramp at once: they were due from")
		require.Equal(t, time.Now().UTC(), w.last().Start.Time)
		pass(59 * time.Second)
		require.Equal(t, `succeeded {"off":50,"on":50}→{"off":40,"on":60}`, w.story("new")[4])
		w.write(by("ann", "new", "enough"), control.StopRamp())
		pass(time.Hour)
		require.Len(t, w.story("new"), 6)
		require.Equal(t, "ramp of new stopped", w.last().Title)
	})
}

func TestAScheduleIsPlannedAndDone(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		w := openAt(t, path, control.Options{})
		w.put("new", boolean)
		at := annotate.At(time.Now().Add(time.Hour))
		w.write(by("bob", "new", "launch"), control.Schedule(at, flag.Action{Flip: &flag.Flip{To: "on"}}))
		planned := w.last()
		require.Equal(t, annotate.Planned, planned.Status)
		require.Equal(t, at, planned.Start)
		require.Equal(t, "new: flip to on", planned.Title)
		require.Nil(t, planned.Flag.To)
		got, err := w.Get(id("new"))
		require.NoError(t, err)
		require.Equal(t, planned.ID, got.Schedule[0].Change)
		pass(time.Hour - time.Millisecond)
		require.Equal(t, false, w.value("new", "u"))
		pass(time.Millisecond)
		require.Equal(t, true, w.value("new", "u"))
		done := w.last()
		require.Equal(t, planned.ID, done.ID, "the same line")
		require.Equal(t, annotate.Succeeded, done.Status)
		require.Equal(t, at, done.Start)
		require.Equal(t, "bob", done.Who.Name)
		require.Equal(t, []string{`succeeded null→"off"`, `succeeded "off"→"on"`}, w.story("new"))

		w.write(by("bob", "new", ""), control.Schedule(annotate.At(time.Now().Add(time.Hour)), flag.Action{Kill: &flag.Kill{}}))
		w.close()
		time.Sleep(2 * time.Hour)
		w = w.reopen()
		synctest.Wait()
		require.Equal(t, `succeeded "on"→"SdkDefault"`, w.story("new")[2])
		require.Contains(t, w.last().Text, "was done 1h0m0s late")
		require.Equal(t, time.Now().UTC(), w.last().Start.Time)
	})
}

func TestWhatIsDoneLateDoesNotOverruleWhatCameAfterIt(t *testing.T) {
	const disabled = `{"variations":{"on":true,"off":false},"defaultRule":{"variation":"off"},"scheduledRollout":[{"date":%q,"disable":true}]}`
	late := func(name string, cmd func() control.Command, want ...string) {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, path string) {
				w := openAt(t, path, control.Options{})
				w.put("new", fmt.Sprintf(disabled, time.Now().Add(2*time.Hour).UTC().Format(time.RFC3339)))
				w.write(by("bob", "new", ""), cmd())
				pass(30 * time.Minute)
				w.close()
				time.Sleep(150 * time.Minute)
				w = w.reopen()
				synctest.Wait()
				require.Nil(t, w.value("new", "u"), "its definition disabled it after that")
				require.Equal(t, want, w.story("new"))
				w.requireAgreement()
			})
		})
	}
	late("planned", func() control.Command {
		return control.Schedule(annotate.At(time.Now().Add(time.Hour)), flag.Action{Flip: &flag.Flip{To: "on"}})
	}, `succeeded null→"off"`, `succeeded "SdkDefault"→"SdkDefault"`, `succeeded "off"→"SdkDefault"`)
	late("ramp", func() control.Command { return rampTo("on", 0, 50, 1, time.Hour) },
		`succeeded null→"off"`, `succeeded "off"→"off"`, `succeeded "off"→"SdkDefault"`, `succeeded "SdkDefault"→"SdkDefault"`)
}

func TestWhatIsPlannedCanBeCancelled(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		w := openAt(t, path, control.Options{})
		w.put("new", boolean)
		plan := func() string {
			written := w.write(by("bob", "new", ""), control.Schedule(annotate.At(time.Now().Add(48*time.Hour)), flag.Action{Flip: &flag.Flip{To: "on"}}))
			return written.Flag.Schedule[len(written.Flag.Schedule)-1].ID
		}
		w.write(by("ann", "new", "no need"), control.Unschedule(plan()))
		line := w.last()
		require.Equal(t, annotate.Cancelled, line.Status)
		require.Equal(t, "bob", line.Who.Name)
		require.Contains(t, line.Evidence[0].Text, "cancelled by ann.\nno need")
		plan()
		w.write(by("ann", "new", ""), kill())
		plan()
		w.write(by("ann", "new", ""), control.Delete())
		for _, c := range w.lines() {
			require.NotEqual(t, annotate.Planned, c.Status)
		}
		_, err := w.Write(t.Context(), by("ann", "new", ""), control.Unschedule("x"))
		require.Equal(t, annotate.NotFound, code(err))
		pass(72 * time.Hour)
		require.Len(t, w.lines(), 6)
	})
}

func TestWhatCannotBeDoneFails(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		w := openAt(t, path, control.Options{})
		w.put("new", `{"variations":{"a":1,"b":2,"c":3},"defaultRule":{"variation":"a"}}`)
		w.write(by("bob", "new", ""), control.Schedule(annotate.At(time.Now().Add(time.Hour)), flag.Action{Flip: &flag.Flip{To: "c"}}))
		w.write(by("bob", "new", ""), control.Patch([]byte(`{"variations":{"c":null}}`)))
		w.write(by("bob", "new", ""), rampTo("b", 0, 100, 2, 4*time.Hour))
		w.write(by("bob", "new", ""), control.Patch([]byte(`{"variations":{"b":null,"d":4}}`)))
		require.Contains(t, w.last().Text, "Its ramp of b to 100 % ended, after step 0 of 2.")
		pass(time.Hour)
		require.Contains(t, w.story("new"), `failed null→null`)
		require.Contains(t, w.lines()[1].Text, `It could not be done: to: there is no variation "c"`)
		got, err := w.Get(id("new"))
		require.NoError(t, err)
		require.Empty(t, got.Schedule)
		require.Nil(t, got.Ramp)
	})
}

func TestARampThatCannotGoOnStops(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		w := openAt(t, path, control.Options{})
		broken := fmt.Sprintf(`{"key":"new","environment":"production","definition":%s,"ramp":{"id":"r","variation":"gone","from":0,"to":100,"steps":2,"start":%q,"end":%q,"by":"bob"}}`,
			boolean, time.Now().Add(time.Hour).Format(time.RFC3339), time.Now().Add(2*time.Hour).Format(time.RFC3339))
		require.NoError(t, w.log.Transact(t.Context(), func(ctx context.Context, tx annotate.Tx) error {
			_, err := tx.PutDocument(ctx, annotate.Document{Space: "flag", Key: "production/new", Body: []byte(broken)})
			return err
		}))
		w = w.reopen()
		pass(24 * time.Hour)
		require.Len(t, w.lines(), 1)
		line := w.last()
		require.Equal(t, "ramp of new stopped", line.Title)
		require.Equal(t, annotate.Failed, line.Status)
		require.Contains(t, line.Text, `no variation "gone"`)
		got, err := w.Get(id("new"))
		require.NoError(t, err)
		require.Nil(t, got.Ramp)
	})
}

// selfMoving is a definition that does all that a definition can do by itself.
func selfMoving(now time.Time) string {
	at := func(d time.Duration) string { return now.Add(d).UTC().Format(time.RFC3339Nano) }
	return strings.NewReplacer("T1", at(time.Hour), "T2", at(2*time.Hour), "T3", at(3*time.Hour), "T4", at(4*time.Hour), "T5", at(5*time.Hour)).Replace(
		`{"variations":{"on":true,"off":false},"defaultRule":{"variation":"off"},
		"experimentation":{"start":"T1","end":"T5"},
		"scheduledRollout":[{"date":"T2","defaultRule":{"percentage":{"on":30,"off":70}}},{"date":"T3","defaultRule":{"percentage":{"on":60,"off":40}}}],
		"metadata":{"expires":"T4"}}`)
}

func TestWhatADefinitionDoesByItselfIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		w := openAt(t, path, control.Options{})
		began := time.Now()
		w.put("new", selfMoving(began))
		want := []string{
			`succeeded null→"SdkDefault"`, `succeeded "SdkDefault"→"off"`,
			`succeeded "off"→{"off":70,"on":30}`, `succeeded {"off":70,"on":30}→{"off":40,"on":60}`,
			`succeeded {"off":40,"on":60}→{"off":40,"on":60}`, `succeeded {"off":40,"on":60}→"SdkDefault"`,
		}
		pass(time.Hour)
		require.Equal(t, want[:2], w.story("new"))
		w.close()
		time.Sleep(90 * time.Minute) // it comes due while nobody is there
		w = w.reopen()
		synctest.Wait()
		require.Equal(t, want[:3], w.story("new"))
		require.Equal(t, began.Add(2*time.Hour).UTC(), w.last().Start.Time, "at its true time")
		pass(24 * time.Hour)
		require.Equal(t, want, w.story("new"))
		lines := w.lines()
		require.Equal(t, "new expired", lines[4].Title)
		require.Equal(t, "ann", lines[4].Who.Name)
		w = w.reopen()
		pass(24 * time.Hour)
		require.Equal(t, want, w.story("new"))
	})
}

func TestAVersionAfterARestartIsNoneFromBeforeAMove(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		w := openAt(t, path, control.Options{})
		w.put("new", selfMoving(time.Now()))
		before, _ := w.Version(production)
		pass(time.Hour)
		moved, _ := w.Version(production)
		require.NotEqual(t, before, moved)
		w = w.reopen()
		after, _ := w.Version(production)
		require.Equal(t, moved.ETag, after.ETag)
	})
}

func TestTwoThingsOfOneMomentAreBothTold(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		w := openAt(t, path, control.Options{})
		at := func(d time.Duration) string { return time.Now().Add(time.Hour + d).UTC().Format(time.RFC3339Nano) }
		w.put("new", fmt.Sprintf(`{"variations":{"on":true,"off":false},"defaultRule":{"variation":"off"},"metadata":{"expires":%q},"scheduledRollout":[
			{"date":%q,"defaultRule":{"percentage":{"on":30,"off":70}}},{"date":%q,"defaultRule":{"percentage":{"on":60,"off":40}}}]}`,
			at(0), at(0), at(time.Microsecond)))
		pass(2 * time.Hour)
		require.Equal(t, []string{
			`succeeded null→"off"`, `succeeded "off"→{"off":70,"on":30}`,
			`succeeded {"off":70,"on":30}→{"off":70,"on":30}`, `succeeded {"off":70,"on":30}→{"off":40,"on":60}`,
		}, w.story("new"))
		require.Equal(t, "new expired", w.lines()[2].Title)
	})
}

func TestAProgressiveRolloutIsToldByTenths(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		w := openAt(t, path, control.Options{})
		start := time.Now().Add(time.Hour)
		w.put("new", fmt.Sprintf(`{"variations":{"on":true,"off":false},"defaultRule":{"progressiveRollout":{
			"initial":{"variation":"off","percentage":0,"date":%q},"end":{"variation":"on","percentage":100,"date":%q}}}}`,
			start.Format(time.RFC3339), start.Add(10*time.Hour).Format(time.RFC3339)))
		pass(5 * time.Hour)
		require.Len(t, w.lines(), 6)
		require.Equal(t, `succeeded {"off":70,"on":30}→{"off":60,"on":40}`, w.story("new")[5])
		// Somebody comes between: what was due until then is told before.
		time.Sleep(time.Hour)
		w.write(by("bob", "new", ""), rollout("on", 10))
		require.Equal(t, []string{`succeeded {"off":60,"on":40}→{"off":50,"on":50}`, `succeeded {"off":50,"on":50}→{"off":90,"on":10}`}, w.story("new")[6:])
		pass(24 * time.Hour)
		require.Len(t, w.lines(), 8)
	})
}

func TestAKillDoesNotWaitForAllThatIsOverdue(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		b := &broken{}
		w := openAt(t, path, control.Options{Log: b})
		const overdue = 60
		at := annotate.At(time.Now().Add(time.Hour))
		for n := range overdue {
			key := fmt.Sprint("new-", n)
			w.put(key, boolean)
			w.write(by("bob", key, ""), control.Schedule(at, flag.Action{Flip: &flag.Flip{To: "on"}}))
		}
		var commits atomic.Int32
		var waited int32
		before := func() {
			if commits.Add(1) == 1 {
				go func() {
					w.write(by("ann", "new-0", ""), kill())
					waited = commits.Load()
				}()
				synctest.Wait() // for it to wait for its turn
			}
		}
		b.before.Store(&before)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		require.EqualValues(t, overdue+1, commits.Load())
		require.Positive(t, waited)
		require.LessOrEqual(t, waited, int32(22))
	})
}

func TestTheSchedulerWaitsForTheLog(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		b, set := &broken{}, metrics.NewSet()
		w := openAt(t, path, control.Options{Log: b, Metrics: set})
		w.put("new", boolean)
		w.put("other", selfMoving(time.Now()))
		w.write(by("bob", "new", ""), control.Schedule(annotate.At(time.Now().Add(time.Hour)), flag.Action{Flip: &flag.Flip{To: "on"}}))
		b.fails.Store(true)
		pass(2 * time.Hour)
		require.Equal(t, false, w.value("new", "u"), "it answers as before")
		require.NotNil(t, w.value("other", "u"), "what a definition does needs no log")
		late := set.GetOrCreateGauge("tidemark_flag_scheduler_late_seconds", nil).Get()
		require.InDelta(t, 3600, late, 1)
		require.Positive(t, set.GetOrCreateCounter("tidemark_flag_scheduler_retries_total").Get())
		b.fails.Store(false)
		pass(2 * time.Minute)
		require.Equal(t, true, w.value("new", "u"))
		require.Contains(t, w.lines()[2].Text, "late.")
		require.Equal(t, []string{`succeeded null→"SdkDefault"`, `succeeded "SdkDefault"→"off"`, `succeeded "off"→{"off":70,"on":30}`}, w.story("other"))
		require.Zero(t, set.GetOrCreateGauge("tidemark_flag_scheduler_late_seconds", nil).Get())
	})
}

func TestAClockThatIsSetDoesNoHarm(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		var shift atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
		w := openAt(t, path, control.Options{Now: now})
		w.put("new", selfMoving(now()))
		w.write(by("bob", "new", ""), control.Schedule(annotate.At(now().Add(30*time.Minute)), flag.Action{Flip: &flag.Flip{To: "on"}}))
		pass(time.Minute)
		shift.Store(int64(2*time.Hour + time.Minute)) // forward: within half a minute all that is due is done
		pass(time.Minute)
		story := w.story("new")
		require.Len(t, story, 4)
		shift.Store(int64(-24 * time.Hour)) // back: nothing happens twice
		pass(time.Hour)
		require.Equal(t, story, w.story("new"))
		w.put("late", selfMoving(now()))
		pass(90 * time.Minute)
		require.Equal(t, []string{`succeeded null→"SdkDefault"`, `succeeded "SdkDefault"→"off"`}, w.story("late"))
		shift.Store(0)
		pass(24 * time.Hour)
		require.Len(t, w.story("late"), 6)
		require.NoError(t, w.Apply(context.Background(), control.Settings{Environments: []string{production}}))
	})
}

func TestAnEnvironmentThatIsNotListedRests(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		w := openAt(t, path, control.Options{})
		w.put("new", boolean)
		w.write(by("bob", "new", ""), control.Schedule(annotate.At(time.Now().Add(time.Hour)), flag.Action{Flip: &flag.Flip{To: "on"}}))
		sub, err := w.Subscribe(production)
		require.NoError(t, err)
		require.NoError(t, w.Apply(t.Context(), control.Settings{Environments: []string{"staging"}}))
		_, open := <-sub.C
		require.False(t, open)
		_, ok := w.Set(production)
		require.False(t, ok)
		require.Equal(t, []string{"staging"}, w.Environments())
		_, err = w.Write(t.Context(), by("ann", "new", ""), flip("on"))
		require.Equal(t, annotate.NotFound, code(err))
		pass(2 * time.Hour)
		require.Len(t, w.lines(), 2)
		require.NoError(t, w.Apply(t.Context(), control.Settings{Environments: []string{production}}))
		synctest.Wait()
		require.Equal(t, true, w.value("new", "u"))
	})
}

func TestWhatADefinitionDoesIsToldOfAnEnvironmentThatIsNotListed(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		w := openAt(t, path, control.Options{})
		began := time.Now()
		w.put("new", selfMoving(began))
		elsewhere := by("ann", "elsewhere", "")
		elsewhere.Environment = "staging"
		w.write(elsewhere, control.Put(definition(t, selfMoving(began.Add(time.Minute)))))
		w.write(by("bob", "new", ""), control.Schedule(annotate.At(began.Add(90*time.Minute)), flag.Action{Rollout: &flag.Rollout{Variation: "on", Percentage: 10}}))
		require.NoError(t, w.Apply(t.Context(), control.Settings{Environments: []string{"staging"}}))
		pass(150 * time.Minute)
		want := []string{`succeeded null→"SdkDefault"`, `planned null→null`, `succeeded "SdkDefault"→"off"`, `succeeded "off"→{"off":70,"on":30}`}
		require.Equal(t, want, w.story("new"), "what was planned rests")
		w.opts.Settings.Environments = []string{"staging"}
		w = w.reopen()
		pass(time.Hour)
		require.Equal(t, `succeeded {"off":70,"on":30}→{"off":40,"on":60}`, w.story("new")[4])
		require.Len(t, w.story("elsewhere"), 4)
	})
}

func TestALineThatTakesNoMoreHoldsUpNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		w := openAt(t, path, control.Options{})
		at := annotate.At(time.Now().Add(time.Hour))
		for _, key := range []string{"full", "other"} {
			w.put(key, boolean)
			w.write(by("bob", key, ""), control.Schedule(at, flag.Action{Flip: &flag.Flip{To: "on"}}))
		}
		got, err := w.Get(id("full"))
		require.NoError(t, err)
		planned, err := w.log.Get(t.Context(), got.Schedule[0].Change)
		require.NoError(t, err)
		require.NoError(t, w.log.Transact(t.Context(), func(ctx context.Context, tx annotate.Tx) error {
			for n := range 999 {
				_, err := tx.Record(ctx, "somebody", annotate.Report{
					Source: planned.Source, ExternalID: planned.ExternalID, Kind: annotate.KindFlag, Text: fmt.Sprint(n),
				})
				if err != nil {
					return err
				}
			}
			return nil
		}))
		pass(time.Hour)
		require.Equal(t, true, w.value("other", "u"))
		require.Equal(t, false, w.value("full", "u"))
		got, err = w.Get(id("full"))
		require.NoError(t, err)
		require.Empty(t, got.Schedule)
		require.Equal(t, []string{`succeeded null→"off"`, `planned null→null`, `failed null→null`}, w.story("full"))
		pass(time.Hour)
		require.Len(t, w.story("full"), 3)
	})
}

func TestAStepThatIsLeftDoesNotHideWhatItsDefinitionDoes(t *testing.T) {
	inBubble(t, func(t *testing.T, path string) {
		b := &broken{}
		w := openAt(t, path, control.Options{Log: b})
		w.put("new", selfMoving(time.Now()))
		w.write(by("bob", "new", ""), control.Schedule(annotate.At(time.Now().Add(150*time.Minute)), flag.Action{Flip: &flag.Flip{To: "on"}}))
		pass(140 * time.Minute)
		b.refuses.Store(2) // the step, and the line that it cannot be taken
		pass(24 * time.Hour)
		require.Equal(t, []string{
			`succeeded null→"SdkDefault"`, `planned null→null`, `succeeded "SdkDefault"→"off"`, `succeeded "off"→{"off":70,"on":30}`,
			`succeeded {"off":70,"on":30}→{"off":40,"on":60}`, `succeeded {"off":40,"on":60}→{"off":40,"on":60}`, `succeeded {"off":40,"on":60}→"SdkDefault"`,
		}, w.story("new"))
		w.write(by("ann", "new", ""), control.Patch([]byte(`{"metadata":null}`)))
		pass(time.Minute)
		got, err := w.Get(id("new"))
		require.NoError(t, err)
		require.Empty(t, got.Schedule, "it is tried again once the flag changes")
	})
}
