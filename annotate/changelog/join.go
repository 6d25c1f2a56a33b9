package changelog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// joinBack is how long before a change the other may have begun that tells of the same
// deploy.
const joinBack = 24 * time.Hour

// partner returns the change that tells of the same deploy as c, which another source tells
// of and the log does not know: the one that began at the nearest time, of several. Without
// a revision it is none.
func (l *Log) partner(ctx context.Context, tx transaction, c annotate.Change) (known, error) {
	if c.Kind != annotate.KindDeploy || c.Service == "" || c.Version == "" && c.Commit == "" || l.opts.JoinWithin < 0 {
		return known{}, nil
	}
	end := c.Start
	if c.End != nil {
		end = *c.End
	}
	near, err := tx.deploys(ctx, c.Service, c.Start.Add(-joinBack), end.Add(l.opts.JoinWithin))
	if err != nil {
		return known{}, err
	}
	var found known
	for _, other := range near {
		if !annotate.SameDeploy(c, other.Change, l.opts.JoinWithin) {
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

// deploys returns the deploys of a service that began between two times, newest first.
func (t transaction) deploys(ctx context.Context, service string, from, to time.Time) ([]known, error) {
	rows, err := t.rows(ctx, t.deploysNear, service, from.UnixMilli(), to.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("looking for the same deploy: %w", err)
	}
	defer rows.Close()
	var list []known
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

// mayJoin reports whether what is told of c may be told of other. Of one source two changes
// are two; and what has no identity is only joined by what was seen, since whoever told of
// it would not find it again.
func (t transaction) mayJoin(ctx context.Context, c, other annotate.Change) (bool, error) {
	if c.Source == annotate.SourceSeen {
		return true, nil
	}
	if other.Source == annotate.SourceSeen {
		return true, nil
	}
	if c.ExternalID == "" || other.ExternalID == "" || c.Source == other.Source {
		return false, nil
	}
	rows, err := t.rows(ctx, t.sourcesOf, other.ID)
	if err != nil {
		return false, fmt.Errorf("reading who tells of a change: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var source string
		if err := rows.Scan(&source); err != nil {
			return false, fmt.Errorf("reading who tells of a change: %w", err)
		}
		if source == c.Source {
			return false, nil
		}
	}
	return true, rows.Err()
}

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
