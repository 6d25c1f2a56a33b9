package auth

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openTokens(t testing.TB, path string) *Tokens {
	t.Helper()
	tokens, err := OpenTokens(context.Background(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tokens.Close()) })
	return tokens
}

func TestTokenLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "auth.db")
	ctx := context.Background()
	tokens := openTokens(t, path)
	require.False(t, tokens.Any())

	text, created, err := tokens.Create(ctx, "ci", Operator, time.Time{})
	require.NoError(t, err)
	require.Len(t, text, textLength)
	require.True(t, tokens.Any())
	found, ok := tokens.Lookup(text)
	require.True(t, ok)
	require.Equal(t, created, found)

	list, err := tokens.List(ctx)
	require.NoError(t, err)
	require.Equal(t, []Token{created}, list)

	_, _, err = tokens.Create(ctx, "ci", Viewer, time.Time{})
	require.ErrorIs(t, err, ErrNameTaken)
	require.NoError(t, tokens.Revoke(ctx, "ci"))
	require.ErrorIs(t, tokens.Revoke(ctx, "ci"), ErrNoToken)
	_, ok = tokens.Lookup(text)
	require.False(t, ok)
	require.False(t, tokens.Any())
}

func TestLookupRefuses(t *testing.T) {
	tokens := openTokens(t, filepath.Join(t.TempDir(), "auth.db"))
	text, _, err := tokens.Create(context.Background(), "ci", Operator, time.Time{})
	require.NoError(t, err)
	f := func(text string) {
		t.Helper()
		_, ok := tokens.Lookup(text)
		require.False(t, ok)
	}
	f("")
	f("tmk_")
	f(text[:len(text)-1])
	f(text + "x")
	f(strings.Repeat("x", len(text)))
	f("tmk_0000000000000000" + text[20:])
	last := byte('A')
	if text[30] == last {
		last = 'B'
	}
	f(text[:30] + string(last) + text[31:])
}

func TestTokenExpires(t *testing.T) {
	tokens := openTokens(t, filepath.Join(t.TempDir(), "auth.db"))
	now := time.Now()
	tokens.now = func() time.Time { return now }
	text, _, err := tokens.Create(context.Background(), "ci", Operator, now.Add(time.Hour))
	require.NoError(t, err)
	_, ok := tokens.Lookup(text)
	require.True(t, ok)
	now = now.Add(time.Hour)
	_, ok = tokens.Lookup(text)
	require.False(t, ok)
	require.True(t, tokens.Any(), "the end of the last token must not open the server again")
}

func TestCreateRefuses(t *testing.T) {
	tokens := openTokens(t, filepath.Join(t.TempDir(), "auth.db"))
	f := func(name string, role Role, expires time.Time, want string) {
		t.Helper()
		_, _, err := tokens.Create(context.Background(), name, role, expires)
		require.ErrorContains(t, err, want)
	}
	f("", Viewer, time.Time{}, "cannot name a token")
	f("a b", Viewer, time.Time{}, "cannot name a token")
	f("-x", Viewer, time.Time{}, "cannot name a token")
	f(strings.Repeat("x", 65), Viewer, time.Time{}, "cannot name a token")
	f("local", Viewer, time.Time{}, "without one")
	f("anonymous", Viewer, time.Time{}, "without one")
	f("ci", None, time.Time{}, "viewer, operator or admin")
	f("ci", Admin+1, time.Time{}, "viewer, operator or admin")
	f("ci", Viewer, time.Now().Add(-time.Second), "a time to come")
}

func TestAnotherProcessIsSeenWithinASecond(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.db")
	server, command := openTokens(t, path), openTokens(t, path)
	text, _, err := command.Create(context.Background(), "ci", Operator, time.Time{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, ok := server.Lookup(text); return ok }, time.Second, 5*time.Millisecond)
	require.NoError(t, command.Revoke(context.Background(), "ci"))
	require.Eventually(t, func() bool { _, ok := server.Lookup(text); return !ok }, time.Second, 5*time.Millisecond)
	require.NoError(t, server.Err())
}

func TestFileIsPrivateAndHoldsNoSecret(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "auth.db")
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	tokens := openTokens(t, path)
	text, _, err := tokens.Create(context.Background(), "ci", Operator, time.Time{})
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		_, secret, _ := splitToken(text)
		require.NotContains(t, string(content), secret)
	}
}

func TestTokensSurviveReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder?", "auth.db")
	first, err := OpenTokens(context.Background(), path)
	require.NoError(t, err)
	text, _, err := first.Create(context.Background(), "ci", Admin, time.Time{})
	require.NoError(t, err)
	require.NoError(t, first.Close())
	require.NoError(t, first.Close(), "closing twice is once")
	_, ok := openTokens(t, path).Lookup(text)
	require.True(t, ok)
}

func TestOpenRefusesANewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.db")
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	_, err = db.Exec(fmt.Sprintf(`PRAGMA user_version = %d`, schemaVersion+1))
	require.NoError(t, err)
	require.NoError(t, db.Close())
	_, err = OpenTokens(context.Background(), path)
	require.ErrorContains(t, err, "a newer one")
}

func TestOpenRefusesWhatIsNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "auth.db")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 100)), 0o600))
	_, err := OpenTokens(context.Background(), path)
	require.ErrorContains(t, err, path)
}

func FuzzLookup(f *testing.F) {
	tokens := openTokens(f, filepath.Join(f.TempDir(), "auth.db"))
	text, _, err := tokens.Create(context.Background(), "ci", Operator, time.Time{})
	require.NoError(f, err)
	f.Add(text[:10])
	f.Add("tmk_0123456789abcdef_" + strings.Repeat("A", 43))
	f.Add(strings.Repeat("_", textLength))
	f.Fuzz(func(t *testing.T, guess string) {
		if _, ok := tokens.Lookup(guess); ok && guess != text {
			t.Fatalf("%q was taken for a token", guess)
		}
	})
}
