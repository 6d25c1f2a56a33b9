package changelog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// Record takes a report in, and returns the change as it then stands in the
// log, durably. A report whose source and external_id are known updates that
// change; one that says nothing new leaves no revision. by is who reported.
//
// Errors are *annotate.Error: Invalid names the field that cannot be taken,
// TooMany and Unavailable ask to try again.
func (l *Log) Record(ctx context.Context, by string, r annotate.Report) (annotate.Result, error) {
	results, err := l.RecordBatch(ctx, by, []annotate.Report{r})
	if err != nil {
		var e *annotate.Error
		if errors.As(err, &e) {
			e.Field = strings.TrimPrefix(strings.TrimPrefix(e.Field, "changes[0]"), ".")
		}
		return annotate.Result{}, err
	}
	return results[0], nil
}

// RecordBatch takes reports in, all or none. The field of an Invalid error
// begins with the report's place: "changes[3].start".
func (l *Log) RecordBatch(ctx context.Context, by string, reports []annotate.Report) ([]annotate.Result, error) {
	results := make([]annotate.Result, len(reports))
	outcomes := make([]outcome, len(reports))
	err := l.submit(ctx, func(ctx context.Context, tx transaction) error {
		for i, r := range reports {
			var err error
			if results[i].Change, outcomes[i], err = l.record(ctx, tx, by, r); err != nil {
				return at(fmt.Sprintf("changes[%d]", i), err)
			}
			results[i].Created, results[i].Updated = outcomes[i] == created, outcomes[i] == updated
		}
		return nil
	})
	if err != nil {
		l.tallyRefused(err)
		return nil, err
	}
	for _, o := range outcomes {
		l.tally(o)
	}
	return results, nil
}

// Amend corrects a change, and returns it as it then stands in the log, durably.
// A patch that alters nothing leaves no revision.
func (l *Log) Amend(ctx context.Context, by, id string, p annotate.Patch) (change annotate.Change, err error) {
	var o outcome
	err = l.submit(ctx, func(ctx context.Context, tx transaction) error {
		body, was, err := one(tx.row(ctx, tx.byID, canonical(id)))
		if err != nil {
			return err
		}
		next, err := p.Apply(was, l.opts.Now())
		if err != nil {
			return err
		}
		change, o, err = l.keep(ctx, tx, by, known{was, body}, next)
		return err
	})
	if err != nil {
		l.tallyRefused(err)
		return annotate.Change{}, err
	}
	l.tally(o)
	return change, nil
}

// outcome is what became of a report.
type outcome int

const (
	unchanged outcome = iota
	created
	updated
)

func (l *Log) tally(o outcome) {
	switch o {
	case created:
		l.metrics.created.Inc()
	case updated:
		l.metrics.updated.Inc()
	default:
		l.metrics.unchanged.Inc()
	}
}

func (l *Log) tallyRefused(err error) {
	if code := annotate.CodeOf(err); code == annotate.Invalid || code == annotate.Conflict {
		l.metrics.refused.Inc()
	}
}

// record takes one report in, within a transaction.
func (l *Log) record(ctx context.Context, tx transaction, by string, r annotate.Report) (annotate.Change, outcome, error) {
	now := l.opts.Now()
	was, err := tx.identified(ctx, r.Source, r.ExternalID)
	if err != nil {
		return annotate.Change{}, unchanged, err
	}
	if was.Revision > 0 {
		next := r.Update(was.Change, now)
		stored, err := tx.said(ctx, was.ID)
		if err != nil {
			return annotate.Change{}, unchanged, err
		}
		if len(stored) == 0 && slices.Equal(deployKeys(next), deployKeys(was.Change)) {
			return l.keep(ctx, tx, by, was, next)
		}
	} else if was, err = l.partner(ctx, tx, r.New(now)); err != nil {
		return annotate.Change{}, unchanged, err
	}
	if was.Revision > 0 { // others tell of it, or may do so
		r.At = annotate.At(now)
		one, err := annotate.NewSaid(r)
		if err != nil {
			return annotate.Change{}, unchanged, fmt.Errorf("encoding what was said: %w", err)
		}
		return l.tell(ctx, tx, by, was, []annotate.Said{one})
	}
	id, err := l.opts.NewID()
	if err != nil {
		return annotate.Change{}, unchanged, err
	}
	next := r.New(now)
	next.ID = id
	return l.keep(ctx, tx, by, known{}, next)
}

