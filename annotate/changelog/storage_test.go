package changelog

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

// TestFullDisk lets SQLite refuse to grow, as it does when the disk is full.
func TestFullDisk(t *testing.T) {
	set := metrics.NewSet()
	l, err := Open(t.Context(), filepath.Join(t.TempDir(), "changes.db"), Options{Metrics: set})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	var mu sync.Mutex
	kept := map[string]bool{}
	put := func(id string) error {
		result, err := l.Record(context.Background(), "test", annotate.Report{
			Source: "ci", ExternalID: id, Kind: "deploy", Service: id, Text: strings.Repeat("text ", 1000), Labels: map[string]string{"id": id},
		})
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			kept[result.Change.ExternalID] = true
		}
		return err
	}
	limitPages(t, l, 100)
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 20 {
				if err := put(fmt.Sprintf("%d-%d", w, i)); err != nil && annotate.CodeOf(err) != annotate.Unavailable {
					t.Errorf("a full disk is %v", err)
				}
			}
		})
	}
	writers.Wait()
	require.Less(t, len(kept), 160, "the disk became full")
	require.NotEmpty(t, kept)
	require.NotZero(t, set.GetOrCreateCounter(metricCommitFailures).Get())
	requireWhole(t, l, kept)

	limitPages(t, l, 1<<30)
	require.NoError(t, put("with space again"))
	requireWhole(t, l, kept)
}

func limitPages(t *testing.T, l *Log, pages int) {
	_, err := l.write.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	require.NoError(t, err)
}

// requireWhole checks that l holds the changes kept and no others, and no parts
// of others.
func requireWhole(t *testing.T, l *Log, kept map[string]bool) {
	page, err := l.List(t.Context(), annotate.List{Limit: annotate.MaxPage})
	require.NoError(t, err)
	got := map[string]bool{}
	for _, c := range page.Changes {
		got[c.ExternalID] = true
	}
	require.Equal(t, kept, got)
	for _, table := range []string{"changes", "texts", "labels", "revisions"} {
		var n int
		require.NoError(t, l.read.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
		require.Equal(t, len(kept), n, table)
	}
	for _, count := range []string{"SELECT coalesce(sum(n), 0) FROM groups", "SELECT coalesce(sum(n), 0) FROM daily"} {
		var n int
		require.NoError(t, l.read.QueryRowContext(t.Context(), count).Scan(&n))
		require.Equal(t, len(kept), n, count)
	}
	var verdict string
	require.NoError(t, l.read.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict))
	require.Equal(t, "ok", verdict)
}

func openDatabase(t *testing.T) *sql.DB {
	db, err := sql.Open("sqlite", dsn(filepath.Join(t.TempDir(), "some.db"), false))
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func TestMigrations(t *testing.T) {
	version := func(db *sql.DB) (v int) {
		require.NoError(t, db.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&v))
		return v
	}
	steps := []string{
		"CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);",
		"ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1;",
	}
	t.Run("an older one is brought up to date", func(t *testing.T) {
		db := openDatabase(t)
		require.NoError(t, migrate(t.Context(), db, steps[:1]))
		require.Equal(t, 1, version(db))
		require.NoError(t, migrate(t.Context(), db, steps))
		require.NoError(t, migrate(t.Context(), db, steps), "again does nothing")
		require.Equal(t, 2, version(db))
		var y int
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT y FROM a").Scan(&y))
		require.Equal(t, 2, y)
	})
	t.Run("a step that fails leaves nothing behind", func(t *testing.T) {
		db := openDatabase(t)
		broken := []string{steps[0], "CREATE TABLE b (x INTEGER); INSERT INTO nowhere VALUES (1);"}
		require.ErrorContains(t, migrate(t.Context(), db, broken), "migration 2")
		require.Equal(t, 1, version(db))
		require.NoError(t, migrate(t.Context(), db, steps))
		_, err := db.ExecContext(t.Context(), "SELECT 1 FROM b")
		require.ErrorContains(t, err, "no such table")
	})
	t.Run("a newer one is refused", func(t *testing.T) {
		db := openDatabase(t)
		require.NoError(t, migrate(t.Context(), db, steps))
		err := migrate(t.Context(), db, steps[:1])
		require.ErrorContains(t, err, "run a newer Tidemark")
		require.Equal(t, 2, version(db))
	})
}

