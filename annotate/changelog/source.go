package changelog

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// source is where the changes of a page are looked for.
type source struct {
	// from is a FROM clause with the table changes in it.
	from string
	// order is by which columns it goes; start_ms and id where it is empty.
	order [2]string
	// where holds conditions of its own.
	where *where
}

// rows returns the query for the changes for which w holds, newest start first:
// the row's number, its start and its id.
func (s source) rows(w *where) string {
	order := s.order
	if order[0] == "" {
		order = [2]string{"start_ms", "id"}
	}
	return fmt.Sprintf("SELECT num AS row, %[1]s AS at, %[2]s AS tie FROM %[3]s WHERE %[4]s ORDER BY %[1]s DESC, %[2]s DESC", order[0], order[1], s.from, w)
}

// maxSeeks is for how many groups it is worth to look up their newest change
// before reading from all of them.
const maxSeeks = 100

// source decides by which index q's page is read. SQLite's planner does not know
// how many changes a condition selects, and would at times sort half of the log
// for one page.
func (q *pageQuery) source(ctx context.Context, db queryer) (source, error) {
	byStart := source{from: "changes INDEXED BY changes_start", where: &where{}}
	groups := q.conditions.groups
	if !groups.empty() {
		share, err := shareOf(ctx, db, groups)
		if err != nil {
			return source{}, err
		}
		// Reading by start passes over limit*all/changes others until the page
		// is full, if the changes are spread evenly; reading by group sorts all
		// that the groups have. Take the lesser.
		if share.changes*share.changes <= int64(q.limit)*share.all {
			return source{from: "changes INDEXED BY changes_group", where: &where{}}, nil
		}
		if share.groups <= maxSeeks {
			// A service that is no more has all its changes far back.
			if err := q.skipToNewest(ctx, db, groups); err != nil {
				return source{}, err
			}
		}
	}
	if names := slices.Sorted(maps.Keys(q.labels)); len(names) > 0 {
		return q.byLabel(names[0], q.labels[names[0]]), nil
	}
	return byStart, nil
}

// sourceOfAll decides by which index all changes that q selects are read, and not
// just a page of them.
func (q *pageQuery) sourceOfAll(ctx context.Context, db queryer) (source, error) {
	if groups := q.conditions.groups; !groups.empty() {
		share, err := shareOf(ctx, db, groups)
		if err != nil {
			return source{}, err
		}
		// To look for each of many groups costs more than to pass over the
		// changes of the few others.
		if 2*share.changes < share.all {
			return source{from: "changes INDEXED BY changes_group", where: &where{}}, nil
		}
	}
	if names := slices.Sorted(maps.Keys(q.labels)); len(names) > 0 {
		return q.byLabel(names[0], q.labels[names[0]]), nil
	}
	return source{from: "changes INDEXED BY changes_start", where: &where{}}, nil
}

// byLabel is the source that reads what has one label.
func (q *pageQuery) byLabel(name, value string) source {
	w := &where{}
	w.and("name = ? AND value = ? AND change_start <= ?", name, value, q.times.to)
	if q.times.bounded() {
		w.and("change_start >= ?", q.times.from-hourMS)
	}
	return source{
		from:  "labels INDEXED BY labels_value CROSS JOIN changes ON changes.id = change_id",
		order: [2]string{"change_start", "change_id"},
		where: w,
	}
}

// skipToNewest narrows q's times to the newest change of the groups.
func (q *pageQuery) skipToNewest(ctx context.Context, db queryer, groups *where) error {
	var newest int64
	err := db.QueryRowContext(ctx, `
		SELECT coalesce(max((SELECT max(start_ms) FROM changes INDEXED BY changes_group WHERE group_id = groups.id AND start_ms <= ?)), ?)
		FROM groups WHERE n > 0 AND `+groups.String(), append([]any{q.times.to, earliestMS}, groups.args...)...).Scan(&newest)
	if err != nil {
		return fmt.Errorf("looking for the newest change: %w", err)
	}
	q.times.to = min(q.times.to, newest)
	return nil
}