// known is a change as the log has it, and its JSON; empty for a new one.
type known struct {
	annotate.Change
	body []byte
}

// maxBody is how long a change may be as JSON, in bytes: its parts have limits
// of their own, and all at their limit would be megabytes for each revision.
const maxBody = 256 << 10

// keep writes next as the newest revision of was, unless nothing changed.
func (l *Log) keep(ctx context.Context, tx transaction, by string, was known, next annotate.Change) (annotate.Change, outcome, error) {
	return l.keepAt(ctx, tx, by, was, next, l.opts.Now())
}

// keepAt is keep for what may have been right at a time long ago.
func (l *Log) keepAt(ctx context.Context, tx transaction, by string, was known, next annotate.Change, at time.Time) (annotate.Change, outcome, error) {
	next.Undoes = canonical(next.Undoes)
	if was.Revision > 0 {
		// The JSON tells alike what Go tells apart, such as the numbers 1 and 1.0.
		if body, err := json.Marshal(next); err == nil && bytes.Equal(body, was.body) {
			return was.Change, unchanged, nil
		}
	}
	now := annotate.At(l.opts.Now())
	if latest := now.Add(time.Hour); at.After(latest) {
		at = latest // whatever a sender's clock says
	}
	if err := next.Validate(now.Time); err != nil && next.Validate(at) != nil {
		return annotate.Change{}, unchanged, err
	}
	if next.Undoes != was.Undoes {
		var err error
		if next.Undoes, err = undoable(ctx, tx, next.Undoes); err != nil {
			return annotate.Change{}, unchanged, err
		}
	}
	if was.Revision >= l.opts.MaxRevisions {
		return annotate.Change{}, unchanged, &annotate.Error{Code: annotate.Conflict, Message: fmt.Sprintf("the change has %d revisions already and takes no more; record a new change", was.Revision)}
	}
	next.Revision, next.Updated, next.Recorded = was.Revision+1, now, was.Recorded
	what := updated
	if was.Revision == 0 {
		next.Recorded, what = now, created
	}
	body, err := json.Marshal(next)
	if err != nil {
		return annotate.Change{}, unchanged, fmt.Errorf("encoding the change: %w", err)
	}
	if len(body) > maxBody {
		return annotate.Change{}, unchanged, &annotate.Error{Code: annotate.Invalid, Message: fmt.Sprintf("the change would be %d bytes long as JSON; at most %d are kept: shorten its text or evidence", len(body), maxBody)}
	}
	if err := write(ctx, tx, by, was.Change, known{next, body}); err != nil {
		return annotate.Change{}, unchanged, fmt.Errorf("writing the change: %w", err)
	}
	return next, what, nil
}

// undoable returns the id of the change that an id leads to, and an Invalid error unless
// the log has it, or id is empty.
func undoable(ctx context.Context, tx transaction, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	_, c, err := one(tx.row(ctx, tx.byID, id))
	if annotate.CodeOf(err) == annotate.NotFound {
		return "", &annotate.Error{Code: annotate.Invalid, Field: "undoes", Value: id, Message: "no change in the log has this id"}
	}
	return c.ID, err
}

// at puts the place before the field of an error.
func at(place string, err error) error {
	var e *annotate.Error
	if !errors.As(err, &e) {
		return err
	}
	placed := *e
	if placed.Field != "" {
		placed.Field = place + "." + placed.Field
	} else {
		placed.Field = place
	}
	return &placed
}
