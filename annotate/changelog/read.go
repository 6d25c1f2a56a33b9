package changelog

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// Get returns the newest state of the change with the id given, or a NotFound error.
func (l *Log) Get(ctx context.Context, id string) (annotate.Change, error) {
	return one(l.read.QueryRowContext(ctx, "SELECT body FROM changes WHERE id = ?", canonical(id)))
}

// Revisions returns every state that the change had, oldest first, or a NotFound error.
func (l *Log) Revisions(ctx context.Context, id string) ([]annotate.Revision, error) {
	rows, err := l.read.QueryContext(ctx, "SELECT revision, time_ms, by, body FROM revisions WHERE change_id = ? ORDER BY revision", canonical(id))
	if err != nil {
		return nil, fmt.Errorf("reading revisions: %w", err)
	}
	defer rows.Close()
	var revisions []annotate.Revision
	for rows.Next() {
		var r annotate.Revision
		var ms int64
		var body []byte
		if err := rows.Scan(&r.Revision, &ms, &r.By, &body); err != nil {
			return nil, fmt.Errorf("reading a revision: %w", err)
		}
		r.Time = annotate.At(time.UnixMilli(ms))
		if r.Change, err = decode(body); err != nil {
			return nil, err
		}
		revisions = append(revisions, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading revisions: %w", err)
	}
	if len(revisions) == 0 {
		return nil, &annotate.Error{Code: annotate.NotFound, Message: "the log has no such change"}
	}
	return revisions, nil
}

// List returns a page of the changes that q selects, newest start first. A page
// does not move when changes are recorded meanwhile. It returns an Invalid error
// for a limit out of bounds, and for a cursor that is none.
func (l *Log) List(ctx context.Context, q annotate.List) (annotate.Page, error) {
	if q.Limit < 1 || q.Limit > annotate.MaxPage {
		return annotate.Page{}, &annotate.Error{Code: annotate.Invalid, Field: "limit", Value: q.Limit, Message: fmt.Sprintf("must be from 1 to %d", annotate.MaxPage)}
	}
	w := selecting(q.Filter)
	from, to := bounds(q.Filter)
	if q.Cursor != "" {
		after, err := decodeCursor(q.Cursor)
		if err != nil {
			return annotate.Page{}, err
		}
		to = min(to, after.start)
		w.and("(start_ms, id) < (?, ?)", after.start, after.id)
	}
	short, long := overlapping(from, to)
	query := fmt.Sprintf(`
		SELECT start_ms, id FROM (
			SELECT * FROM (SELECT start_ms, id FROM changes WHERE %[1]s AND %[3]s ORDER BY start_ms DESC, id DESC LIMIT %[4]d)
			UNION ALL
			SELECT * FROM (SELECT start_ms, id FROM changes INDEXED BY changes_long WHERE %[2]s AND %[3]s ORDER BY start_ms DESC, id DESC LIMIT %[4]d)
		) ORDER BY start_ms DESC, id DESC LIMIT %[4]d`, &short, &long, w, q.Limit+1)
	args := append(append(append(append([]any{}, short.args...), w.args...), long.args...), w.args...)
	changes, err := l.load(ctx, fmt.Sprintf("SELECT c.body FROM (%s) k JOIN changes c ON c.id = k.id ORDER BY c.start_ms DESC, c.id DESC", query), args...)
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

// maxLast bounds for how many services Last answers.
const maxLast = 1000

// Last returns the newest change that f selects and that has begun, planned
// ones left out; with perService the newest of each service, newest first.
func (l *Log) Last(ctx context.Context, f annotate.Filter, perService bool) ([]annotate.Change, error) {
	w := selecting(f)
	from, to := bounds(f)
	w.and("status != 'planned' AND start_ms <= ? AND end_ms >= ?", min(to, l.opts.Now().UnixMilli()), from)
	if !perService {
		return l.load(ctx, "SELECT body FROM changes WHERE "+w.String()+" ORDER BY start_ms DESC, id DESC LIMIT 1", w.args...)
	}
	w.and("service = g.service")
	return l.load(ctx, fmt.Sprintf(`
		SELECT c.body FROM (SELECT DISTINCT service FROM groups) g
		JOIN changes c ON c.rowid = (SELECT rowid FROM changes WHERE %s ORDER BY start_ms DESC, id DESC LIMIT 1)
		ORDER BY c.start_ms DESC, c.id DESC LIMIT %d`, w, maxLast), w.args...)
}

// load returns the changes whose bodies the query selects. It never returns nil.
func (l *Log) load(ctx context.Context, query string, args ...any) ([]annotate.Change, error) {
	rows, err := l.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading changes: %w", err)
	}
	defer rows.Close()
	changes := []annotate.Change{}
	var body sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&body); err != nil {
			return nil, fmt.Errorf("reading a change: %w", err)
		}
		c, err := decode(body)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading changes: %w", err)
	}
	return changes, nil
}
