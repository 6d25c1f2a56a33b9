package changelog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/tidemark/tidemark/annotate"
)

// KeepDelivery keeps what a hook did not understand, durably, and returns it with its ID.
// One that is kept already stays as it is, but for the reason, and is returned. Where the
// hook has as many as are kept it returns a TooMany error: whoever sent it must know that
// nobody has it.
func (l *Log) KeepDelivery(ctx context.Context, d annotate.Delivery) (annotate.Delivery, error) {
	header, err := json.Marshal(d.Header)
	if err != nil {
		return annotate.Delivery{}, fmt.Errorf("encoding the headers of a delivery: %w", err)
	}
	digest := d.Digest()
	err = l.submit(ctx, func(ctx context.Context, tx transaction) error {
		switch err := tx.row(ctx, tx.sameDelivery, d.Hook, digest).Scan(&d.ID); {
		case err == nil:
			_, err = tx.exec(ctx, tx.updateDelivery, d.Why, d.ID)
			return err
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		var n, size int64
		if err := tx.row(ctx, tx.countDeliveries, d.Hook).Scan(&n, &size); err != nil {
			return err
		}
		if n >= annotate.MaxDeliveries || size+int64(len(d.Body)) > annotate.MaxDeliveryBytes {
			return &annotate.Error{Code: annotate.TooMany, Message: fmt.Sprintf(
				"it was not understood (%s), and %d such deliveries of this hook are kept already, of %d bytes: have them read again or drop them, with tidemark hook replay or tidemark hook drop", d.Why, n, size)}
		}
		inserted, err := tx.exec(ctx, tx.insertDelivery, d.Hook, d.Time.UnixMilli(), string(header), d.Body, d.Why, digest)
		if err != nil {
			return err
		}
		d.ID, err = inserted.LastInsertId()
		return err
	})
	if err != nil {
		return annotate.Delivery{}, err
	}
	return d, nil
}

// DropDelivery lets go of a delivery. One that is not there is a NotFound error.
func (l *Log) DropDelivery(ctx context.Context, hook string, id int64) error {
	return l.submit(ctx, func(ctx context.Context, tx transaction) error {
		deleted, err := tx.exec(ctx, tx.deleteDelivery, hook, id)
		if err != nil {
			return err
		}
		if rows, err := deleted.RowsAffected(); err != nil || rows > 0 {
			return err
		}
		return errNoDelivery(hook, id)
	})
}

func errNoDelivery(hook string, id int64) error {
	return &annotate.Error{Code: annotate.NotFound, Message: fmt.Sprintf("the hook %s keeps no delivery %d", hook, id)}
}

// Deliveries returns up to limit of the deliveries that a hook did not understand, newest
// first: those before the one numbered before, or the newest where that is 0. They have no
// bodies. A limit that is not from 1 to annotate.MaxPage is an Invalid error.
func (l *Log) Deliveries(ctx context.Context, hook string, before int64, limit int) ([]annotate.Delivery, error) {
	if limit < 1 || limit > annotate.MaxPage {
		return nil, &annotate.Error{Code: annotate.Invalid, Field: "limit", Value: limit, Message: fmt.Sprintf("must be from 1 to %d", annotate.MaxPage)}
	}
	if before <= 0 {
		before = math.MaxInt64
	}
	list := []annotate.Delivery{}
	err := each(ctx, l.read, func(scan scanner) error {
		d := annotate.Delivery{Hook: hook}
		err := scanDelivery(scan, &d)
		list = append(list, d)
		return err
	}, "SELECT num, time_ms, header, why, NULL FROM deliveries WHERE hook = ? AND num < ? ORDER BY num DESC LIMIT ?", hook, before, limit)
	if err != nil {
		return nil, l.readError(err)
	}
	return list, nil
}

// Delivery returns one delivery with its body. One that is not there is a NotFound error.
func (l *Log) Delivery(ctx context.Context, hook string, id int64) (annotate.Delivery, error) {
	d := annotate.Delivery{Hook: hook}
	row := l.read.QueryRowContext(ctx, "SELECT num, time_ms, header, why, body FROM deliveries WHERE hook = ? AND num = ?", hook, id)
	err := scanDelivery(row.Scan, &d)
	if errors.Is(err, sql.ErrNoRows) {
		return annotate.Delivery{}, errNoDelivery(hook, id)
	}
	if err != nil {
		return annotate.Delivery{}, l.readError(fmt.Errorf("reading a delivery: %w", err))
	}
	return d, nil
}

func scanDelivery(scan scanner, d *annotate.Delivery) error {
	var ms int64
	var header string
	if err := scan(&d.ID, &ms, &header, &d.Why, &d.Body); err != nil {
		return err
	}
	d.Time = timeOf(ms)
	return json.Unmarshal([]byte(header), &d.Header)
}

// DeliveryCounts returns how many deliveries each hook keeps that has any.
func (l *Log) DeliveryCounts(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	err := each(ctx, l.read, func(scan scanner) error {
		var hook string
		var n int
		err := scan(&hook, &n)
		counts[hook] = n
		return err
	}, "SELECT hook, count(*) FROM deliveries GROUP BY hook")
	if err != nil {
		return nil, l.readError(err)
	}
	return counts, nil
}
