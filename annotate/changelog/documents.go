package changelog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// Documents returns the newest revision of each document in space that is not
// deleted, by key.
func (l *Log) Documents(ctx context.Context, space string) ([]annotate.Document, error) {
	var list []annotate.Document
	err := each(ctx, l.read, func(scan scanner) error {
		d := annotate.Document{Space: space}
		err := scanDocument(scan, &d, &d.Key)
		list = append(list, d)
		return err
	}, `SELECT key, revision, time_ms, by, change_id, body FROM documents INDEXED BY documents_there
		WHERE space = ? AND body IS NOT NULL ORDER BY key`, space)
	if err != nil {
		return nil, l.readError(err)
	}
	return list, nil
}

// DocumentRevisions returns up to limit revisions of a document, newest first:
// those before the one numbered before, or the newest where that is 0. One that
// deleted the document has no body. A key that never was is a NotFound error, and
// a limit that is not from 1 to annotate.MaxPage an Invalid one.
func (l *Log) DocumentRevisions(ctx context.Context, space, key string, before int64, limit int) ([]annotate.Document, error) {
	if limit < 1 || limit > annotate.MaxPage {
		return nil, &annotate.Error{Code: annotate.Invalid, Field: "limit", Value: limit, Message: fmt.Sprintf("must be from 1 to %d", annotate.MaxPage)}
	}
	if before <= 0 {
		before = math.MaxInt64
	}
	list := []annotate.Document{}
	err := l.snapshot(ctx, func(db queryer) error {
		var num int64
		err := db.QueryRowContext(ctx, "SELECT num FROM documents WHERE space = ? AND key = ?", space, key).Scan(&num)
		if errors.Is(err, sql.ErrNoRows) {
			return errNoDocument(annotate.Document{Space: space, Key: key})
		}
		if err != nil {
			return fmt.Errorf("reading a document: %w", err)
		}
		return each(ctx, db, func(scan scanner) error {
			d := annotate.Document{Space: space, Key: key}
			err := scanDocument(scan, &d)
			list = append(list, d)
			return err
		}, `SELECT revision, time_ms, by, change_id, body FROM document_revisions
			WHERE document = ? AND revision < ? ORDER BY revision DESC LIMIT ?`, num, before, limit)
	})
	if err != nil {
		return nil, l.readError(err)
	}
	return list, nil
}

// scanDocument reads a row that has the columns before, and then d's own.
func scanDocument(scan scanner, d *annotate.Document, before ...any) error {
	var ms int64
	err := scan(append(before, &d.Revision, &ms, &d.By, &d.Change, &d.Body)...)
	d.Time = annotate.At(time.UnixMilli(ms))
	return err
}

// newest returns a document's newest revision and its row: revision and row 0
// where it never was, no body where it is deleted.
func (t transaction) newest(ctx context.Context, space, key string) (num int64, d annotate.Document, err error) {
	d = annotate.Document{Space: space, Key: key}
	err = scanDocument(t.row(ctx, t.document, space, key).Scan, &d, &num)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, annotate.Document{Space: space, Key: key}, nil
	case err != nil:
		return 0, annotate.Document{}, fmt.Errorf("reading a document: %w", err)
	}
	return num, d, nil
}

// putDocument writes d as the newest revision of the document in row num, which
// is 0 for a new one, and lets go of the revisions that are too many.
func (t transaction) putDocument(ctx context.Context, num int64, d annotate.Document) error {
	state := []any{d.Revision, d.Time.UnixMilli(), d.By, d.Change, d.Body}
	err := func() error {
		if num == 0 {
			inserted, err := t.exec(ctx, t.insertDocument, append(state, d.Space, d.Key)...)
			if err != nil {
				return err
			}
			if num, err = inserted.LastInsertId(); err != nil {
				return err
			}
		} else if _, err := t.exec(ctx, t.updateDocument, append(state, num)...); err != nil {
			return err
		}
		if _, err := t.exec(ctx, t.insertState, append(state, num)...); err != nil {
			return err
		}
		if d.Revision <= annotate.MaxDocumentRevisions {
			return nil
		}
		_, err := t.exec(ctx, t.pruneStates, num, d.Revision-annotate.MaxDocumentRevisions)
		return err
	}()
	if err != nil {
		return fmt.Errorf("writing a document: %w", err)
	}
	return nil
}

// checkDocument returns an Invalid error for what no log keeps.
func checkDocument(d annotate.Document) error {
	for _, name := range []struct{ field, value string }{{"space", d.Space}, {"key", d.Key}} {
		if name.value == "" || len(name.value) > annotate.MaxDocumentName {
			return &annotate.Error{Code: annotate.Invalid, Field: name.field, Value: name.value, Message: fmt.Sprintf("must have from 1 to %d bytes", annotate.MaxDocumentName)}
		}
	}
	if len(d.Body) > annotate.MaxDocument {
		return &annotate.Error{Code: annotate.Invalid, Message: fmt.Sprintf("%s would be %d bytes long as JSON; at most %d are kept", d.Key, len(d.Body), annotate.MaxDocument)}
	}
	if d.Body != nil && !json.Valid(d.Body) {
		return &annotate.Error{Code: annotate.Invalid, Message: "the body of a document must be JSON"}
	}
	return nil
}

// mayFollow returns a Conflict error unless d says that it follows the newest
// revision, and does not delete what is not there.
func mayFollow(d, newest annotate.Document) error {
	there := newest.Body != nil
	conflict := func(format string, args ...any) error {
		return &annotate.Error{Code: annotate.Conflict, Message: fmt.Sprintf(format, args...)}
	}
	at := newest.Time.UTC().Format("2006-01-02 15:04:05 MST")
	switch {
	case there && d.Revision == newest.Revision, !there && d.Revision == 0 && d.Body != nil:
		return nil
	case !there && d.Revision == 0:
		return conflict("%s is not there, and cannot be deleted", d.Key)
	case newest.Revision == 0:
		return conflict("%s is not there, and has no revision %d", d.Key, d.Revision)
	case !there:
		return conflict("%s was deleted by %s on %s, after revision %d: read it again", d.Key, newest.By, at, d.Revision)
	case d.Revision == 0:
		return conflict("%s is there already: %s made its revision %d on %s", d.Key, newest.By, newest.Revision, at)
	default:
		return conflict("%s was changed by %s on %s, and has revision %d, not %d: read it again", d.Key, newest.By, at, newest.Revision, d.Revision)
	}
}

func errNoDocument(d annotate.Document) error {
	return &annotate.Error{Code: annotate.NotFound, Message: fmt.Sprintf("there is no %s %s", d.Space, d.Key)}
}
