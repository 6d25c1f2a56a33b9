package changelog

import (
	"context"
	"database/sql"
	"fmt"
)

// statements are what the writer runs for each report, parsed once.
//
// None of them is an upsert or returns rows of what it wrote: SQLite would have
// each such statement keep copies of the pages that it touches, to undo it by
// itself, and half of the time for a large batch would go there.
type statements struct {
	savepoint, release, rollback     *sql.Stmt
	byID, byIdentity, number         *sql.Stmt
	insertChange, updateChange       *sql.Stmt
	insertText, updateText           *sql.Stmt
	insertRevision                   *sql.Stmt
	insertLabel, deleteLabels        *sql.Stmt
	groupID, insertGroup, addToGroup *sql.Stmt
	insertDay, addToDay              *sql.Stmt
	document                         *sql.Stmt
	insertDocument, updateDocument   *sql.Stmt
	insertState, pruneStates         *sql.Stmt
	saidOf, insertSaid, deleteSaid   *sql.Stmt
	byAlias, insertAlias             *sql.Stmt
	deleteAlias, sourcesOf           *sql.Stmt
	deploysBefore, deploysAfter      *sql.Stmt
	documented, hideChange           *sql.Stmt
	insertDeployKey                  *sql.Stmt
	deleteDeployKeys                 *sql.Stmt
	moveSaid, moveAliases            *sql.Stmt
	moveJoined, insertJoined         *sql.Stmt
	sameDelivery, countDeliveries    *sql.Stmt
	insertDelivery, updateDelivery   *sql.Stmt
	deleteDelivery                   *sql.Stmt
}

// joinedID is the id that is asked for, or that of the change which that proved to be.
const joinedID = "coalesce((SELECT into_id FROM joined WHERE id = ?1), ?1)"

