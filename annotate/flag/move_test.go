package flag

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

const onOff = "variations: {on: true, off: false}\n"

func moved(t *testing.T) func(m Move, err error) Flag {
	return func(m Move, err error) Flag {
		t.Helper()
		require.NoError(t, err)
		require.True(t, m.Changed)
		require.NoError(t, m.Flag.Validate())
		return m.Flag
	}
}

func TestFlip(t *testing.T) {
	f := func(definition, to string, want Shares) {
		t.Helper()
		flag := define(t, "f", definition)
		m, err := flag.Flip(Flip{To: to}, epoch)
		require.NoError(t, err)
		require.Equal(t, want, m.After)
		require.Equal(t, want, m.Flag.Shares(epoch))
		require.NoError(t, m.Flag.Validate())
		again, err := m.Flag.Flip(Flip{To: to}, epoch)
		require.NoError(t, err)
		require.False(t, again.Changed)
	}
	f(onOff+"defaultRule: {variation: off}", "on", Shares{"on": 100})
	f(onOff+"defaultRule: {percentage: {on: 30, off: 70}}", "off", Shares{"off": 100})
	f("variations: {yes: true, no: false}\ndefaultRule: {variation: no}", "on", Shares{"yes": 100})
	f("variations: {yes: true, no: false}\ndefaultRule: {variation: no}", "yes", Shares{"yes": 100})
	f("variations: {a: 1, b: 2}\ndefaultRule: {variation: a}", "b", Shares{"b": 100})
	f("variations: {a: 1, b: 2}\ndefaultRule: {variation: a}", "off", Shares{CodeDefault: 100})
	f("variations: {a: 1, b: 2}\ndefaultRule: {variation: a}\ndisable: true", "on", Shares{"a": 100})
	f("variations: {a: 1, b: 2}\ndefaultRule: {variation: a}\ndisable: true", "b", Shares{"b": 100})
	f("variations: {a: true, b: true, c: false}\ndefaultRule: {variation: c}\ndisable: true", "on", Shares{"c": 100})
	f(onOff+"defaultRule: {progressiveRollout: {initial: {variation: off, date: 2026-01-01}, end: {variation: on, date: 2026-12-01}}}", "on", Shares{"on": 100})
	// A step that is due does not overrule what a person says.
	f(onOff+"defaultRule: {variation: on}\nscheduledRollout: [{date: 2026-01-01, disable: true}]", "on", Shares{"on": 100})
	f(onOff+"defaultRule: {variation: off}\nscheduledRollout: [{date: 2026-01-01, defaultRule: {variation: off}}]", "on", Shares{"on": 100})
}

func TestMovesAreRefusedWithWhatWouldBeRight(t *testing.T) {
	three := define(t, "f", "variations: {a: 1, b: 2, c: 3}\ndefaultRule: {variation: a}")
	f := func(flag Flag, action, field, want string) {
		t.Helper()
		var a Action
		require.NoError(t, json.Unmarshal([]byte(action), &a))
		_, err := flag.Apply(a, epoch)
		var e *annotate.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, field, e.Field)
		require.Contains(t, e.Message, want)
	}
	f(three, `{}`, "", "exactly one of")
	f(three, `{"flip": {"to": ""}}`, "flip.to", "is missing")
	f(three, `{"flip": {"to": "aa"}}`, "to", `did you mean "a"`)
	f(three, `{"rollout": {"variation": "x", "percentage": 1}}`, "variation", "say a, b or c")
	f(three, `{"rollout": {"variation": "a", "percentage": 101}}`, "rollout.percentage", "from 0 to 100")
	f(three, `{"rollout": {"variation": "a", "percentage": 0.0001}}`, "rollout.percentage", "thousandth")
	f(three, `{"rollout": {"variation": "a", "percentage": 30}}`, "rest", "who gets the other 70 %: b or c")
	f(three, `{"rollout": {"variation": "a", "percentage": 30, "rest": "a"}}`, "rollout.rest", "another variation")
	f(three, `{"rollout": {"variation": "a", "percentage": 30, "rest": "z"}}`, "rest", `no variation "z"`)
	three.Origin = &Origin{Path: "flags/f.yaml"}
	f(three, `{"kill": {}}`, "key", "flags/f.yaml")
}

