package changelog

import (
	"context"
	"database/sql"
	"fmt"
)

// statements are what the writer runs for each report, parsed once.
type statements struct {
	savepoint, release, rollback *sql.Stmt
	byID, byIdentity             *sql.Stmt
	putChange, putRevision       *sql.Stmt
	dropLabels, putLabel         *sql.Stmt
	countDown, countUp, putGroup *sql.Stmt
}

func prepare(ctx context.Context, db *sql.DB) (*statements, error) {
	s := &statements{}
	for _, p := range []struct {
		into  **sql.Stmt
		query string
	}{
		{&s.savepoint, "SAVEPOINT one"},
		{&s.release, "RELEASE one"},
		{&s.rollback, "ROLLBACK TO one"},
		{&s.byID, "SELECT body FROM changes WHERE id = ?"},
		{&s.byIdentity, "SELECT body FROM changes WHERE source = ? AND external_id = ? AND external_id != ''"},
		{&s.putChange, `
			INSERT INTO changes (id, source, external_id, kind, service, environment, version, who, status, start_ms, end_ms, words, body)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET
				kind = excluded.kind, service = excluded.service, environment = excluded.environment, version = excluded.version,
				who = excluded.who, status = excluded.status, start_ms = excluded.start_ms, end_ms = excluded.end_ms,
				words = excluded.words, body = excluded.body`},
		{&s.putRevision, "INSERT INTO revisions (change_id, revision, time_ms, by, body) VALUES (?, ?, ?, ?, ?)"},
		{&s.dropLabels, "DELETE FROM labels WHERE change_id = ?"},
		{&s.putLabel, "INSERT INTO labels (name, value, change_id) VALUES (?, ?, ?)"},
		{&s.countDown, "UPDATE daily SET n = n - 1 WHERE day = ? AND kind = ? AND service = ? AND environment = ? AND status = ?"},
		{&s.countUp, "INSERT INTO daily VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET n = n + 1"},
		{&s.putGroup, "INSERT INTO groups VALUES (?, ?, ?) ON CONFLICT DO NOTHING"},
	} {
		var err error
		if *p.into, err = db.PrepareContext(ctx, p.query); err != nil {
			return nil, fmt.Errorf("preparing %q: %w", p.query, err)
		}
	}
	return s, nil
}

// transaction is the writer's, with its statements.
type transaction struct {
	tx *sql.Tx
	*statements
}

func (t transaction) exec(ctx context.Context, stmt *sql.Stmt, args ...any) error {
	_, err := t.tx.StmtContext(ctx, stmt).ExecContext(ctx, args...)
	return err
}

func (t transaction) row(ctx context.Context, stmt *sql.Stmt, args ...any) *sql.Row {
	return t.tx.StmtContext(ctx, stmt).QueryRowContext(ctx, args...)
}
