package changelog

import (
	"context"
	"database/sql"
	"fmt"
)

// migrations lead a database from each version to the next. Only ever append:
// a database in the field has run those before.
//
// A change's end is ongoing (the largest integer) while it has none, so that
// overlap is one comparison. Its class says how long it lasts (see spanClasses),
// so that an overlap search knows how far back a start can lie.
//
// What changes are counted and most often selected by (kind, service, environment
// and status) is a group of its own: a few hundred rows say of a million
// changes which of them a question is about, and how many there are.
//
// Of a change that is about a flag, the flag's key is a column of its own, so
// that the newest change of each flag is found without a look at the others.
//
// A document that was deleted stays with no body, so that its revisions count on.
var migrations = []string{`
CREATE TABLE groups (
	id          INTEGER PRIMARY KEY,
	kind        TEXT    NOT NULL,
	service     TEXT    NOT NULL,
	environment TEXT    NOT NULL,
	status      TEXT    NOT NULL,
	n           INTEGER NOT NULL, -- how many changes are in it now
	UNIQUE (kind, service, environment, status)
) STRICT;

CREATE TABLE changes (
	num         INTEGER PRIMARY KEY,
	id          TEXT    NOT NULL UNIQUE,
	source      TEXT    NOT NULL,
	external_id TEXT    NOT NULL,
	group_id    INTEGER NOT NULL REFERENCES groups (id),
	version     TEXT    NOT NULL,
	who         TEXT    NOT NULL,
	start_ms    INTEGER NOT NULL,
	end_ms      INTEGER NOT NULL,
	class       INTEGER NOT NULL,
	body        BLOB    NOT NULL  -- the change as JSON
) STRICT;

CREATE UNIQUE INDEX changes_identity ON changes (source, external_id) WHERE external_id != '';
CREATE INDEX changes_start   ON changes (start_ms, id, end_ms, group_id, version, who);
CREATE INDEX changes_group   ON changes (group_id, start_ms, id, end_ms, version, who);
CREATE INDEX changes_long    ON changes (class, start_ms, id, end_ms, group_id, version, who) WHERE class > 0;
CREATE INDEX changes_version ON changes (group_id, end_ms, start_ms, id, version, who) WHERE version != '';

-- What a text search looks through, apart from the bulk of the changes.
CREATE TABLE texts (
	num   INTEGER PRIMARY KEY REFERENCES changes (num),
	words TEXT    NOT NULL
) STRICT;

-- How many changes of each group started on each day (Unix days).
CREATE TABLE daily (
	group_id INTEGER NOT NULL REFERENCES groups (id),
	day      INTEGER NOT NULL,
	n        INTEGER NOT NULL,
	PRIMARY KEY (group_id, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE labels (
	change_id    TEXT    NOT NULL REFERENCES changes (id),
	name         TEXT    NOT NULL,
	value        TEXT    NOT NULL,
	change_start INTEGER NOT NULL, -- by which pages go
	PRIMARY KEY (change_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX labels_value ON labels (name, value, change_start, change_id);

CREATE TABLE revisions (
	seq       INTEGER PRIMARY KEY AUTOINCREMENT,
	change_id TEXT    NOT NULL REFERENCES changes (id),
	revision  INTEGER NOT NULL,
	time_ms   INTEGER NOT NULL,
	by        TEXT    NOT NULL,
	body      BLOB    NOT NULL,
	UNIQUE (change_id, revision)
) STRICT;
`, `
ALTER TABLE changes ADD COLUMN flag TEXT NOT NULL DEFAULT ''; -- the key, of a change that is about a flag
UPDATE changes SET flag = coalesce(CAST(body AS TEXT) ->> '$.flag.key', '') WHERE instr(body, CAST('"flag":' AS BLOB)) > 0;
CREATE INDEX changes_flag ON changes (flag, group_id, start_ms, id, end_ms, who) WHERE flag != '';
`, `
CREATE TABLE documents (
	num       INTEGER PRIMARY KEY,
	space     TEXT    NOT NULL,
	key       TEXT    NOT NULL,
	revision  INTEGER NOT NULL,
	time_ms   INTEGER NOT NULL,
	by        TEXT    NOT NULL,
	change_id TEXT    NOT NULL, -- empty for none
	body      BLOB,             -- NULL of one that is deleted
	UNIQUE (space, key)
) STRICT;
CREATE INDEX documents_there ON documents (space, key) WHERE body IS NOT NULL;

CREATE TABLE document_revisions (
	document  INTEGER NOT NULL REFERENCES documents (num),
	revision  INTEGER NOT NULL,
	time_ms   INTEGER NOT NULL,
	by        TEXT    NOT NULL,
	change_id TEXT    NOT NULL,
	body      BLOB,
	UNIQUE (document, revision)
) STRICT;
`,
	migrateFlagStates,
	migrateSaid,
}

