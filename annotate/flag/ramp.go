package flag

import (
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// The limits of a ramp.
const (
	MaxRampSteps    = 100 // each is a revision, of which annotate.MaxDocumentRevisions are kept
	MinRampDuration = time.Second
	MaxRampDuration = 366 * 24 * time.Hour
)

// NewRamp returns a ramp that begins at now with the percentage from, and leads
// to the percentage to over a time in equal steps, of which the first comes
// after one step's time. Its id, reason and author are for the caller to fill in.
func NewRamp(variation, rest string, from, to float64, steps int, over time.Duration, now time.Time) Ramp {
	first := over / time.Duration(max(1, steps))
	return Ramp{
		Variation: variation, Rest: rest,
		From: from, To: to, Steps: steps,
		Start: annotate.At(now.Add(first)), End: annotate.At(now.Add(over)),
	}
}

// Validate returns an Invalid error that names the field of r that is wrong.
func (r Ramp) Validate() error {
	for _, p := range []struct {
		field string
		value float64
	}{{"from", r.From}, {"to", r.To}} {
		if err := validatePercentage(p.field, p.value); err != nil {
			return err
		}
	}
	span := r.End.Sub(r.Start.Time)
	switch {
	case r.Variation == "":
		return invalid("variation", "", "is missing; say whose percentage is to move")
	case r.Variation == r.Rest:
		return invalid("rest", r.Rest, "must be another variation than the one that is ramped")
	case r.From == r.To:
		return invalid("to", r.To, "is where the ramp begins; say another percentage")
	case r.Steps < 1 || r.Steps > MaxRampSteps:
		return invalid("steps", r.Steps, "must be from 1 to %d", MaxRampSteps)
	case r.Start.IsZero():
		return invalid("start", nil, "is missing; say when the first step is due")
	case r.End.IsZero():
		return invalid("end", nil, "is missing; say when the last step is due")
	case r.Steps > 1 && span < MinRampDuration/2:
		return invalid("end", r.End, "is too soon after start; a ramp takes at least %s", MinRampDuration)
	case r.Steps == 1 && span < 0:
		return invalid("end", r.End, "is before start")
	case span > MaxRampDuration:
		return invalid("end", r.End, "is too long after start; a ramp takes at most 366 days")
	case r.Done < 0 || r.Done > r.Steps:
		return invalid("done", r.Done, "must be from 0 to steps, which is %d", r.Steps)
	}
	return nil
}

// Due returns when the step numbered n is, counted from 1.
func (r Ramp) Due(n int) time.Time {
	if n >= r.Steps {
		return r.End.Time
	}
	span := r.End.Sub(r.Start.Time)
	return r.Start.Add(time.Duration(float64(span) * float64(n-1) / float64(r.Steps-1))).Truncate(time.Millisecond)
}

// Percentage returns the percentage after the step numbered n; that of 0 is From.
func (r Ramp) Percentage(n int) float64 {
	if n >= r.Steps {
		return r.To
	}
	return thousandth(r.From + (r.To-r.From)*float64(n)/float64(r.Steps))
}

// dueAt returns how many steps are due at a time.
func (r Ramp) dueAt(now time.Time) int {
	n := r.Done
	for n < r.Steps && !r.Due(n+1).After(now) {
		n++
	}
	return n
}

// Begin puts the flag on a ramp. It gives the variation the percentage From at
// once, as Rollout does; a ramp that is under way ends.
func (f Flag) Begin(r Ramp, now time.Time) (Move, error) {
	if err := r.Validate(); err != nil {
		return Move{}, err
	}
	if f.Definition.Disable != nil && *f.Definition.Disable {
		return Move{}, conflict("key", f.Key, "is disabled; switch it on before its ramp begins, so that nobody has it who should not")
	}
	m, err := f.Rollout(Rollout{Variation: r.Variation, Percentage: r.From, Rest: r.Rest}, now)
	if err != nil {
		return Move{}, err
	}
	// Each later step has to know who gets the rest as well.
	if _, err := m.Flag.Rollout(Rollout{Variation: r.Variation, Percentage: r.To, Rest: r.Rest}, now); err != nil {
		return Move{}, err
	}
	m.Changed = true
	m.Flag.Ramp = &r
	return m, nil
}

// Step takes the steps of the flag's ramp that are due, several at once where
// nobody took them in time, as of when the last of them was due: what the definition
// does after that is still to come after them. The shares of the Move are those of now. Changed is false where none is. A flag that is disabled stays
// so. After the last step there is no ramp, and Ended is nil: it came to its end by itself.
func (f Flag) Step(now time.Time) (Move, error) {
	if f.Ramp == nil {
		return Move{Flag: f, Before: f.Shares(now), After: f.Shares(now)}, nil
	}
	ramp := *f.Ramp
	ramp.Done = ramp.dueAt(now)
	if ramp.Done == f.Ramp.Done {
		return Move{Flag: f, Before: f.Shares(now), After: f.Shares(now)}, nil
	}
	due := ramp.Due(ramp.Done)
	m, err := f.begin(due)
	if err != nil {
		return Move{}, err
	}
	if err := m.rollout(Rollout{Variation: ramp.Variation, Percentage: ramp.Percentage(ramp.Done), Rest: ramp.Rest}, due); err != nil {
		return Move{}, err
	}
	m = m.done(f, due)
	m.Before, m.Changed = f.Shares(now), true
	m.Flag.Ramp = &ramp
	if ramp.Done == ramp.Steps {
		m.Flag.Ramp = nil
	}
	m.After = m.Flag.Shares(now)
	return m, nil
}

// Halt ends the ramp where it is.
func (f Flag) Halt(now time.Time) (Move, error) {
	if f.Ramp == nil {
		return Move{}, conflict("ramp", nil, "there is none under way")
	}
	m, err := f.begin(now)
	if err != nil {
		return Move{}, err
	}
	m.endRamp()
	return m.done(f, now), nil
}
