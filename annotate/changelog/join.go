package changelog

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// joinBack is how long before a change the other may have begun that tells of the same
// deploy.
const joinBack = 24 * time.Hour

// partner returns the change that tells of the same deploy as c, of which other sources
// tell: the one that began at the nearest time, of several. Without a revision it is none.
// c may be in the log, by its ID.
func (l *Log) partner(ctx context.Context, tx transaction, c annotate.Change) (known, error) {
	if len(deployKeys(c)) == 0 || l.opts.JoinWithin < 0 {
		return known{}, nil
	}
	end := c.Start
	if c.End != nil {
		end = *c.End
	}
	near, err := tx.deploys(ctx, c, c.Start.Add(-joinBack), end.Add(l.opts.JoinWithin))
	if err != nil {
		return known{}, err
	}
	var found known
	for _, other := range near {
		if other.ID == c.ID || !annotate.SameDeploy(c, other.Change, l.opts.JoinWithin) {
			continue
		}
		may, err := tx.mayJoin(ctx, c, other.Change)
		if err != nil {
			return known{}, err
		}
		if may && (found.Revision == 0 || distance(c, other.Change) < distance(c, found.Change)) {
			found = other
		}
	}
	return found, nil
}

func distance(a, b annotate.Change) time.Duration { return a.Start.Sub(b.Start.Time).Abs() }

// deploys returns the deploys of c's service and of its version or commit that began
// between two times: the ten nearest before and after c of those that were told, unless c
// has no identity, and of those that were only seen.
func (t transaction) deploys(ctx context.Context, c annotate.Change, from, to time.Time) ([]known, error) {
	var list []known
	for _, key := range deployKeys(c) {
		for seen := range 2 {
			if seen == 0 && c.ExternalID == "" {
				continue // see mayJoin
			}
			for _, part := range []struct {
				stmt     *sql.Stmt
				from, to int64
			}{
				{t.deploysBefore, from.UnixMilli(), c.Start.UnixMilli()},
				{t.deploysAfter, c.Start.UnixMilli(), to.UnixMilli()},
			} {
				rows, err := t.rows(ctx, part.stmt, c.Service, key, seen, c.Environment, part.from, part.to)
				if err != nil {
					return nil, fmt.Errorf("looking for the same deploy: %w", err)
				}
				if list, err = appendKnown(list, rows); err != nil {
					return nil, err
				}
			}
		}
	}
	return list, nil
}

func appendKnown(list []known, rows *sql.Rows) ([]known, error) {
	defer rows.Close()
	for rows.Next() {
		var body []byte
		if err := rows.Scan(&body); err != nil {
			return nil, fmt.Errorf("looking for the same deploy: %w", err)
		}
		c, err := decode(body)
		if err != nil {
			return nil, err
		}
		list = append(list, known{c, body})
	}
	return list, rows.Err()
}

// deployKeys are those by which a deploy is found again; none of what is no deploy, or of
// nothing in particular.
func deployKeys(c annotate.Change) []string {
	if c.Kind != annotate.KindDeploy || c.Service == "" {
		return nil
	}
	return annotate.VersionKeys(c)
}

// putDeployKeys has a change found by its version and commit.
func (t transaction) putDeployKeys(ctx context.Context, was, c annotate.Change) error {
	keys, before := deployKeys(c), deployKeys(was)
	seen := c.Source == annotate.SourceSeen
	if slices.Equal(keys, before) && c.Service == was.Service && c.Start.Equal(was.Start.Time) && c.Environment == was.Environment && seen == (was.Source == annotate.SourceSeen) {
		return nil
	}
	if len(before) > 0 {
		if _, err := t.exec(ctx, t.deleteDeployKeys, c.ID); err != nil {
			return err
		}
	}
	for _, key := range keys {
		if _, err := t.exec(ctx, t.insertDeployKey, c.Service, key, seen, c.Start.UnixMilli(), c.ID, c.Environment); err != nil {
			return err
		}
	}
	return nil
}

// mayJoin reports whether what is told of c may be told of other, too. Of one source two
// changes are two, and so are two rollouts that were seen; and what has no identity is only
// joined by what was seen, since whoever told of it would not find it again. Of two changes
// that documents name neither can go.
func (t transaction) mayJoin(ctx context.Context, c, other annotate.Change) (bool, error) {
	seen := c.Source == annotate.SourceSeen || other.Source == annotate.SourceSeen
	if !seen && (c.ExternalID == "" || other.ExternalID == "") {
		return false, nil
	}
	of, err := t.sources(ctx, c)
	if err != nil {
		return false, err
	}
	others, err := t.sources(ctx, other)
	if err != nil || slices.ContainsFunc(of, func(source string) bool { return slices.Contains(others, source) }) {
		return false, err
	}
	named, err := t.named(ctx, c)
	if err != nil || !named {
		return err == nil, err
	}
	named, err = t.named(ctx, other)
	return !named, err
}

// named reports whether a document names a change of the log.
func (t transaction) named(ctx context.Context, c annotate.Change) (bool, error) {
	if c.ID == "" {
		return false, nil
	}
	var n int
	if err := t.row(ctx, t.documented, c.ID).Scan(&n); err != nil {
		return false, fmt.Errorf("looking for what names a change: %w", err)
	}
	return n > 0, nil
}