// migrateFlagStates keeps what a change made of a flag (see FlagChange.State)
// beside the flag's key, and in its index: what a flag was at any time is then
// read from the index alone.
const migrateFlagStates = `
ALTER TABLE changes ADD COLUMN flag_state TEXT NOT NULL DEFAULT '';
UPDATE changes SET flag_state = coalesce(
	CAST(body AS TEXT) -> '$.flag.to',
	CASE WHEN CAST(body AS TEXT) -> '$.flag.from' IS NULL THEN '' ELSE 'null' END
) WHERE flag != '';
DROP INDEX changes_flag;
CREATE INDEX changes_flag ON changes (flag, group_id, start_ms, id, end_ms, who, flag_state) WHERE flag != '';
`

// migrateSaid keeps what was said of a change by senders that say when, so that what
// comes late is put in its place; and the deliveries that nobody understood.
const migrateSaid = `
CREATE TABLE said (
	change_id TEXT    NOT NULL REFERENCES changes (id),
	at_ms     INTEGER NOT NULL,
	seq       INTEGER NOT NULL,
	body      BLOB    NOT NULL -- the report as JSON
) STRICT;
CREATE INDEX said_change ON said (change_id);

-- The identities of changes that several sources tell of, but for the one of the change.
CREATE TABLE aliases (
	source      TEXT NOT NULL,
	external_id TEXT NOT NULL,
	change_id   TEXT NOT NULL REFERENCES changes (id),
	PRIMARY KEY (source, external_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_change ON aliases (change_id);

-- By what deploys are found that tell of the same: their version without its v, and the
-- beginning of their commit.
CREATE TABLE deploy_keys (
	service   TEXT    NOT NULL,
	key       TEXT    NOT NULL,
	seen      INTEGER NOT NULL, -- 1 of what was only seen
	start_ms  INTEGER NOT NULL,
	change_id TEXT    NOT NULL REFERENCES changes (id),
	environment TEXT  NOT NULL,
	PRIMARY KEY (service, key, seen, start_ms, change_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX deploy_keys_change ON deploy_keys (change_id);

-- Changes that proved to be another. Their rows stay, with a start that never comes.
CREATE TABLE joined (
	id      TEXT PRIMARY KEY REFERENCES changes (id),
	into_id TEXT NOT NULL REFERENCES changes (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX joined_into ON joined (into_id);
CREATE INDEX documents_change ON documents (change_id) WHERE change_id != '';

CREATE TABLE deliveries (
	num     INTEGER PRIMARY KEY AUTOINCREMENT,
	hook    TEXT    NOT NULL,
	time_ms INTEGER NOT NULL,
	header  TEXT    NOT NULL, -- JSON
	body    BLOB    NOT NULL,
	why     TEXT    NOT NULL,
	digest  BLOB    NOT NULL, -- by which the same delivery is known again
	UNIQUE (hook, digest)
) STRICT;
CREATE INDEX deliveries_hook ON deliveries (hook, num, length(body) + length(header) + length(why));
`

// migrate brings db to the version that steps lead to, each step whole or not
// at all. A database that is further is refused.
func migrate(ctx context.Context, db *sql.DB, steps []string) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("reading the version: %w", err)
	}
	if version > len(steps) {
		return fmt.Errorf("it has version %d, and this Tidemark knows versions up to %d: run a newer Tidemark", version, len(steps))
	}
	for ; version < len(steps); version++ {
		if err := migrateOnce(ctx, db, steps[version], version+1); err != nil {
			return fmt.Errorf("migration %d: %w", version+1, err)
		}
	}
	return nil
}

func migrateOnce(ctx context.Context, db *sql.DB, step string, to int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if _, err := tx.ExecContext(ctx, step); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", to)); err != nil {
		return err
	}
	return tx.Commit()
}
