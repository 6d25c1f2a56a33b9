package flag

import (
	"slices"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// MaxSchedule is how many actions may be planned for one flag.
const MaxSchedule = 100

// Validate returns an Invalid error that names the field of s that is wrong.
func (s Scheduled) Validate(now time.Time) error {
	switch {
	case s.At.IsZero():
		return invalid("at", nil, "is missing; say when it is to be done")
	case !s.At.After(now):
		return invalid("at", s.At, "is not in the future; do it at once, or say a later time")
	case s.At.After(now.Add(annotate.MaxAhead)):
		return invalid("at", s.At, "is more than a year ahead; say a time before %s", now.Add(annotate.MaxAhead).UTC().Format(time.DateOnly))
	}
	return prefixed("do", s.Do.Validate())
}

// Validate returns an Invalid error where a is not exactly one action, or one of its fields is wrong.
func (a Action) Validate() error {
	n := 0
	for _, set := range []bool{a.Flip != nil, a.Rollout != nil, a.Kill != nil} {
		if set {
			n++
		}
	}
	switch {
	case n != 1:
		return invalid("", n, "say exactly one of flip, rollout and kill")
	case a.Flip != nil && a.Flip.To == "":
		return invalid("flip.to", "", "is missing; say on, off, or a variation")
	case a.Rollout != nil:
		return prefixed("rollout", a.Rollout.Validate())
	}
	return nil
}

// Validate returns an Invalid error that names the field of r that is wrong.
func (r Rollout) Validate() error {
	switch {
	case r.Variation == "":
		return invalid("variation", "", "is missing; say whose percentage is to change")
	case r.Rest == r.Variation:
		return invalid("rest", r.Rest, "must be another variation than the one that gets the percentage")
	}
	return validatePercentage("percentage", r.Percentage)
}

// Plan adds s to the flag's schedule. It tries the action on the flag as it is,
// so that what cannot be done is refused now and not at night.
func (f Flag) Plan(s Scheduled, now time.Time) (Move, error) {
	if err := s.Validate(now); err != nil {
		return Move{}, err
	}
	if len(f.Schedule) >= MaxSchedule {
		return Move{}, &annotate.Error{Code: annotate.TooMany, Field: "schedule", Value: len(f.Schedule),
			Message: "there are 100 planned actions, the most that a flag can have; cancel one"}
	}
	if _, err := f.Apply(s.Do, now); err != nil {
		return Move{}, prefixed("do", err)
	}
	m := Move{Flag: f, Before: f.Shares(now), After: f.Shares(now), Changed: true}
	at, _ := slices.BinarySearchFunc(f.Schedule, s, func(a, b Scheduled) int {
		if a.At.After(b.At.Time) {
			return 1
		}
		return -1 // of two at one time, the first that was asked for comes first
	})
	m.Flag.Schedule = slices.Insert(slices.Clone(f.Schedule), at, s)
	return m, nil
}

// Unplan takes what has the id from the flag's schedule.
func (f Flag) Unplan(id string, now time.Time) (Move, error) {
	at := slices.IndexFunc(f.Schedule, func(s Scheduled) bool { return s.ID == id })
	if at < 0 {
		return Move{}, &annotate.Error{Code: annotate.NotFound, Field: "id", Value: id, Message: "nothing with this id is planned for the flag"}
	}
	m := Move{Flag: f, Before: f.Shares(now), After: f.Shares(now), Changed: true, Cancelled: []Scheduled{f.Schedule[at]}}
	m.Flag.Schedule = slices.Delete(slices.Clone(f.Schedule), at, at+1)
	return m, nil
}

// Perform does the first thing in the schedule that is due, and takes it out, as
// of when it was due: what the definition does after that is still to come after
// it. The shares of the Move are those of now. It returns nil where none is. Where it cannot be done, the Move is the flag
// without it, and the error says why.
func (f Flag) Perform(now time.Time) (*Scheduled, Move, error) {
	if len(f.Schedule) == 0 || f.Schedule[0].At.After(now) {
		return nil, Move{Flag: f, Before: f.Shares(now), After: f.Shares(now)}, nil
	}
	first := f.Schedule[0]
	f.Schedule = slices.Clone(f.Schedule[1:])
	m, err := f.Apply(first.Do, first.At.Time)
	if err != nil {
		m = Move{Flag: f}
	}
	m.Before, m.After, m.Changed = f.Shares(now), m.Flag.Shares(now), true
	return &first, m, err
}
