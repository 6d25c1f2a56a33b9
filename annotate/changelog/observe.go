package changelog

import (
	"context"
	"database/sql"
	"encoding/json"
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
	news := make([]annotate.Said, len(reports))
	for i, r := range reports {
		var err error
		if news[i], err = annotate.NewSaid(r); err != nil {
			return annotate.Change{}, unchanged, fmt.Errorf("encoding what was said: %w", err)
		}
	}
	was, err := tx.identified(ctx, first.Source, first.ExternalID)
	if err == nil && was.Revision == 0 {
		was, err = l.partner(ctx, tx, annotate.Fold(news))
	}
	if err != nil {
		return annotate.Change{}, unchanged, err
	}
	return l.tell(ctx, tx, by, was, news)
}

// identified returns the change of an identity; one without a revision where there is none.
func (t transaction) identified(ctx context.Context, source, externalID string) (known, error) {
	if externalID == "" {
		return known{}, nil
	}
	for _, by := range []*sql.Stmt{t.byIdentity, t.byAlias} {
		body, c, err := one(t.row(ctx, by, source, externalID))
		if err == nil {
			return known{c, body}, nil
		}
		if annotate.CodeOf(err) != annotate.NotFound {
			return known{}, err
		}
	}
	return known{}, nil
}

// spoken is what was said of a change: stored is what the log has of it, and said that or,
// where nothing was stored, what the change itself says. Both are in order.
type spoken struct{ stored, said []annotate.Said }

// spokenOf returns what was said of a change; nothing of one without a revision.
func (t transaction) spokenOf(ctx context.Context, c known) (spoken, error) {
	if c.Revision == 0 {
		return spoken{}, nil
	}
	stored, err := t.said(ctx, c.ID)
	if err != nil || len(stored) > 0 {
		return spoken{stored, stored}, err
	}
	one, err := annotate.NewSaid(c.AsReport()) // it was recorded by somebody who did not say when
	if err != nil {
		return spoken{}, fmt.Errorf("encoding what was said: %w", err)
	}
	return spoken{nil, []annotate.Said{one}}, nil
}

// tell puts news to what was said of the change was, or begins one where that has no
// revision.
func (l *Log) tell(ctx context.Context, tx transaction, by string, was known, news []annotate.Said) (annotate.Change, outcome, error) {
	before, err := tx.spokenOf(ctx, was)
	if err != nil {
		return annotate.Change{}, unchanged, err
	}
	all, err := annotate.Arrange(slices.Concat(before.said, news))
	if err != nil {
		return annotate.Change{}, unchanged, fmt.Errorf("encoding what was said: %w", err)
	}
	if slices.EqualFunc(all, before.stored, annotate.Said.Same) {
		return was.Change, unchanged, nil
	}
	if was.Revision == 0 {
		return l.put(ctx, tx, by, was, before, all)
	}
	change, o, err := was.Change, unchanged, error(nil)
	for range maxMerges { // with what is known of it now, others may prove to be the same
		now := annotate.Fold(all)
		now.ID = was.ID
		other, err := l.partner(ctx, tx, now)
		if err != nil {
			return annotate.Change{}, unchanged, err
		}
		if other.Revision == 0 {
			break
		}
		if change, o, err = l.merge(ctx, tx, by, was, before, other, all); err != nil {
			return annotate.Change{}, unchanged, err
		}
		if was, err = encoded(change); err != nil {
			return annotate.Change{}, unchanged, err
		}
		if before, err = tx.spokenOf(ctx, was); err != nil {
			return annotate.Change{}, unchanged, err
		}
		all = before.said
	}
	if o != unchanged {
		return change, o, nil
	}
	change, o, err = l.put(ctx, tx, by, was, before, all)
	return change, o, err
}

// maxMerges is how many changes may prove to be the same at once: one for each source.
const maxMerges = 5

// encoded is a change that was just kept, as known.
func encoded(c annotate.Change) (known, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return known{}, fmt.Errorf("encoding the change: %w", err)
	}
	return known{c, body}, nil
}

// put makes of the change was, of which before was said, what all makes of it.
func (l *Log) put(ctx context.Context, tx transaction, by string, was known, before spoken, all []annotate.Said) (annotate.Change, outcome, error) {
	next := annotate.Fold(all)
	if was.Revision > 0 {
		next = annotate.Rebase(was.Change, annotate.Fold(before.said), next)
	} else {
		var err error
		if next.ID, err = l.opts.NewID(); err != nil {
			return annotate.Change{}, unchanged, err
		}
	}
	return l.putNext(ctx, tx, by, was, before, all, next)
}

// putNext makes of the change was next, of which all is said.
func (l *Log) putNext(ctx context.Context, tx transaction, by string, was known, before spoken, all []annotate.Said, next annotate.Change) (annotate.Change, outcome, error) {
	last := slices.MaxFunc(all, func(a, b annotate.Said) int { return a.At.Compare(b.At.Time) })
	change, o, err := l.keepAt(ctx, tx, by, was, next, last.At.Time)
	if err == nil {
		err = tx.putSaid(ctx, change.ID, before.stored, all)
	}
	if err == nil {
		err = tx.putAliases(ctx, change, all)
	}
	return change, o, err
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
		var ms, seq int64
		var body []byte
		if err := rows.Scan(&ms, &seq, &body); err != nil {
			return nil, fmt.Errorf("reading what was said: %w", err)
		}
		s, err := annotate.ParseSaid(timeOf(ms), seq, body)
		if err != nil {
			return nil, fmt.Errorf("reading what was said: %w", err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading what was said: %w", err)
	}
	return annotate.Arrange(all)
}

// putSaid makes what was said of a change, which was before, all.
func (t transaction) putSaid(ctx context.Context, id string, before, all []annotate.Said) error {
	put := func(stmt *sql.Stmt, list, others []annotate.Said) error {
		for _, s := range list {
			if slices.ContainsFunc(others, s.Same) {
				continue
			}
			if _, err := t.exec(ctx, stmt, id, s.At.UnixMilli(), s.Seq, s.Body()); err != nil {
				return fmt.Errorf("writing what was said: %w", err)
			}
		}
		return nil
	}
	if err := put(t.insertSaid, all, before); err != nil {
		return err
	}
	return put(t.deleteSaid, before, all)
}
