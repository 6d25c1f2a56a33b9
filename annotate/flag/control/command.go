package control

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// Command is something that can be done to a flag: Put, Patch, Delete, Do, Ramp,
// StopRamp, Schedule, Unschedule or Restore. Write does it, and Preview tells what
// it would do.
type Command struct {
	// action names it in the metrics.
	action string
	// creates says that it may be done to a flag that is not there.
	creates bool
	// prepare reads what the command needs from the log; nil where that is nothing.
	prepare func(ctx context.Context, log Log, id ID) (apply, error)
	apply   apply
}

// apply says what a command makes of a flag.
type apply func(s subject) (step, error)

// subject is a flag that something is done to.
type subject struct {
	id    ID
	was   flag.Flag // as it is, or without a definition where it is not there
	there bool
	now   time.Time
	by    Author
	newID func() (string, error)
}

// step is what a command makes of a flag.
type step struct {
	flag.Move
	deleted bool
	// title says what happened where the shares do not, and text goes below the reason.
	title, text string
	// line is what the command itself says in the log; the rest is filled in.
	line annotate.Report
	// planned is the id of the scheduled action whose line that is.
	planned string
	// silent is a line that does not say how the flag moved, since it did not.
	silent bool
	// known is a line that is in the log already, and says there who asked for it.
	known bool
	// bare is a line that is complete as it is.
	bare bool
}

// Put gives the flag a definition, and makes it where there is none.
func Put(d flag.Definition) Command {
	return Command{action: "put", creates: true, apply: func(s subject) (step, error) { return s.define("", d) }}
}

// define gives the flag a definition that is validated first. The paths of what
// is wrong begin with at.
func (s subject) define(at string, d flag.Definition) (step, error) {
	if !s.there {
		if err := flag.ValidateKey(s.id.Key); err != nil {
			return step{}, err
		}
	}
	if err := flag.Validate(at, d); err != nil {
		return step{}, err
	}
	m, err := s.was.Define(d, s.now)
	if err != nil {
		return step{}, err
	}
	return step{Move: m, title: "definition of " + s.id.Key + " changed"}, nil
}

// Patch changes the definition by an RFC 7396 merge patch.
func Patch(patch json.RawMessage) Command {
	return Command{action: "patch", apply: func(s subject) (step, error) {
		body, err := json.Marshal(s.was.Definition)
		if err != nil {
			return step{}, fmt.Errorf("encoding the definition of %s: %w", s.id.Key, err)
		}
		merged, err := mergePatch(body, patch)
		if err != nil {
			return step{}, err
		}
		d, err := flag.ParseDefinition("", merged, flag.JSON)
		if err != nil {
			return step{}, err
		}
		return s.define("", d)
	}}
}

// Delete takes the flag away. Its revisions stay, and Restore brings it back.
func Delete() Command {
	return Command{action: "delete", apply: func(s subject) (step, error) {
		return step{
			Move: flag.Move{
				Flag: s.was, Changed: true, Before: s.was.Shares(s.now), After: flag.Shares{flag.CodeDefault: 100},
				Ended: s.was.Ramp, Cancelled: s.was.Schedule,
			},
			deleted: true,
			title:   s.id.Key + " deleted",
		}, nil
	}}
}

// Do does an action at once.
func Do(a flag.Action) Command {
	action := "flip"
	switch {
	case a.Rollout != nil:
		action = "rollout"
	case a.Kill != nil:
		action = "kill"
	}
	return Command{action: action, apply: func(s subject) (step, error) {
		m, err := s.was.Apply(a, s.now)
		if err != nil {
			return step{}, err
		}
		return step{Move: m, title: s.id.Key + ": " + a.String()}, nil
	}}
}

// Ramp puts the flag on a ramp, whose id and author Write fills in.
func Ramp(r flag.Ramp) Command {
	return Command{action: "ramp", apply: func(s subject) (step, error) {
		id, err := s.newID()
		if err != nil {
			return step{}, err
		}
		r.ID, r.Done, r.By, r.Reason = id, 0, s.by.name(), s.by.Reason
		if r.End.Before(s.now) {
			return step{}, &annotate.Error{Code: annotate.Invalid, Field: "end", Value: r.End, Message: "is in the past; use a rollout to do it at once"}
		}
		m, err := s.was.Begin(r, s.now)
		if err != nil {
			return step{}, err
		}
		return step{
			Move:  m,
			title: "ramp of " + s.id.Key + " began",
			text:  fmt.Sprintf("A ramp of %s began: from %v %% to %v %% in %d steps until %s.", r.Variation, r.From, r.To, r.Steps, stamp(r.End.Time)),
		}, nil
	}}
}

