package auth

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// schemaVersion is the user_version of a file with the schema below.
const schemaVersion = 1

const schema = `
CREATE TABLE tokens (
	id      TEXT PRIMARY KEY,
	name    TEXT NOT NULL UNIQUE,
	role    TEXT NOT NULL,
	hash    BLOB NOT NULL,
	created INTEGER NOT NULL, -- Unix milliseconds
	expires INTEGER NOT NULL  -- Unix milliseconds; 0 for never
) STRICT`

// migrate brings the file to this program's schema, and refuses one that a
// newer program wrote.
func migrate(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var version int
	if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return err
	}
	switch {
	case version == schemaVersion:
		return nil
	case version > schemaVersion:
		return fmt.Errorf("it has schema %d and this program knows %d; run the program that wrote it, or a newer one", version, schemaVersion)
	}
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, schemaVersion)); err != nil {
		return err
	}
	return tx.Commit()
}

// follow takes over what other processes change in the file, until ctx ends.
func (t *Tokens) follow(ctx context.Context) {
	defer close(t.stopped)
	ticker := time.NewTicker(refreshEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := t.refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			t.failure.Store(&err)
		} else {
			t.failure.Store(nil)
		}
	}
}

// refresh reads the tokens if another connection changed them.
func (t *Tokens) refresh(ctx context.Context) error {
	t.refreshing.Lock()
	defer t.refreshing.Unlock()
	var version int64
	if err := t.watch.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&version); err != nil {
		return fmt.Errorf("read the tokens: %w", err)
	}
	if version == t.version {
		return nil
	}
	// What is committed after the question above and before the reading below
	// is read twice, and never missed.
	tokens, err := readTokens(ctx, t.watch)
	if err != nil {
		return err
	}
	byID := make(map[string]Token, len(tokens))
	for _, token := range tokens {
		byID[token.ID] = token
	}
	t.current.Store(&snapshot{byID})
	t.version = version
	return nil
}

// queryer is what *sql.DB and *sql.Conn have in common here.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func readTokens(ctx context.Context, from queryer) ([]Token, error) {
	rows, err := from.QueryContext(ctx, `SELECT id, name, role, hash, created, expires FROM tokens ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("read the tokens: %w", err)
	}
	defer rows.Close()
	var tokens []Token
	for rows.Next() {
		var (
			token            Token
			role             string
			hash             []byte
			created, expires int64
		)
		if err := rows.Scan(&token.ID, &token.Name, &role, &hash, &created, &expires); err != nil {
			return nil, fmt.Errorf("read the tokens: %w", err)
		}
		if token.Role, err = ParseRole(role); err != nil {
			return nil, fmt.Errorf("read token %q: %w", token.Name, err)
		}
		if copy(token.hash[:], hash) != len(token.hash) {
			return nil, fmt.Errorf("read token %q: its hash has %d bytes and not %d", token.Name, len(hash), len(token.hash))
		}
		token.Created = time.UnixMilli(created).UTC()
		if expires != 0 {
			token.Expires = time.UnixMilli(expires).UTC()
		}
		tokens = append(tokens, token)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the tokens: %w", err)
	}
	return tokens, nil
}