func TestRollout(t *testing.T) {
	f := func(definition string, r Rollout, want Shares) Flag {
		t.Helper()
		m, err := define(t, "f", definition).Rollout(r, epoch)
		require.NoError(t, err)
		require.Equal(t, want, m.After)
		require.NoError(t, m.Flag.Validate())
		return m.Flag
	}
	three := "variations: {a: 1, b: 2, c: 3}\n"
	f(onOff+"defaultRule: {variation: off}", Rollout{Variation: "on", Percentage: 10}, Shares{"on": 10, "off": 90})
	f(onOff+"defaultRule: {variation: on}\ndisable: true", Rollout{Variation: "on", Percentage: 10}, Shares{"on": 10, "off": 90})
	f(three+"defaultRule: {variation: a}", Rollout{Variation: "b", Percentage: 10}, Shares{"b": 10, "a": 90})
	f(three+"defaultRule: {variation: a}", Rollout{Variation: "b", Percentage: 10, Rest: "c"}, Shares{"b": 10, "c": 90})
	f(three+"defaultRule: {percentage: {a: 50, b: 20, c: 30}}", Rollout{Variation: "b", Percentage: 60}, Shares{"a": 25, "b": 60, "c": 15})
	f(three+"defaultRule: {percentage: {a: 50, b: 20, c: 30}}", Rollout{Variation: "b", Percentage: 100}, Shares{"b": 100})
	f(three+"defaultRule: {percentage: {a: 33, b: 33, c: 34}}", Rollout{Variation: "c", Percentage: 33.333}, Shares{"a": 33.334, "b": 33.333, "c": 33.333})
	now := f(onOff+"defaultRule: {progressiveRollout: {initial: {variation: off, percentage: 0, date: 2026-03-04T00:00:00Z}, end: {variation: on, date: 2026-03-05T00:00:00Z}}}",
		Rollout{Variation: "on", Percentage: 60}, Shares{"on": 60, "off": 40})
	require.Nil(t, now.Definition.DefaultRule.ProgressiveRollout)
	require.Empty(t, now.Allocation)
	kept := f(onOff+"defaultRule: {progressiveRollout: {initial: {variation: on, percentage: 0, date: 2026-03-04T00:00:00Z}, end: {variation: off, date: 2026-03-05T00:00:00Z}}}",
		Rollout{Variation: "on", Percentage: 50}, Shares{"on": 50, "off": 50})
	require.NotEmpty(t, kept.Allocation, "the library would swap the two halves")
}

// TestMovesKeepPeopleWhereTheyAre rolls out at random, and looks at people.
func TestMovesKeepPeopleWhereTheyAre(t *testing.T) {
	d := newDice(t, 19)
	const people = 300
	for range rounds(t, 6) {
		f := define(t, "f", d.one(
			"variations: {a: 1, b: 2, c: 3}\ndefaultRule: {percentage: {a: 50, b: 20, c: 30}}",
			"variations: {a: 1, b: 2, c: 3, d: 4}\ndefaultRule: {progressiveRollout: {initial: {variation: c, percentage: 10, date: 2026-03-01}, end: {variation: a, percentage: 100, date: 2026-03-20}}}",
			onOff+"defaultRule: {percentage: {on: 5, off: 95}}",
		))
		for range 8 {
			before, was := answers(f, people, epoch), f.Shares(epoch)
			variation := d.one(sortedKeys(*f.Definition.Variations)...)
			m, err := f.Rollout(Rollout{Variation: variation, Percentage: thousandth(d.Float64() * 100)}, epoch)
			if err != nil {
				require.ErrorContains(t, err, "rest: is missing")
				continue
			}
			f = m.Flag
			after, is := answers(f, people, epoch), f.Shares(epoch)
			for i := range before {
				if before[i] != after[i] {
					require.Less(t, is[before[i]], was[before[i]], "%v → %v", was, is)
					require.Greater(t, is[after[i]], was[after[i]], "%v → %v", was, is)
				}
			}
		}
	}
}

