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
// overlap is one comparison. Changes that last for more than an hour are few,
// and marked long: an overlap search looks at those by their end, and at the
// others by a start within the hour before.
var migrations = []string{`
CREATE TABLE changes (
	id          TEXT    NOT NULL UNIQUE,
	source      TEXT    NOT NULL,
	external_id TEXT    NOT NULL,
	kind        TEXT    NOT NULL,
	service     TEXT    NOT NULL,
	environment TEXT    NOT NULL,
	version     TEXT    NOT NULL,
	who         TEXT    NOT NULL,
	status      TEXT    NOT NULL,
	start_ms    INTEGER NOT NULL,
	end_ms      INTEGER NOT NULL,
	long        INTEGER GENERATED ALWAYS AS (end_ms - start_ms > 3600000) STORED,
	words       TEXT    NOT NULL,
	body        BLOB    NOT NULL
) STRICT;

CREATE UNIQUE INDEX changes_identity ON changes (source, external_id) WHERE external_id != '';
CREATE INDEX changes_start   ON changes (start_ms, id, long, end_ms, kind, service, environment, version, who, status);
CREATE INDEX changes_long    ON changes (start_ms, id, end_ms) WHERE long = 1;
CREATE INDEX changes_group   ON changes (kind, service, environment, start_ms, id);
CREATE INDEX changes_service ON changes (service, start_ms, id);
CREATE INDEX changes_version ON changes (service, environment, end_ms, start_ms, id)
	WHERE kind = 'deploy' AND status = 'succeeded' AND version != '';

-- How many changes started on each day (Unix days) by group: what a count over
-- a long time adds up, instead of the changes themselves.
CREATE TABLE daily (
	day         INTEGER NOT NULL,
	kind        TEXT    NOT NULL,
	service     TEXT    NOT NULL,
	environment TEXT    NOT NULL,
	status      TEXT    NOT NULL,
	n           INTEGER NOT NULL,
	PRIMARY KEY (day, kind, service, environment, status)
) STRICT, WITHOUT ROWID;

-- Every kind, service and environment that a change had.
CREATE TABLE groups (
	kind        TEXT NOT NULL,
	service     TEXT NOT NULL,
	environment TEXT NOT NULL,
	PRIMARY KEY (kind, service, environment)
) STRICT, WITHOUT ROWID;

CREATE TABLE labels (
	name      TEXT NOT NULL,
	value     TEXT NOT NULL,
	change_id TEXT NOT NULL REFERENCES changes (id),
	PRIMARY KEY (change_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX labels_value ON labels (name, value, change_id);

CREATE TABLE revisions (
	seq       INTEGER PRIMARY KEY AUTOINCREMENT,
	change_id TEXT    NOT NULL REFERENCES changes (id),
	revision  INTEGER NOT NULL,
	time_ms   INTEGER NOT NULL,
	by        TEXT    NOT NULL,
	body      BLOB    NOT NULL,
	UNIQUE (change_id, revision)
) STRICT;
`}

// migrate brings db to the newest version, each step whole or not at all.
func migrate(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("reading the version: %w", err)
	}
	if version > len(migrations) {
		return fmt.Errorf("it has version %d, and this Tidemark knows versions up to %d: run a newer Tidemark", version, len(migrations))
	}
	for ; version < len(migrations); version++ {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return fmt.Errorf("beginning migration %d: %w", version+1, err)
		}
		if _, err = tx.ExecContext(ctx, migrations[version]); err == nil {
			_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version+1))
		}
		if err == nil {
			err = tx.Commit()
		}
		if err != nil {
			_ = tx.Rollback()
			return fmt.Errorf("migration %d: %w", version+1, err)
		}
	}
	return nil
}
