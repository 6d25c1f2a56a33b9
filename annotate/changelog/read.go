package changelog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/tidemark/tidemark/annotate"
)

// Get returns the newest state of the change with the id given, or a NotFound error. Of a
// change that proved to be the same deploy as another it is that one.
func (l *Log) Get(ctx context.Context, id string) (annotate.Change, error) {
	_, c, err := one(l.read.QueryRowContext(ctx, "SELECT body FROM changes WHERE id = "+joinedID, canonical(id)))
	return c, l.readError(err)
}

// Numbers returns a number of its own for each of the changes with the ids given, 0 for
// one that is not there: for those that know no other ids. It never alters.
func (l *Log) Numbers(ctx context.Context, ids []string) ([]int64, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, fmt.Errorf("encoding ids: %w", err)
	}
	numbers := make([]int64, len(ids))
	err = each(ctx, l.read, func(scan scanner) error {
		var at int
		var number int64
		if err := scan(&at, &number); err != nil {
			return err
		}
		numbers[at] = number
		return nil
	}, "SELECT asked.key, num FROM json_each(?) AS asked CROSS JOIN changes ON changes.id = asked.value", string(list))
	return numbers, l.readError(err)
}

// Numbered returns the newest state of the change with a number, or a NotFound error.
func (l *Log) Numbered(ctx context.Context, number int64) (annotate.Change, error) {
	_, c, err := one(l.read.QueryRowContext(ctx, "SELECT body FROM changes WHERE id = (SELECT coalesce((SELECT into_id FROM joined WHERE joined.id = changes.id), id) FROM changes WHERE num = ?)", number))
	return c, l.readError(err)
}

// Revisions returns every state that the change had, oldest first, or a NotFound error.
func (l *Log) Revisions(ctx context.Context, id string) ([]annotate.Revision, error) {
	var revisions []annotate.Revision
	err := each(ctx, l.read, func(scan scanner) error {
		var r annotate.Revision
		var ms int64
		var body sql.RawBytes
		if err := scan(&r.Revision, &ms, &r.By, &body); err != nil {
			return err
		}
		r.Time = annotate.At(time.UnixMilli(ms))
		var err error
		r.Change, err = decode(body)
		revisions = append(revisions, r)
		return err
	}, "SELECT revision, time_ms, by, body FROM revisions WHERE change_id = ? ORDER BY revision", canonical(id))
	if err != nil {
		return nil, l.readError(err)
	}
	if len(revisions) == 0 {
		return nil, errNotFound()
	}
	return revisions, nil
}

// appendChanges appends the changes whose bodies the query selects.
func appendChanges(ctx context.Context, db queryer, changes []annotate.Change, query string, args ...any) ([]annotate.Change, error) {
	var body sql.RawBytes
	err := each(ctx, db, func(scan scanner) error {
		if err := scan(&body); err != nil {
			return err
		}
		c, err := decode(body)
		changes = append(changes, c)
		return err
	}, query, args...)
	return changes, err
}

// one returns the change whose body the row holds, with that body, or a
// NotFound error.
func one(row *sql.Row) (body []byte, c annotate.Change, err error) {
	err = row.Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, annotate.Change{}, errNotFound()
	}
	if err != nil {
		return nil, annotate.Change{}, fmt.Errorf("reading a change: %w", err)
	}
	c, err = decode(body)
	return body, c, err
}

func errNotFound() error {
	return &annotate.Error{Code: annotate.NotFound, Message: "the log has no such change"}
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
