package changelog

import (
	"context"
	"fmt"
	"slices"

	"github.com/tidemark/tidemark/annotate"
)

// Observe takes in what senders said of changes, all or none, and returns each change as
// it then stands in the log, durably, in the order in which it was first spoken of. What
// is said of one change, by its source and external_id, leaves at most one revision, and
// is put in the order in which it was said (see annotate.Report's At): in whatever order
// it comes, and however often, it makes the same change. A report without an At or an
// external_id is recorded as Record does. by is who reported.
//
// Errors are those of Record.
func (l *Log) Observe(ctx context.Context, by string, reports []annotate.Report) ([]annotate.Result, error) {
	groups := together(reports)
	results := make([]annotate.Result, len(groups))
	outcomes := make([]outcome, len(groups))
	err := l.submit(ctx, func(ctx context.Context, tx transaction) error {
		for i, group := range groups {
			var err error
			if results[i].Change, outcomes[i], err = l.observe(ctx, tx, by, group); err != nil {
				return err
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

// together puts reports of the same change together.
func together(reports []annotate.Report) [][]annotate.Report {
	var groups [][]annotate.Report
	type identity struct{ source, id string }
	at := map[identity]int{}
	for _, r := range reports {
		key := identity{r.Source, r.ExternalID}
		i, known := at[key]
		if !known || r.ExternalID == "" || r.At.IsZero() || groups[i][0].At.IsZero() {
			i, at[key] = len(groups), len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// observe takes in what was said of one change, within a transaction.
func (l *Log) observe(ctx context.Context, tx transaction, by string, reports []annotate.Report) (annotate.Change, outcome, error) {
	first := reports[0]
	if first.ExternalID == "" || first.At.IsZero() {
		return l.record(ctx, tx, by, first)
	}
	body, was, err := one(tx.row(ctx, tx.byIdentity, first.Source, first.ExternalID))
	var before []annotate.Said
	switch annotate.CodeOf(err) {
	case "":
		if err == nil {
			before, err = tx.said(ctx, was.ID)
		}
	case annotate.NotFound:
		err = nil
	}
	if err != nil {
		return annotate.Change{}, unchanged, err
	}
	all := slices.Clone(before)
	for _, r := range reports {
		s, err := annotate.NewSaid(r)
		if err != nil {
			return annotate.Change{}, unchanged, fmt.Errorf("encoding what was said: %w", err)
		}
		all = append(all, s)
	}
	all = annotate.Arrange(all)
	if slices.EqualFunc(all, before, annotate.Said.Same) {
		return was, unchanged, nil
	}
	next := annotate.Fold(all)
	if was.Revision > 0 {
		next = annotate.Rebase(was, annotate.Fold(before), next)
	} else if next.ID, err = l.opts.NewID(); err != nil {
		return annotate.Change{}, unchanged, err
	}
	change, o, err := l.keep(ctx, tx, by, known{was, body}, next)
	if err != nil {
		return annotate.Change{}, unchanged, err
	}
	return change, o, tx.putSaid(ctx, change.ID, before, all)
}

// said is what was said of a change, in order.
func (t transaction) said(ctx context.Context, id string) ([]annotate.Said, error) {
	rows, err := t.rows(ctx, t.saidOf, id)
	if err != nil {
		return nil, fmt.Errorf("reading what was said: %w", err)
	}
	defer rows.Close()
	var all []annotate.Said
	for rows.Next() {
		var ms int64
		var body []byte
		if err := rows.Scan(&ms, &body); err != nil {
			return nil, fmt.Errorf("reading what was said: %w", err)
		}
		s, err := annotate.ParseSaid(timeOf(ms), body)
		if err != nil {
			return nil, fmt.Errorf("reading what was said: %w", err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading what was said: %w", err)
	}
	return annotate.Arrange(all), nil
}

// putSaid makes what was said of a change, which was before, all.
func (t transaction) putSaid(ctx context.Context, id string, before, all []annotate.Said) error {
	in := func(list []annotate.Said, s annotate.Said) bool { return slices.ContainsFunc(list, s.Same) }
	for _, s := range all {
		if in(before, s) {
			continue
		}
		if _, err := t.exec(ctx, t.insertSaid, id, s.At.UnixMilli(), s.Body()); err != nil {
			return fmt.Errorf("writing what was said: %w", err)
		}
	}
	for _, s := range before {
		if in(all, s) {
			continue
		}
		if _, err := t.exec(ctx, t.deleteSaid, id, s.At.UnixMilli(), s.Body()); err != nil {
			return fmt.Errorf("letting go of what was said: %w", err)
		}
	}
	return nil
}