// sources are those that tell of a change.
func (t transaction) sources(ctx context.Context, c annotate.Change) ([]string, error) {
	list := []string{c.Source}
	if c.ID == "" {
		return list, nil
	}
	rows, err := t.rows(ctx, t.sourcesOf, c.ID)
	if err != nil {
		return nil, fmt.Errorf("reading who tells of a change: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var source string
		if err := rows.Scan(&source); err != nil {
			return nil, fmt.Errorf("reading who tells of a change: %w", err)
		}
		list = append(list, source)
	}
	return list, rows.Err()
}

// merge makes one of two changes of the log that prove to be the same deploy: was, of which
// before was said and now all is, and other.
func (l *Log) merge(ctx context.Context, tx transaction, by string, was known, before spoken, other known, all []annotate.Said) (annotate.Change, outcome, error) {
	otherBefore, err := tx.spokenOf(ctx, other)
	if err != nil {
		return annotate.Change{}, unchanged, err
	}
	if all, err = annotate.Arrange(slices.Concat(all, otherBefore.said)); err != nil {
		return annotate.Change{}, unchanged, fmt.Errorf("encoding what was said: %w", err)
	}
	into, intoBefore, gone, goneBefore := was, before, other, otherBefore
	if stays, err := tx.stays(ctx, other.Change, was.Change); err != nil {
		return annotate.Change{}, unchanged, err
	} else if stays {
		into, intoBefore, gone, goneBefore = other, otherBefore, was, before
	}
	if err := l.absorb(ctx, tx, by, gone.Change, into.Change); err != nil {
		return annotate.Change{}, unchanged, err
	}
	intoBefore.stored = slices.Concat(before.stored, otherBefore.stored)
	next := annotate.Rebase(into.Change, annotate.Fold(intoBefore.said), annotate.Fold(all))
	corrected := gone.Clone() // what somebody corrected there is as right here
	corrected.ID, corrected.Revision, corrected.Recorded, corrected.Updated = "", 0, annotate.Time{}, annotate.Time{}
	next = annotate.Rebase(next, annotate.Fold(goneBefore.said), corrected)
	return l.putNext(ctx, tx, by, into, intoBefore, all, next)
}

// stays reports whether a is the change that stays of two that are the same: the one that a
// document names, then the one that has no identity, then the one that was told, then the
// one that is in the log longer.
func (t transaction) stays(ctx context.Context, a, b annotate.Change) (bool, error) {
	for _, c := range []annotate.Change{a, b} {
		named, err := t.named(ctx, c)
		if err != nil || named {
			return named && c.ID == a.ID, err
		}
	}
	if (a.ExternalID == "") != (b.ExternalID == "") {
		return a.ExternalID == "", nil
	}
	if seen := a.Source == annotate.SourceSeen; seen != (b.Source == annotate.SourceSeen) {
		return !seen, nil
	}
	return cmp.Or(a.Recorded.Compare(b.Recorded.Time), strings.Compare(a.ID, b.ID)) < 0, nil
}

// absorb takes the change gone out of all questions: whoever asks for it by its id gets
// into, and what was said of it is said of into. Followers see it end.
func (l *Log) absorb(ctx context.Context, tx transaction, by string, gone, into annotate.Change) error {
	if _, err := count(ctx, tx, gone, -1); err != nil {
		return err
	}
	now := annotate.At(l.opts.Now())
	last := gone.Clone()
	last.Status, last.End, last.Revision, last.Updated = annotate.Cancelled, &last.Start, gone.Revision+1, now
	last.Evidence = append(last.Evidence, annotate.Evidence{Source: "tidemark", Time: now, Text: "is the same deploy as " + into.ID + ", of which all is told"})
	body, err := json.Marshal(last)
	if err != nil {
		return fmt.Errorf("encoding the change: %w", err)
	}
	for _, step := range []struct {
		stmt *sql.Stmt
		args []any
	}{
		{tx.deleteLabels, []any{gone.ID}},
		{tx.deleteDeployKeys, []any{gone.ID}},
		{tx.hideChange, []any{int64(never), body, gone.ID}},
		{tx.moveSaid, []any{into.ID, gone.ID}},
		{tx.moveAliases, []any{into.ID, gone.ID}},
		{tx.moveJoined, []any{into.ID, gone.ID}},
		{tx.insertJoined, []any{gone.ID, into.ID}},
		{tx.insertRevision, []any{gone.ID, last.Revision, now.UnixMilli(), by, body}},
	} {
		if _, err := tx.exec(ctx, step.stmt, step.args...); err != nil {
			return fmt.Errorf("joining two changes: %w", err)
		}
	}
	return nil
}

// never is the start of a change that is another: no question reaches so far.
const never = math.MaxInt64

// putAliases makes each identity of what was said of c lead to it.
func (t transaction) putAliases(ctx context.Context, c annotate.Change, all []annotate.Said) error {
	type identity struct{ source, id string }
	var ids []identity
	for _, s := range all {
		if id := (identity{s.Source, s.ExternalID}); s.ExternalID != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) < 2 && (len(ids) == 0 || ids[0] == identity{c.Source, c.ExternalID}) {
		return nil
	}
	for _, id := range ids {
		if _, err := t.exec(ctx, t.deleteAlias, id.source, id.id); err != nil {
			return fmt.Errorf("writing who tells of a change: %w", err)
		}
		if id == (identity{c.Source, c.ExternalID}) {
			continue
		}
		if _, err := t.exec(ctx, t.insertAlias, id.source, id.id, c.ID); err != nil {
			return fmt.Errorf("writing who tells of a change: %w", err)
		}
	}
	return nil
}
