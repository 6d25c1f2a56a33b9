package flag

import (
	"time"

	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
)

// NextChange returns when the flag next moves by itself: a step of its ramp, an
// action of its schedule, a scheduled step of its definition, an edge of its
// experiment, the start, the end and each tenth of a progressive rollout. A step or
// an action that is overdue counts; what the definition did in the past does not. It returns
// false where nothing is to come.
func (f Flag) NextChange(now time.Time) (time.Time, bool) {
	var next time.Time
	offer := func(at time.Time) {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	ahead := func(at time.Time) {
		if at.After(now) {
			offer(at)
		}
	}
	if f.Ramp != nil && f.Ramp.Done < f.Ramp.Steps {
		offer(f.Ramp.Due(f.Ramp.Done + 1))
	}
	if len(f.Schedule) > 0 {
		offer(f.Schedule[0].At.Time)
	}
	for _, date := range stepDates(f.Definition) {
		ahead(date)
	}
	resolved, _, err := resolve(f.Definition, nil, now)
	if err != nil {
		return next, !next.IsZero()
	}
	if e := resolved.Experimentation; e != nil {
		if e.Start != nil {
			ahead(*e.Start)
		}
		if e.End != nil {
			ahead(e.End.Add(time.Millisecond)) // at its end it still goes on
		}
	}
	for _, rule := range resolved.GetRules() {
		progress(rule.ProgressiveRollout, ahead)
	}
	if resolved.DefaultRule != nil {
		progress(resolved.DefaultRule.ProgressiveRollout, ahead)
	}
	return next, !next.IsZero()
}

// progress calls ahead with the start, each tenth, and the end of a progressive rollout.
func progress(r *flag.ProgressiveRollout, ahead func(time.Time)) {
	p := newProgressive(r)
	if p == nil {
		return
	}
	span := p.end.Sub(p.start)
	for tenth := range 10 {
		ahead(p.start.Add(span / 10 * time.Duration(tenth)))
	}
	ahead(p.end)
}