func TestKillAndBack(t *testing.T) {
	f := define(t, "f", `
variations: {a: 1, b: 2, c: 3}
targeting: [{query: plan eq "pro", variation: b}]
defaultRule: {percentage: {a: 50, b: 20, c: 30}}
scheduledRollout: [{date: 2026-01-01, disable: false}, {date: 2026-05-01, disable: false}, {date: 2026-06-01, disable: true}]
`)
	f = moved(t)(f.Rollout(Rollout{Variation: "b", Percentage: 70}, epoch))
	ramp := NewRamp("b", "", 70, 90, 4, time.Hour, epoch)
	f.Ramp, f.Schedule = &ramp, []Scheduled{{ID: "s", At: annotate.At(epoch.Add(time.Hour)), Do: Action{Flip: &Flip{To: "on"}}}}
	m, err := f.Kill(epoch)
	require.NoError(t, err)
	require.True(t, m.Changed)
	require.Equal(t, Shares{CodeDefault: 100}, m.After)
	require.Equal(t, 0, m.Rules)
	require.Equal(t, &ramp, m.Ended)
	require.Len(t, m.Cancelled, 1)
	require.Len(t, m.Notes, 2)
	for _, at := range []time.Duration{0, 100 * 24 * time.Hour, 1000 * 24 * time.Hour} {
		set := NewSet("test", []Flag{m.Flag}, func() time.Time { return epoch.Add(at) }, nil)
		for _, attributes := range []map[string]any{nil, {"plan": "pro"}} {
			result := set.Evaluate("f", NewContext("u", attributes))
			require.Equal(t, ReasonDisabled, result.Reason)
			require.Nil(t, result.Value)
		}
	}
	again, err := m.Flag.Kill(epoch)
	require.NoError(t, err)
	require.False(t, again.Changed)
	off, err := m.Flag.Flip(Flip{To: "off"}, epoch)
	require.NoError(t, err)
	require.False(t, off.Changed)
	back := moved(t)(m.Flag.Flip(Flip{To: "on"}, epoch))
	require.Equal(t, answers(f, 200, epoch), answers(back, 200, epoch))
	require.Equal(t, f.Allocation, back.Allocation)
}

func TestAMoveLeavesTheFlagAsItWas(t *testing.T) {
	d := newDice(t, 23)
	for range rounds(t, 100) {
		f := Flag{Key: "f", Definition: d.definition()}
		if Validate("f", f.Definition) != nil {
			continue
		}
		before, err := json.Marshal(f)
		require.NoError(t, err)
		names := sortedKeys(*f.Definition.Variations)
		for _, a := range []Action{
			{Kill: &Kill{}}, {Flip: &Flip{To: d.one("on", "off")}}, {Flip: &Flip{To: names[0]}},
			{Rollout: &Rollout{Variation: d.one(names...), Percentage: 12.5}},
		} {
			m, err := f.Apply(a, epoch)
			if err == nil {
				require.NoError(t, m.Flag.Validate())
				sum := 0.0
				for _, share := range m.After {
					sum += share
				}
				require.InDelta(t, 100, sum, 0.0011)
			}
		}
		NewSet("", []Flag{f}, clock, nil).EvaluateAll(NewContext("u", nil))
		after, err := json.Marshal(f)
		require.NoError(t, err)
		require.Equal(t, string(before), string(after))
	}
}

