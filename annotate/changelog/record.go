package changelog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/google/uuid"

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
			results[i].Created = outcomes[i] == created
		}
		return nil
	})
	if err != nil {
		if annotate.CodeOf(err) == annotate.Invalid {
			l.metrics.refused.Inc()
		}
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
		was, err := one(tx.row(ctx, tx.byID, canonical(id)))
		if err != nil {
			return err
		}
		next, err := p.Apply(was, l.opts.Now())
		if err != nil {
			return err
		}
		change, o, err = l.keep(ctx, tx, by, was, next)
		return err
	})
	if err != nil {
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

func (l *Log) record(ctx context.Context, tx transaction, by string, r annotate.Report) (annotate.Change, outcome, error) {
	now := l.opts.Now()
	if r.ExternalID != "" {
		was, err := one(tx.row(ctx, tx.byIdentity, r.Source, r.ExternalID))
		if err == nil {
			return l.keep(ctx, tx, by, was, r.Update(was, now))
		}
		if annotate.CodeOf(err) != annotate.NotFound {
			return annotate.Change{}, unchanged, err
		}
	}
	id, err := l.opts.NewID()
	if err != nil {
		return annotate.Change{}, unchanged, err
	}
	next := r.New(now)
	next.ID = id
	return l.keep(ctx, tx, by, annotate.Change{}, next)
}

// keep writes next as the newest revision of was, which is empty for a new
// change, unless nothing changed.
func (l *Log) keep(ctx context.Context, tx transaction, by string, was, next annotate.Change) (annotate.Change, outcome, error) {
	if was.Revision > 0 && reflect.DeepEqual(was, next) {
		return was, unchanged, nil
	}
	now := annotate.At(l.opts.Now())
	if err := next.Validate(now.Time); err != nil {
		return annotate.Change{}, unchanged, err
	}
	if next.Undoes != "" && next.Undoes != was.Undoes {
		if _, err := one(tx.row(ctx, tx.byID, canonical(next.Undoes))); annotate.CodeOf(err) == annotate.NotFound {
			return annotate.Change{}, unchanged, &annotate.Error{Code: annotate.Invalid, Field: "undoes", Value: next.Undoes, Message: "no change has this id"}
		} else if err != nil {
			return annotate.Change{}, unchanged, err
		}
		next.Undoes = canonical(next.Undoes)
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
	if err := write(ctx, tx, by, was, next, body); err != nil {
		return annotate.Change{}, unchanged, fmt.Errorf("writing the change: %w", err)
	}
	return next, what, nil
}

// write puts c, which body encodes, into the tables in place of was.
func write(ctx context.Context, tx transaction, by string, was, c annotate.Change, body []byte) error {
	end := int64(annotate.Ongoing)
	if c.End != nil {
		end = c.End.UnixMilli()
	}
	who := ""
	if c.Who != nil {
		who = c.Who.Name
	}
	if err := tx.exec(ctx, tx.putChange, c.ID, c.Source, c.ExternalID, c.Kind, c.Service, c.Environment, c.Version, who, string(c.Status),
		c.Start.UnixMilli(), end, words(c), body); err != nil {
		return err
	}
	if err := count(ctx, tx, was, c); err != nil {
		return err
	}
	if len(was.Labels) > 0 {
		if err := tx.exec(ctx, tx.dropLabels, c.ID); err != nil {
			return err
		}
	}
	for name, value := range c.Labels {
		if err := tx.exec(ctx, tx.putLabel, name, value, c.ID); err != nil {
			return err
		}
	}
	return tx.exec(ctx, tx.putRevision, c.ID, c.Revision, c.Updated.UnixMilli(), by, body)
}

// count moves was to c in the counts by day and group.
func count(ctx context.Context, tx transaction, was, c annotate.Change) error {
	if was.Revision > 0 {
		if dayOf(was.Start.UnixMilli()) == dayOf(c.Start.UnixMilli()) && groupOf(was) == groupOf(c) {
			return nil
		}
		g := groupOf(was)
		if err := tx.exec(ctx, tx.countDown, dayOf(was.Start.UnixMilli()), g.Kind, g.Service, g.Environment, string(g.Status)); err != nil {
			return err
		}
	}
	g := groupOf(c)
	if err := tx.exec(ctx, tx.countUp, dayOf(c.Start.UnixMilli()), g.Kind, g.Service, g.Environment, string(g.Status)); err != nil {
		return err
	}
	return tx.exec(ctx, tx.putGroup, g.Kind, g.Service, g.Environment)
}

func groupOf(c annotate.Change) annotate.Group {
	return annotate.Group{Kind: c.Kind, Service: c.Service, Environment: c.Environment, Status: c.Status}
}

// words is what a text search looks through.
func words(c annotate.Change) string {
	parts := []string{c.Title, c.Text, c.Service, c.Environment, c.Version, c.Commit}
	if c.Flag != nil {
		parts = append(parts, c.Flag.Key)
	}
	if c.Who != nil {
		parts = append(parts, c.Who.Name)
	}
	return strings.ToLower(strings.Join(parts, "\n"))
}

// one returns the change whose body the row holds, or a NotFound error.
func one(row *sql.Row) (annotate.Change, error) {
	var body []byte
	err := row.Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return annotate.Change{}, &annotate.Error{Code: annotate.NotFound, Message: "the log has no such change"}
	}
	if err != nil {
		return annotate.Change{}, fmt.Errorf("reading a change: %w", err)
	}
	return decode(body)
}

func decode(body []byte) (c annotate.Change, err error) {
	if err := json.Unmarshal(body, &c); err != nil {
		return annotate.Change{}, fmt.Errorf("decoding a change: %w", err)
	}
	return c, nil
}

// canonical returns id as the log writes ids, or as it is where it is none.
func canonical(id string) string {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return id
	}
	return parsed.String()
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
