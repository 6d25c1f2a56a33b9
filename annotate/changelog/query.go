package changelog

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
)

// where gathers conditions, all of which must hold, and their arguments.
type where struct {
	conditions []string
	args       []any
}

func (w *where) and(condition string, args ...any) {
	w.conditions = append(w.conditions, condition)
	w.args = append(w.args, args...)
}

// all adds the conditions of other.
func (w *where) all(other *where) {
	w.conditions = append(w.conditions, other.conditions...)
	w.args = append(w.args, other.args...)
}

// maxArguments is how many values are arguments of their own. SQLite bounds
// those of a statement, which may have the same condition several times.
const maxArguments = 100

// in adds that column is one of values, where there are any.
func in[T ~string](w *where, column string, values []T) {
	if len(values) == 0 {
		return
	}
	if len(values) > maxArguments {
		list, _ := json.Marshal(values) // texts can always be written
		w.and(column+" IN (SELECT value FROM json_each(?))", string(list))
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = string(v)
	}
	w.and(column+" IN (?"+strings.Repeat(",?", len(values)-1)+")", args...)
}

func (w *where) empty() bool { return len(w.conditions) == 0 }

func (w *where) String() string {
	if w.empty() {
		return "true"
	}
	return strings.Join(w.conditions, " AND ")
}

// queryer is a database, or a transaction in it.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// scanner reads a row into what its arguments point to.
type scanner func(into ...any) error

// each calls fn for each row that the query selects, until fn fails, and
// returns its error as it is.
func each(ctx context.Context, db queryer, fn func(scanner) error, query string, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("asking the change log: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading the change log: %w", err)
	}
	return nil
}

// snapshot calls fn with a transaction that sees the log as it stands at its
// first query, whatever is written meanwhile. Queries within fn share its one
// connection, so that readers never wait for each other's.
func (l *Log) snapshot(ctx context.Context, fn func(queryer) error) error {
	tx, err := l.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return l.readError(fmt.Errorf("asking the change log: %w", err))
	}
	defer tx.Rollback() //nolint:errcheck // it only read
	return fn(tx)
}