func TestDefineIsSticky(t *testing.T) {
	f := define(t, "f", "variations: {a: 1, b: 2, c: 3}\ndefaultRule: {percentage: {a: 50, b: 20, c: 30}}")
	ramp := NewRamp("a", "", 50, 90, 4, time.Hour, epoch)
	f.Ramp = &ramp
	next := define(t, "f", "variations: {a: 1, b: 2, c: 3}\ndefaultRule: {percentage: {a: 40, b: 20, c: 40}}")
	m, err := f.Define(next.Definition, epoch)
	require.NoError(t, err)
	require.Equal(t, &ramp, m.Ended)
	before, after := answers(f, 500, epoch), answers(m.Flag, 500, epoch)
	for i := range before {
		if before[i] != after[i] {
			require.Equal(t, "a", before[i])
			require.Equal(t, "c", after[i])
		}
	}
	require.NotEmpty(t, m.Flag.Allocation)
	require.False(t, m.Flag.Portable())
	same, err := m.Flag.Define(next.Definition, epoch)
	require.NoError(t, err)
	require.False(t, same.Changed)
	back := moved(t)(m.Flag.Define(f.Definition, epoch))
	require.Empty(t, back.Allocation, "the library's own order again")
	require.Equal(t, before, answers(back, 500, epoch))
}

func TestRamp(t *testing.T) {
	f := define(t, "f", onOff+"defaultRule: {variation: off}")
	f = moved(t)(f.Begin(NewRamp("on", "", 0, 100, 10, 10*time.Minute, epoch), epoch))
	require.Equal(t, Shares{"off": 100}, f.Shares(epoch))
	next, ok := f.NextChange(epoch)
	require.True(t, ok)
	require.Equal(t, epoch.Add(time.Minute), next)
	idle, err := f.Step(epoch.Add(59 * time.Second))
	require.NoError(t, err)
	require.False(t, idle.Changed)
	for i := 1; i <= 10; i++ {
		at := epoch.Add(time.Duration(i) * time.Minute)
		m, err := f.Step(at)
		require.NoError(t, err)
		require.True(t, m.Changed)
		require.Empty(t, m.Flag.Allocation)
		require.Equal(t, float64(10*i), m.After["on"])
		f = m.Flag
	}
	require.Nil(t, f.Ramp)

	f = moved(t)(f.Begin(NewRamp("on", "off", 80, 20, 3, 3*time.Minute, epoch), epoch))
	require.Equal(t, 80.0, f.Shares(epoch)["on"])
	m, err := f.Step(epoch.Add(2 * time.Minute)) // two at once
	require.NoError(t, err)
	require.Equal(t, 2, m.Flag.Ramp.Done)
	require.Equal(t, 40.0, m.After["on"])
	halted := moved(t)(m.Flag.Halt(epoch))
	require.Nil(t, halted.Ramp)
	require.Equal(t, 40.0, halted.Shares(epoch)["on"])
	flipped, err := m.Flag.Flip(Flip{To: "on"}, epoch)
	require.NoError(t, err)
	require.NotNil(t, flipped.Ended)
}

func TestRampsAreValidated(t *testing.T) {
	f := func(field string, spoil func(*Ramp)) {
		t.Helper()
		r := NewRamp("on", "", 0, 100, 10, 10*time.Minute, epoch)
		require.NoError(t, r.Validate())
		spoil(&r)
		var e *annotate.Error
		require.ErrorAs(t, r.Validate(), &e)
		require.Equal(t, field, e.Field)
	}
	f("variation", func(r *Ramp) { r.Variation = "" })
	f("rest", func(r *Ramp) { r.Rest = "on" })
	f("from", func(r *Ramp) { r.From = -1 })
	f("to", func(r *Ramp) { r.To = 101 })
	f("to", func(r *Ramp) { r.To = r.From })
	f("steps", func(r *Ramp) { r.Steps = 0 })
	f("steps", func(r *Ramp) { r.Steps = 101 })
	f("start", func(r *Ramp) { r.Start = annotate.Time{} })
	f("end", func(r *Ramp) { r.End = annotate.Time{} })
	f("end", func(r *Ramp) { r.End = r.Start })
	f("end", func(r *Ramp) { r.End = annotate.At(epoch.AddDate(2, 0, 0)) })
	f("done", func(r *Ramp) { r.Done = 11 })
}

