package control

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// Author is who does something to a flag, and why.
type Author struct {
	// By is how the caller is known: the token's name.
	By string
	// Who made the change where that is somebody else; nil for By.
	Who *annotate.Who
	// Reason is why, for the reader of the log.
	Reason string
	// Undoes is the id of the change that this one takes back; empty for none.
	Undoes string
}

// name is who made the change, as the log names them.
func (a Author) name() string {
	if a.Who != nil {
		return a.Who.Name
	}
	return a.By
}

// Condition is what must hold for a write to happen, so that two people never
// overwrite each other.
type Condition struct {
	// Revision must be the flag's newest; 0 does not ask.
	Revision int64
	// Absent asks that there is no such flag yet.
	Absent bool
}

// ErrCondition is in the chain of the Conflict error of a Condition that does not hold.
var ErrCondition = errors.New("the condition does not hold")

// Request says to which flag something is to be done, by whom, and on what condition.
type Request struct {
	ID
	Author
	Condition
}

// Written is what became of a write.
type Written struct {
	// Flag is the flag after it; the last there was of one that is deleted.
	Flag flag.Flag `json:"flag"`
	// Created and Deleted tell of a flag that was not there before, or is not any more.
	Created bool `json:"created,omitempty"`
	Deleted bool `json:"deleted,omitempty"`
	// Changed is false where the flag was as it should be already: nothing was written then.
	Changed bool `json:"changed"`
	// Change is the line in the log; nil where nothing was written.
	Change *annotate.Change `json:"change,omitempty"`
	// Rules is how many targeting rules apply after it, whatever the shares say.
	Rules int `json:"rules" doc:"How many targeting rules apply before the default rule does"`
	// Notes say in sentences what else a person has to know.
	Notes []string `json:"notes,omitempty"`
}

// Revision is one state that a flag had.
type Revision struct {
	Flag    flag.Flag `json:"flag" doc:"The flag as it stood"`
	Deleted bool      `json:"deleted,omitempty" doc:"Whether this revision deleted it"`
}

// Preview is what a write would do.
type Preview struct {
	Flag    flag.Flag   `json:"flag" doc:"The flag as it would stand"`
	Deleted bool        `json:"deleted,omitempty" doc:"Whether it would be no more"`
	Changed bool        `json:"changed" doc:"Whether anything would be written"`
	From    flag.Shares `json:"from" doc:"The shares of the default rule as they are"`
	To      flag.Shares `json:"to" doc:"The shares as they would be"`
	Rules   int         `json:"rules" doc:"How many targeting rules apply before the default rule does"`
	Notes   []string    `json:"notes,omitempty" doc:"What else a person has to know"`
	// Contexts are those of the contexts given whose answer would change.
	Contexts []ContextPreview `json:"contexts,omitempty" doc:"Of the contexts given, those whose answer would change"`
}

// ContextPreview is what a write would do to one context.
type ContextPreview struct {
	Context map[string]any `json:"context"`
	From    string         `json:"from" doc:"The variation that it gets; SdkDefault where the code's default counts"`
	To      string         `json:"to" doc:"The variation that it would get"`
	// FromValue and ToValue tell answers apart whose variation is the same.
	FromValue any `json:"from_value" doc:"The value that it gets; null where the code's default counts"`
	ToValue   any `json:"to_value" doc:"The value that it would get"`
}

func errNoEnvironment(environment string, there []string) error {
	return &annotate.Error{Code: annotate.NotFound, Field: "environment", Value: environment, Message: fmt.Sprintf(
		"there is no environment %q; there are: %s", environment, strings.Join(there, ", "))}
}

func errNoFlag(id ID) error {
	return &annotate.Error{Code: annotate.NotFound, Field: "key", Value: id.Key, Message: fmt.Sprintf("there is no flag %s", id)}
}

// errOfFile is the refusal to change here what a file defines.
func errOfFile(f flag.Flag) error {
	at := ""
	if f.Origin.Commit != "" {
		at = " (commit " + f.Origin.Commit + ")"
	}
	return &annotate.Error{Code: annotate.Conflict, Field: "key", Value: f.Key, Message: fmt.Sprintf(
		"is defined by the file %s%s, which alone can change it; change it there", f.Origin.Path, at)}
}
