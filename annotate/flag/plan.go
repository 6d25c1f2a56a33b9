package flag

import (
	"fmt"

	"github.com/tidemark/tidemark/annotate"
)

// Ramp raises, or lowers, a variation's percentage step by step.
type Ramp struct {
	// ID tells one ramp from the next; the changes of its steps carry it.
	ID        string `json:"id"`
	Variation string `json:"variation" doc:"Whose percentage moves"`
	// Rest is the variation that has what Variation has not.
	Rest string  `json:"rest,omitempty" doc:"Who gets the rest; left out, the others keep their proportions"`
	From float64 `json:"from" doc:"The percentage at the start"`
	To   float64 `json:"to" doc:"The percentage at the end"`
	// Start and End are the times of the first and the last step.
	Start annotate.Time `json:"start" doc:"When the first step is due"`
	End   annotate.Time `json:"end" doc:"When the last step is due"`
	// Steps is how many steps lead from From to To; Done how many were taken.
	Steps int `json:"steps" doc:"How many steps there are after the first percentage"`
	Done  int `json:"done" doc:"How many of them were taken"`

	Reason string `json:"reason,omitempty" doc:"Why"`
	By     string `json:"by" doc:"Who began it"`
}

// Scheduled is something that is to be done to a flag at a time.
type Scheduled struct {
	ID string        `json:"id"`
	At annotate.Time `json:"at" doc:"When it is due"`
	Do Action        `json:"do" doc:"What is to be done"`

	Reason string `json:"reason,omitempty" doc:"Why"`
	By     string `json:"by" doc:"Who asked for it"`
	// Change is the planned change in the log.
	Change string `json:"change" doc:"The id of the planned change in the log"`
}

// Action is what can be done to a flag, at once or at a time. Exactly one of its
// fields is set.
type Action struct {
	Flip    *Flip    `json:"flip,omitempty"`
	Rollout *Rollout `json:"rollout,omitempty"`
	Kill    *Kill    `json:"kill,omitempty"`
}

// String says in a few words what is to be done.
func (a Action) String() string {
	switch {
	case a.Flip != nil:
		return "flip to " + a.Flip.To
	case a.Rollout != nil:
		return fmt.Sprintf("%s to %v %%", a.Rollout.Variation, a.Rollout.Percentage)
	default:
		return "kill"
	}
}

// Flip gives one variation to all whom no targeting rule catches, or switches the flag on or off.
type Flip struct {
	// To is a variation's name. "on" and "off" also stand for the variation of a
	// boolean flag with the value true or false, and, where there is none, for a
	// flag that is enabled or disabled.
	To string `json:"to" doc:"on, off, or a variation"`
}

// Rollout gives a variation a percentage of those whom no targeting rule catches.
type Rollout struct {
	Variation  string  `json:"variation"`
	Percentage float64 `json:"percentage" minimum:"0" maximum:"100"`
	// Rest is the variation that gets the rest. It may be left out where only one
	// other is there, or where the others have shares, whose proportions stay.
	Rest string `json:"rest,omitempty" doc:"Who gets the rest; left out, the others keep their proportions"`
}

// Kill disables the flag, for everyone, targeted or not: the code's own default
// counts. Its rules stay as they are, and flipping it on brings them back.
type Kill struct{}