// StopRamp ends the ramp where it is.
func StopRamp() Command {
	return Command{action: "stop_ramp", apply: func(s subject) (step, error) {
		m, err := s.was.Halt(s.now)
		if err != nil {
			return step{}, err
		}
		return step{Move: m, title: "ramp of " + s.id.Key + " stopped"}, nil
	}}
}

// Schedule plans an action. Its id, author and change are for Write to fill in.
func Schedule(at annotate.Time, do flag.Action) Command {
	return Command{action: "schedule", apply: func(s subject) (step, error) {
		id, err := s.newID()
		if err != nil {
			return step{}, err
		}
		m, err := s.was.Plan(flag.Scheduled{ID: id, At: annotate.At(at.Time), Do: do, Reason: s.by.Reason, By: s.by.name()}, s.now)
		if err != nil {
			return step{}, err
		}
		return step{
			Move:    m,
			planned: id,
			silent:  true,
			line: annotate.Report{
				ExternalID: externalID(s.id, id), Title: s.id.Key + ": " + do.String(),
				Start: annotate.At(at.Time), Status: annotate.Planned,
			},
		}, nil
	}}
}

// Unschedule cancels what is planned.
func Unschedule(id string) Command {
	return Command{action: "unschedule", apply: func(s subject) (step, error) {
		m, err := s.was.Unplan(id, s.now)
		if err != nil {
			return step{}, err
		}
		line := cancelled(s.id, m.Cancelled[0], s.by, s.now)
		m.Cancelled = nil
		return step{Move: m, bare: true, line: line}, nil
	}}
}

// Restore makes the flag what it was at a revision, and brings back one that was
// deleted. A ramp that is under way ends; what is planned stays.
func Restore(revision int64) Command {
	return Command{action: "restore", creates: true, prepare: func(ctx context.Context, log Log, id ID) (apply, error) {
		then, newest, err := revisionOf(ctx, log, id, revision)
		if err != nil {
			return nil, err
		}
		return func(s subject) (step, error) {
			m, err := s.was.Define(then.Definition, s.now)
			if err != nil {
				return step{}, err
			}
			// As it was: the same people, and not only the same percentages.
			if !slices.Equal(m.Flag.Allocation, then.Allocation) {
				m.Flag.Allocation, m.Changed = then.Allocation, true
			}
			st := step{Move: m, title: fmt.Sprintf("%s as of revision %d", s.id.Key, revision)}
			if !s.there {
				st.line.Title = s.id.Key + " restored"
			}
			if s.by.Undoes == "" {
				st.line.Undoes = newest.Change
			}
			return st, nil
		}, nil
	}}
}

// revisionOf returns a flag as it was at a revision, and its newest document.
func revisionOf(ctx context.Context, log Log, id ID, revision int64) (flag.Flag, annotate.Document, error) {
	newest, err := log.DocumentRevisions(ctx, spaceFlags, id.document(), 0, 1)
	if annotate.CodeOf(err) == annotate.NotFound {
		return flag.Flag{}, annotate.Document{}, errNoFlag(id)
	}
	if err != nil {
		return flag.Flag{}, annotate.Document{}, unavailable(err)
	}
	then, err := log.DocumentRevisions(ctx, spaceFlags, id.document(), revision+1, 1)
	if err != nil {
		return flag.Flag{}, annotate.Document{}, unavailable(err)
	}
	if revision < 1 || len(then) == 0 || then[0].Revision != revision {
		return flag.Flag{}, annotate.Document{}, &annotate.Error{Code: annotate.NotFound, Field: "revision", Value: revision, Message: fmt.Sprintf(
			"%s has no revision %d any more, or never had it; the newest is %d", id, revision, newest[0].Revision)}
	}
	if then[0].Body == nil {
		return flag.Flag{}, annotate.Document{}, &annotate.Error{Code: annotate.Conflict, Field: "revision", Value: revision, Message: fmt.Sprintf(
			"revision %d deleted the flag; restore the one before it", revision)}
	}
	f, _, err := decode(then[0])
	return f, newest[0], err
}

// stamp is a time as a text says it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