// TestMigrationFindsFlags opens a log as it was written before flags, and what
// changes made of them, had columns of their own.
func TestMigrationFindsFlags(t *testing.T) {
	path := filepath.Join(t.TempDir(), "changes.db")
	db, err := sql.Open("sqlite", dsn(path, false))
	require.NoError(t, err)
	require.NoError(t, migrate(t.Context(), db, migrations[:1]))
	_, err = db.ExecContext(t.Context(), `
		INSERT INTO groups VALUES (1, 'flag', 'web', '', 'succeeded', 3), (2, 'deploy', 'web', '', 'succeeded', 2)`)
	require.NoError(t, err)
	start := time.Now().Add(-time.Hour).Truncate(time.Millisecond).UTC()
	var kept []annotate.Change
	put := func(kind string, group int, flag *annotate.FlagChange, labels map[string]string) {
		n := len(kept) + 1
		at := annotate.At(start.Add(time.Duration(n) * time.Minute))
		c := annotate.Change{
			ID: fmt.Sprintf("0192f0c0-0000-7000-8000-%012d", n), Kind: kind, Service: "web", Text: `"flag":{"key":"no"}`,
			Status: annotate.Succeeded, Start: at, End: &at, Flag: flag, Labels: labels, Revision: 1, Recorded: at, Updated: at,
		}
		body, err := json.Marshal(c)
		require.NoError(t, err)
		_, err = db.ExecContext(t.Context(), `
			INSERT INTO changes (id, source, external_id, group_id, version, who, start_ms, end_ms, class, body)
			VALUES (?, '', '', ?, '', '', ?, ?, 0, ?)`, c.ID, group, at.UnixMilli(), at.UnixMilli(), body)
		require.NoError(t, err)
		kept = append(kept, c)
	}
	put("flag", 1, &annotate.FlagChange{Key: `dark "mode" <1>`, From: false, To: true}, nil)
	put("flag", 1, &annotate.FlagChange{Key: "cart", To: map[string]any{"<on>": 12.5, "off": 87.5}}, nil)
	put("flag", 1, &annotate.FlagChange{Key: "cart", From: "on"}, nil)
	put("deploy", 2, nil, map[string]string{"flag": "none"})
	put("deploy", 2, &annotate.FlagChange{Key: "Größe"}, nil)
	require.NoError(t, db.Close())

	l, err := Open(t.Context(), path, Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	newest, err := l.Newest(t.Context(), annotate.Filter{}, annotate.PerFlag)
	require.NoError(t, err)
	require.Equal(t, annotate.Newest{Changes: []annotate.Change{kept[4], kept[2], kept[0]}}, newest)

	var states []annotate.FlagState
	require.NoError(t, l.FlagStates(t.Context(), annotate.SpanFilter{}, 0, time.Now().UnixMilli(), func(s annotate.FlagState) error {
		states = append(states, s)
		return nil
	}))
	require.Equal(t, []annotate.FlagState{
		{Flag: "cart", Service: "web", Start: kept[1].Start.UnixMilli(), Value: kept[1].Flag.State()},
		{Flag: "cart", Service: "web", Start: kept[2].Start.UnixMilli(), Value: "null"},
		{Flag: kept[0].Flag.Key, Service: "web", Start: kept[0].Start.UnixMilli(), Value: "true"},
	}, states)

	result, err := l.Record(t.Context(), "test", annotate.Report{Kind: "flag", Service: "web", Flag: &annotate.FlagChange{Key: "cart"}})
	require.NoError(t, err)
	newest, err = l.Newest(t.Context(), annotate.Filter{Kinds: []string{"flag"}}, annotate.PerFlag)
	require.NoError(t, err)
	require.Equal(t, annotate.Newest{Changes: []annotate.Change{result.Change, kept[0]}}, newest)
}

func TestOpenRefusesWhatIsNoLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "changes.db")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("no database at all ", 100)), 0o600))
	set := metrics.NewSet()
	_, err := Open(t.Context(), path, Options{Metrics: set})
	require.ErrorContains(t, err, path)
	_, err = Open(t.Context(), t.TempDir(), Options{Metrics: set})
	require.Error(t, err)
}

func TestOnlyTheOwnerReadsTheLog(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	l, err := Open(t.Context(), filepath.Join(folder, "changes.db"), Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	_, err = l.Record(t.Context(), "test", annotate.Report{Kind: "deploy"})
	require.NoError(t, err)
	info, err := os.Stat(folder)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), f.Name())
	}
}

func TestEveryCommitIsSynced(t *testing.T) {
	l, err := Open(t.Context(), filepath.Join(t.TempDir(), "changes.db"), Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		var got string
		require.NoError(t, l.write.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
	_, err = l.read.ExecContext(t.Context(), "DELETE FROM revisions")
	require.ErrorContains(t, err, "readonly", "readers cannot write")
}