func prepare(ctx context.Context, db *sql.DB) (*statements, error) {
	s := &statements{}
	for _, p := range []struct {
		into  **sql.Stmt
		query string
	}{
		{&s.savepoint, "SAVEPOINT one"},
		{&s.release, "RELEASE one"},
		{&s.rollback, "ROLLBACK TO one"},
		{&s.byID, "SELECT body FROM changes WHERE id = " + joinedID},
		{&s.byIdentity, "SELECT body FROM changes WHERE source = ? AND external_id = ? AND external_id != ''"},
		{&s.number, "SELECT num FROM changes WHERE id = ?"},
		{&s.insertChange, `
			INSERT INTO changes (group_id, version, who, flag, flag_state, start_ms, end_ms, class, body, source, external_id, id)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&s.updateChange, `
			UPDATE changes SET group_id = ?, version = ?, who = ?, flag = ?, flag_state = ?, start_ms = ?, end_ms = ?, class = ?, body = ?,
				source = ?, external_id = ?
			WHERE num = ?`},
		{&s.insertText, "INSERT INTO texts (words, num) VALUES (?, ?)"},
		{&s.updateText, "UPDATE texts SET words = ? WHERE num = ?"},
		{&s.insertRevision, "INSERT INTO revisions (change_id, revision, time_ms, by, body) VALUES (?, ?, ?, ?, ?)"},
		{&s.insertLabel, "INSERT INTO labels (change_id, name, value, change_start) VALUES (?, ?, ?, ?)"},
		{&s.deleteLabels, "DELETE FROM labels WHERE change_id = ?"},
		{&s.groupID, "SELECT id FROM groups WHERE kind = ? AND service = ? AND environment = ? AND status = ?"},
		{&s.insertGroup, "INSERT INTO groups (kind, service, environment, status, n) VALUES (?, ?, ?, ?, 0)"},
		{&s.addToGroup, "UPDATE groups SET n = n + ? WHERE id = ?"},
		{&s.insertDay, "INSERT INTO daily (n, group_id, day) VALUES (?, ?, ?)"},
		{&s.addToDay, "UPDATE daily SET n = n + ? WHERE group_id = ? AND day = ?"},
		{&s.document, "SELECT num, revision, time_ms, by, change_id, body FROM documents WHERE space = ? AND key = ?"},
		{&s.insertDocument, "INSERT INTO documents (revision, time_ms, by, change_id, body, space, key) VALUES (?, ?, ?, ?, ?, ?, ?)"},
		{&s.updateDocument, "UPDATE documents SET revision = ?, time_ms = ?, by = ?, change_id = ?, body = ? WHERE num = ?"},
		{&s.insertState, "INSERT INTO document_revisions (revision, time_ms, by, change_id, body, document) VALUES (?, ?, ?, ?, ?, ?)"},
		{&s.saidOf, "SELECT at_ms, seq, body FROM said WHERE change_id = ?"},
		{&s.insertSaid, "INSERT INTO said (change_id, at_ms, seq, body) VALUES (?, ?, ?, ?)"},
		{&s.deleteSaid, "DELETE FROM said WHERE change_id = ? AND at_ms = ? AND seq = ? AND body = ?"},
		{&s.byAlias, "SELECT body FROM changes WHERE id = (SELECT change_id FROM aliases WHERE source = ? AND external_id = ?)"},
		{&s.insertAlias, "INSERT INTO aliases (source, external_id, change_id) VALUES (?, ?, ?)"},
		{&s.deleteAlias, "DELETE FROM aliases WHERE source = ? AND external_id = ?"},
		{&s.sourcesOf, "SELECT source FROM aliases WHERE change_id = ?"},
		{&s.hideChange, "UPDATE changes SET start_ms = ?, end_ms = 0, class = 0, version = '', flag = '', flag_state = '', source = '', external_id = '', body = ? WHERE id = ?"},
		{&s.moveSaid, "UPDATE said SET change_id = ? WHERE change_id = ?"},
		{&s.moveAliases, "UPDATE aliases SET change_id = ? WHERE change_id = ?"},
		{&s.moveJoined, "UPDATE joined SET into_id = ? WHERE into_id = ?"},
		{&s.insertJoined, "INSERT INTO joined (into_id, id) VALUES (?2, ?1)"},
		{&s.deploysBefore, `
			SELECT body FROM deploy_keys CROSS JOIN changes ON changes.id = change_id
			WHERE deploy_keys.service = ?1 AND key = ?2 AND seen = ?3 AND deploy_keys.start_ms BETWEEN ?5 AND ?6
				AND (?4 = '' OR environment IN (?4, ''))
			ORDER BY deploy_keys.start_ms DESC LIMIT 10`},
		{&s.deploysAfter, `
			SELECT body FROM deploy_keys CROSS JOIN changes ON changes.id = change_id
			WHERE deploy_keys.service = ?1 AND key = ?2 AND seen = ?3 AND deploy_keys.start_ms > ?5 AND deploy_keys.start_ms <= ?6
				AND (?4 = '' OR environment IN (?4, ''))
			ORDER BY deploy_keys.start_ms LIMIT 10`},
		{&s.documented, "SELECT count(*) FROM documents INDEXED BY documents_change WHERE change_id = ? AND change_id != ''"},
		{&s.insertDeployKey, "INSERT INTO deploy_keys (service, key, seen, start_ms, change_id, environment) VALUES (?, ?, ?, ?, ?, ?)"},
		{&s.deleteDeployKeys, "DELETE FROM deploy_keys WHERE change_id = ?"},
		{&s.sameDelivery, "SELECT num FROM deliveries WHERE hook = ? AND digest = ?"},
		{&s.countDeliveries, "SELECT count(*), coalesce(sum(length(body) + length(header) + length(why)), 0) FROM deliveries INDEXED BY deliveries_hook WHERE hook = ?"},
		{&s.insertDelivery, "INSERT INTO deliveries (hook, time_ms, header, body, why, digest) VALUES (?, ?, ?, ?, ?, ?)"},
		{&s.updateDelivery, "UPDATE deliveries SET why = ? WHERE num = ?"},
		{&s.deleteDelivery, "DELETE FROM deliveries WHERE hook = ? AND num = ?"},
		{&s.pruneStates, "DELETE FROM document_revisions WHERE document = ? AND revision <= ?"},
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

func (t transaction) exec(ctx context.Context, stmt *sql.Stmt, args ...any) (sql.Result, error) {
	return t.tx.StmtContext(ctx, stmt).ExecContext(ctx, args...)
}

func (t transaction) row(ctx context.Context, stmt *sql.Stmt, args ...any) *sql.Row {
	return t.tx.StmtContext(ctx, stmt).QueryRowContext(ctx, args...)
}

func (t transaction) rows(ctx context.Context, stmt *sql.Stmt, args ...any) (*sql.Rows, error) {
	return t.tx.StmtContext(ctx, stmt).QueryContext(ctx, args...)
}
