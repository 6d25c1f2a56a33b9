package changelog

import (
	"context"
	"fmt"

	"github.com/tidemark/tidemark/annotate"
)

// List returns a page of the changes that q selects, newest start first. A page
// does not move when changes are recorded meanwhile. It returns an Invalid error
// for a limit out of bounds, and for a cursor that is none.
func (l *Log) List(ctx context.Context, q annotate.List) (annotate.Page, error) {
	if q.Limit < 1 || q.Limit > annotate.MaxPage {
		return annotate.Page{}, &annotate.Error{Code: annotate.Invalid, Field: "limit", Value: q.Limit, Message: fmt.Sprintf("must be from 1 to %d", annotate.MaxPage)}
	}
	p := newPageQuery(q.Filter, q.Limit+1) // one more tells whether there is a next page
	if q.Cursor != "" {
		after, err := decodeCursor(q.Cursor)
		if err != nil {
			return annotate.Page{}, err
		}
		p.times.to = min(p.times.to, after.start)
		p.conditions.rest.and("(start_ms, id) < (?, ?)", after.start, after.id)
	}
	changes, err := l.page(ctx, p)
	if err != nil {
		return annotate.Page{}, err
	}
	page := annotate.Page{Changes: changes}
	if len(changes) > q.Limit {
		page.Changes = changes[:q.Limit]
		last := page.Changes[q.Limit-1]
		next := cursor{last.Start.UnixMilli(), last.ID}.encode()
		page.Next = &next
	}
	return page, nil
}

// pageQuery asks for the first so many changes, newest start first, that
// overlap its times and satisfy its conditions.
type pageQuery struct {
	times      overlap
	conditions conditions
	labels     map[string]string // which the conditions ask for, too
	limit      int
}

func newPageQuery(f annotate.Filter, limit int) pageQuery {
	return pageQuery{times: timesOf(f), conditions: selecting(f), labels: f.Labels, limit: limit}
}

// page answers q. It never returns nil for the changes.
func (l *Log) page(ctx context.Context, q pageQuery) ([]annotate.Change, error) {
	changes := make([]annotate.Change, 0, min(q.limit, annotate.DefaultPage+1))
	err := l.snapshot(ctx, func(db queryer) error {
		s, err := q.source(ctx, db)
		if err != nil {
			return err
		}
		w := &where{}
		q.times.recent(w)
		w.all(s.where)
		w.all(q.conditions.changes())
		if changes, err = appendFirst(ctx, db, changes, []string{s.rows(w)}, w.args, q.limit); err != nil {
			return err
		}
		return q.older(ctx, db, &changes)
	})
	return changes, err
}

// older appends those that started before the ones that page has from its
// source, for as long as the limit is not reached.
func (q pageQuery) older(ctx context.Context, db queryer, changes *[]annotate.Change) (err error) {
	var rows []string
	var args []any
	for _, w := range q.times.older() {
		w.all(q.conditions.changes())
		rows = append(rows, source{from: "changes INDEXED BY changes_long"}.rows(w))
		args = append(args, w.args...)
	}
	if len(rows) == 0 || len(*changes) == q.limit {
		return nil
	}
	*changes, err = appendFirst(ctx, db, *changes, rows, args, q.limit)
	return err
}

// appendFirst appends to changes, up to limit, the first of those that the
// queries select, newest start first.
func appendFirst(ctx context.Context, db queryer, changes []annotate.Change, rows []string, args []any, limit int) ([]annotate.Change, error) {
	missing := limit - len(changes)
	query := ""
	for i, r := range rows {
		if i > 0 {
			query += " UNION ALL "
		}
		query += fmt.Sprintf("SELECT * FROM (%s LIMIT %d)", r, missing)
	}
	return appendChanges(ctx, db, changes, fmt.Sprintf(
		"SELECT body FROM (%s ORDER BY at DESC, tie DESC LIMIT %d) CROSS JOIN changes ON num = row ORDER BY at DESC, tie DESC", query, missing), args...)
}