func TestSchedule(t *testing.T) {
	f := define(t, "f", onOff+"defaultRule: {variation: off}")
	plan := func(id, to string, in time.Duration) {
		t.Helper()
		f = moved(t)(f.Plan(Scheduled{ID: id, At: annotate.At(epoch.Add(in)), Do: Action{Flip: &Flip{To: to}}}, epoch))
	}
	plan("later", "off", 2*time.Hour)
	plan("sooner", "on", time.Hour)
	plan("same", "on", time.Hour)
	require.Equal(t, "sooner same later", fmt.Sprintf("%s %s %s", f.Schedule[0].ID, f.Schedule[1].ID, f.Schedule[2].ID))
	_, err := f.Plan(Scheduled{At: annotate.At(epoch.Add(time.Hour)), Do: Action{Flip: &Flip{To: "maybe"}}}, epoch)
	require.ErrorContains(t, err, "do.to: there is no variation")
	_, err = f.Plan(Scheduled{At: annotate.At(epoch), Do: Action{Kill: &Kill{}}}, epoch)
	require.ErrorContains(t, err, "at: is not in the future")
	f = moved(t)(f.Unplan("same", epoch))
	_, err = f.Unplan("same", epoch)
	require.Equal(t, annotate.NotFound, annotate.CodeOf(err))
	next, ok := f.NextChange(epoch)
	require.True(t, ok)
	require.Equal(t, epoch.Add(time.Hour), next)
	done, m, err := f.Perform(epoch)
	require.NoError(t, err)
	require.Nil(t, done)
	require.False(t, m.Changed)
	done, m, err = f.Perform(epoch.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, "sooner", done.ID)
	require.Equal(t, Shares{"on": 100}, m.After)
	require.Len(t, m.Flag.Schedule, 1)
	m.Flag.Schedule[0].Do.Flip.To = "gone"
	done, m, err = m.Flag.Perform(epoch.Add(3 * time.Hour))
	require.Error(t, err)
	require.Equal(t, "later", done.ID)
	require.Empty(t, m.Flag.Schedule)
}

func TestNextChange(t *testing.T) {
	f := func(definition string, from time.Time, want ...string) {
		t.Helper()
		flag := define(t, "f", onOff+definition)
		var got []string
		for at, ok := flag.NextChange(from); ok && len(got) < len(want)+1; at, ok = flag.NextChange(at) {
			got = append(got, at.Format("2006-01-02T15:04:05.000"))
		}
		require.Equal(t, want, got)
	}
	f("defaultRule: {variation: on}", epoch)
	f("defaultRule: {variation: on}\nexperimentation: {start: 2026-03-05, end: 2026-03-06}", epoch, "2026-03-05T00:00:00.000", "2026-03-06T00:00:00.001")
	f("defaultRule: {variation: on}\nscheduledRollout: [{date: 2026-03-06, disable: true}, {date: 2026-01-01, disable: true}, {date: 2026-03-05, disable: false}]", epoch,
		"2026-03-05T00:00:00.000", "2026-03-06T00:00:00.000")
	f("defaultRule: {progressiveRollout: {initial: {variation: off, date: 2026-03-04T00:00:00Z}, end: {variation: on, date: 2026-03-04T20:00:00Z}}}", epoch,
		"2026-03-04T14:00:00.000", "2026-03-04T16:00:00.000", "2026-03-04T18:00:00.000", "2026-03-04T20:00:00.000")
}

func TestLogValues(t *testing.T) {
	require.Equal(t, "on", Shares{"on": 100}.LogValue())
	require.Equal(t, map[string]float64{"on": 12.5, "off": 87.5}, Shares{"on": 12.5, "off": 87.5}.LogValue())
	m, err := define(t, "f", onOff+"defaultRule: {variation: off}").Rollout(Rollout{Variation: "on", Percentage: 25}, epoch)
	require.NoError(t, err)
	require.Equal(t, &annotate.FlagChange{Key: "f", From: "off", To: map[string]float64{"on": 25, "off": 75}}, m.LogChange())
}
