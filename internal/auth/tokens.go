package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver of auth.db
)

// refreshEvery is how often the file is asked whether another process changed
// it; each such question reads a few bytes of shared memory.
const refreshEvery = 400 * time.Millisecond

// ErrNoToken is returned for a name that no token has.
var ErrNoToken = errors.New("no such token")

// ErrNameTaken is returned for a name that another token has.
var ErrNameTaken = errors.New("the name is taken")

// Tokens are the tokens in a file, which several processes may share: what one
// creates or revokes, the others see within a second. Lookups are answered from
// memory and never wait for the disk.
type Tokens struct {
	db    *sql.DB
	watch *sql.Conn // its data_version counts what other connections commit
	now   func() time.Time

	current atomic.Pointer[snapshot]
	failure atomic.Pointer[error]

	refreshing sync.Mutex
	version    int64 // guarded by refreshing

	stop    context.CancelFunc
	stopped chan struct{}
	closed  sync.Once
}

// snapshot is the content of the file at one time. It is never changed.
type snapshot struct{ byID map[string]Token }

// OpenTokens opens the file at path, and creates it where there is none. A file
// that others may read is made private.
func OpenTokens(ctx context.Context, path string) (*Tokens, error) {
	if err := private(path); err != nil {
		return nil, fmt.Errorf("open the tokens: %w", err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open the tokens: %w", err)
	}
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)"},
		"_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open the tokens: %w", err)
	}
	db.SetMaxOpenConns(2) // one that watches, one that works
	t := &Tokens{db: db, now: time.Now, version: -1, stopped: make(chan struct{})}
	if err := t.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the tokens in %s: %w", path, err), db.Close())
	}
	return t, nil
}

// private makes sure that the file is there, and for its owner alone.
func private(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Close())
}

func (t *Tokens) begin(ctx context.Context) error {
	if err := migrate(ctx, t.db); err != nil {
		return err
	}
	watch, err := t.db.Conn(ctx)
	if err != nil {
		return err
	}
	t.watch = watch
	if err := t.refresh(ctx); err != nil {
		return err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stop = stop
	go t.follow(background)
	return nil
}

// Create makes a token and returns its text, which nobody can read again.
// A zero expires is a token without an end.
func (t *Tokens) Create(ctx context.Context, name string, role Role, expires time.Time) (string, Token, error) {
	now := t.now().UTC().Truncate(time.Millisecond)
	if err := validateName(name); err != nil {
		return "", Token{}, err
	}
	if role < Evaluator || role > Admin {
		return "", Token{}, fmt.Errorf("%q is no role for a token; it must be evaluator, viewer, operator or admin", role)
	}
	if !expires.IsZero() && !expires.After(now) {
		return "", Token{}, fmt.Errorf("the token would have ended at %s already; say a time to come", expires.Format(time.RFC3339))
	}
	text, id, hash := newToken()
	var end int64
	if !expires.IsZero() {
		expires = expires.UTC().Truncate(time.Millisecond)
		end = expires.UnixMilli()
	}
	result, err := t.db.ExecContext(ctx,
		`INSERT INTO tokens (id, name, role, hash, created, expires) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING`,
		id, name, role.String(), hash[:], now.UnixMilli(), end)
	if err != nil {
		return "", Token{}, fmt.Errorf("create token %q: %w", name, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return "", Token{}, errors.Join(fmt.Errorf("create token %q: %w; revoke that token first, or choose another name", name, ErrNameTaken), err)
	}
	return text, Token{ID: id, Name: name, Role: role, Created: now, Expires: expires, hash: hash}, t.refresh(ctx)
}

// List returns all tokens in the order of their names, expired ones too.
func (t *Tokens) List(ctx context.Context) ([]Token, error) { return readTokens(ctx, t.db) }

// Revoke ends the token called name. It returns ErrNoToken where there is none.
func (t *Tokens) Revoke(ctx context.Context, name string) error {
	result, err := t.db.ExecContext(ctx, `DELETE FROM tokens WHERE name = ?`, name)
	if err != nil {
		return fmt.Errorf("revoke token %q: %w", name, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(fmt.Errorf("revoke token %q: %w", name, ErrNoToken), err)
	}
	return t.refresh(ctx)
}

// Any reports whether there is any token. An expired one counts: its end must
// not open what it had closed.
func (t *Tokens) Any() bool { return len(t.current.Load().byID) > 0 }

// Lookup returns the token with the text given, unless it has expired.
func (t *Tokens) Lookup(text string) (Token, bool) {
	id, secret, ok := splitToken(text)
	if !ok {
		return Token{}, false
	}
	var buf [textLength]byte
	hash := sha256.Sum256(append(buf[:0], secret...))
	// An unknown id takes the same way: its zero hash equals no secret's.
	token, known := t.current.Load().byID[id]
	same := subtle.ConstantTimeCompare(hash[:], token.hash[:]) == 1
	if !known || !same || token.Expired(t.now()) {
		return Token{}, false
	}
	return token, true
}

// ByID returns the token with the id given, unless it has expired.
func (t *Tokens) ByID(id string) (Token, bool) {
	token, known := t.current.Load().byID[id]
	return token, known && !token.Expired(t.now())
}

// Err is why the file could not be read again lately; nil if it could. Lookups
// go on with what was read last.
func (t *Tokens) Err() error {
	if err := t.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// Close ends the watch over the file and closes it.
func (t *Tokens) Close() error {
	var err error
	t.closed.Do(func() {
		t.stop()
		<-t.stopped
		err = errors.Join(t.watch.Close(), t.db.Close())
	})
	return err
}
