package changelog

import (
	"context"
	"database/sql"
	"errors"

	"github.com/tidemark/tidemark/annotate"
)

// write puts c into the tables in place of was.
func write(ctx context.Context, tx transaction, by string, was annotate.Change, c known) error {
	isNew := was.Revision == 0
	if !isNew {
		if _, err := count(ctx, tx, was, -1); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, tx.deleteLabels, c.ID); err != nil {
			return err
		}
	}
	group, err := count(ctx, tx, c.Change, 1)
	if err != nil {
		return err
	}
	if err := writeState(ctx, tx, isNew, group, c); err != nil {
		return err
	}
	for name, value := range c.Labels {
		if _, err := tx.exec(ctx, tx.insertLabel, c.ID, name, value, c.Start.UnixMilli()); err != nil {
			return err
		}
	}
	if err := tx.putDeployKeys(ctx, was, c.Change); err != nil {
		return err
	}
	_, err = tx.exec(ctx, tx.insertRevision, c.ID, c.Revision, c.Updated.UnixMilli(), by, c.body)
	return err
}

// writeState writes c's newest state and its text.
func writeState(ctx context.Context, tx transaction, isNew bool, group int64, c known) error {
	start, end := c.Start.UnixMilli(), endOf(c.Change)
	state := []any{group, c.Version, whoOf(c.Change), flagOf(c.Change), flagStateOf(c.Change), start, end, classOf(start, end), c.body, c.Source, c.ExternalID}
	if isNew {
		inserted, err := tx.exec(ctx, tx.insertChange, append(state, c.ID)...)
		if err != nil {
			return err
		}
		num, err := inserted.LastInsertId()
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, tx.insertText, words(c.Change), num)
		return err
	}
	var num int64
	if err := tx.row(ctx, tx.number, c.ID).Scan(&num); err != nil {
		return err
	}
	if _, err := tx.exec(ctx, tx.updateChange, append(state, num)...); err != nil {
		return err
	}
	_, err := tx.exec(ctx, tx.updateText, words(c.Change), num)
	return err
}

// count adds n to the counts that c is in, and returns its group.
func count(ctx context.Context, tx transaction, c annotate.Change, n int) (group int64, err error) {
	if group, err = groupID(ctx, tx, groupOf(c)); err != nil {
		return 0, err
	}
	if _, err := tx.exec(ctx, tx.addToGroup, n, group); err != nil {
		return 0, err
	}
	day := dayOf(c.Start.UnixMilli())
	updated, err := tx.exec(ctx, tx.addToDay, n, group, day)
	if err != nil {
		return 0, err
	}
	if rows, err := updated.RowsAffected(); err != nil || rows > 0 {
		return group, err
	}
	_, err = tx.exec(ctx, tx.insertDay, n, group, day)
	return group, err
}

// groupID returns the id of g, which it gives one if it has none.
func groupID(ctx context.Context, tx transaction, g annotate.Group) (id int64, err error) {
	names := []any{g.Kind, g.Service, g.Environment, string(g.Status)}
	if err = tx.row(ctx, tx.groupID, names...).Scan(&id); !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	inserted, err := tx.exec(ctx, tx.insertGroup, names...)
	if err != nil {
		return 0, err
	}
	return inserted.LastInsertId()
}
