package changelog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
)

// put keeps body as the revision after the one given, with a change that tells
// of it; an empty body deletes.
func put(l *changelog.Log, by, key string, after int64, body string) (d annotate.Document, err error) {
	err = l.Transact(context.Background(), func(ctx context.Context, tx annotate.Tx) error {
		told, err := tx.Record(ctx, by, annotate.Report{Kind: annotate.KindFlag, Title: key + " " + body[:min(len(body), 20)]})
		if err != nil {
			return err
		}
		d = annotate.Document{Space: "flag", Key: key, Revision: after, By: by, Change: told.Change.ID}
		if body != "" {
			d.Body = []byte(body)
		}
		d, err = tx.PutDocument(ctx, d)
		return err
	})
	return d, err
}

func documents(t *testing.T, l *changelog.Log) []annotate.Document {
	t.Helper()
	list, err := l.Documents(t.Context(), "flag")
	require.NoError(t, err)
	return list
}

func TestDocumentsAreKeptWithTheirChanges(t *testing.T) {
	l := fresh(t)
	first, err := put(l, "ann", "b", 0, `{"a":1}`)
	require.NoError(t, err)
	require.EqualValues(t, 1, first.Revision)
	require.WithinDuration(t, time.Now(), first.Time.Time, time.Minute)
	other, err := put(l, "bob", "a", 0, `2`)
	require.NoError(t, err)
	second, err := put(l, "bob", "b", 1, `{"a":2}`)
	require.NoError(t, err)
	require.Equal(t, []annotate.Document{other, second}, documents(t, l), "by key")
	elsewhere, err := l.Documents(t.Context(), "lock")
	require.NoError(t, err)
	require.Empty(t, elsewhere)

	told, err := l.Get(t.Context(), second.Change)
	require.NoError(t, err)
	require.Equal(t, `b {"a":2}`, told.Title)

	deleted, err := put(l, "cem", "b", 2, "")
	require.NoError(t, err)
	require.Equal(t, []annotate.Document{other}, documents(t, l))
	again, err := put(l, "ann", "b", 0, `{"a":4}`)
	require.NoError(t, err)
	require.EqualValues(t, 4, again.Revision, "revisions count on")

	history := func(before int64, limit int) []annotate.Document {
		list, err := l.DocumentRevisions(t.Context(), "flag", "b", before, limit)
		require.NoError(t, err)
		return list
	}
	require.Equal(t, []annotate.Document{again, deleted, second, first}, history(0, 10))
	require.Equal(t, []annotate.Document{again, deleted}, history(0, 2))
	require.Equal(t, []annotate.Document{second, first}, history(3, 10))
	require.Empty(t, history(1, 10))
	_, err = l.DocumentRevisions(t.Context(), "flag", "c", 0, 10)
	require.Equal(t, annotate.NotFound, annotate.CodeOf(err))
	_, err = l.DocumentRevisions(t.Context(), "flag", "b", 0, 0)
	require.Equal(t, annotate.Invalid, annotate.CodeOf(err))
}

func TestAConflictSaysWhoAndKeepsNothing(t *testing.T) {
	l := fresh(t)
	f := func(by, key string, after int64, body string, says ...string) {
		t.Helper()
		before, changes := documents(t, l), titles(t, l)
		_, err := put(l, by, key, after, body)
		require.Equal(t, annotate.Conflict, annotate.CodeOf(err), "%v", err)
		for _, s := range says {
			require.ErrorContains(t, err, s)
		}
		require.Equal(t, before, documents(t, l))
		require.Equal(t, changes, titles(t, l), "its change is not kept either")
	}
	f("ann", "a", 3, `1`, "is not there")
	f("ann", "a", 0, ``, "is not there")
	_, err := put(l, "ann", "a", 0, `1`)
	require.NoError(t, err)
	f("bob", "a", 0, `2`, "is there already", "ann")
	_, err = put(l, "cem", "a", 1, `3`)
	require.NoError(t, err)
	f("bob", "a", 1, `2`, "was changed by cem", "revision 2, not 1", time.Now().UTC().Format("2006-01-02"))
	f("bob", "a", 1, ``, "was changed by cem")
	_, err = put(l, "cem", "a", 2, ``)
	require.NoError(t, err)
	f("bob", "a", 2, `2`, "was deleted by cem")
	f("bob", "a", 0, ``, "is not there")
}

func TestATransactionIsWholeOrNothing(t *testing.T) {
	l := fresh(t)
	_, err := put(l, "ann", "a", 0, `1`)
	require.NoError(t, err)
	before := documents(t, l)
	refused := &annotate.Error{Code: annotate.Invalid, Message: "as the test wants"}
	half := func(end func() error) error {
		return l.Transact(t.Context(), func(ctx context.Context, tx annotate.Tx) error {
			_, err := tx.Record(ctx, "bob", annotate.Report{Kind: "flag", Title: "half"})
			require.NoError(t, err)
			_, err = tx.PutDocument(ctx, annotate.Document{Space: "flag", Key: "a", Revision: 1, By: "bob", Body: []byte("2")})
			require.NoError(t, err)
			seen, err := tx.Document(ctx, "flag", "a")
			require.NoError(t, err)
			require.Equal(t, "2", string(seen.Body), "what it wrote, it reads")
			return end()
		})
	}
	require.Equal(t, error(refused), half(func() error { return refused }), "its error comes as it is")
	require.Equal(t, annotate.Unavailable, annotate.CodeOf(half(func() error { return errors.New("some fault") })))
	require.ErrorContains(t, half(func() error { panic("a bug") }), "a bug")
	require.Equal(t, before, documents(t, l))
	require.Equal(t, []string{"a 1"}, titles(t, l))

	f := func(d annotate.Document, says string) {
		t.Helper()
		err := l.Transact(t.Context(), func(ctx context.Context, tx annotate.Tx) error {
			_, err := tx.PutDocument(ctx, d)
			return err
		})
		require.Equal(t, annotate.Invalid, annotate.CodeOf(err))
		require.ErrorContains(t, err, says)
	}
	f(annotate.Document{Key: "a", Body: []byte("1")}, "space")
	f(annotate.Document{Space: "flag", Body: []byte("1")}, "key")
	f(annotate.Document{Space: "flag", Key: strings.Repeat("k", annotate.MaxDocumentName+1), Body: []byte("1")}, "key")
	f(annotate.Document{Space: "flag", Key: "a", Body: []byte("{")}, "JSON")
	f(annotate.Document{Space: "flag", Key: "a", Body: []byte(`"` + strings.Repeat("x", annotate.MaxDocument) + `"`)}, "at most 262144")
}

func TestATransactionIsOfNoUseLater(t *testing.T) {
	l := fresh(t)
	var kept annotate.Tx
	require.NoError(t, l.Transact(t.Context(), func(_ context.Context, tx annotate.Tx) error {
		kept = tx
		return nil
	}))
	_, err := kept.Record(t.Context(), "ann", annotate.Report{Kind: "flag"})
	require.ErrorContains(t, err, "is over")
	_, err = kept.Document(t.Context(), "flag", "a")
	require.ErrorContains(t, err, "is over")
	_, err = kept.PutDocument(t.Context(), annotate.Document{Space: "flag", Key: "a", Body: []byte("1")})
	require.ErrorContains(t, err, "is over")
}

func TestAFollowerSeesWhatTransactionsRecord(t *testing.T) {
	l := fresh(t)
	seen := make(chan string)
	ctx, cancel := context.WithCancel(t.Context())
	var follower sync.WaitGroup
	follower.Go(func() {
		err := l.Follow(ctx, 0, annotate.Filter{}, func(e annotate.Event) error {
			seen <- e.Change.Title
			return nil
		})
		require.ErrorIs(t, err, context.Canceled)
	})
	for i := range 3 {
		_, err := put(l, "ann", "a", int64(i), fmt.Sprint(i))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("a %d", i), <-seen)
	}
	cancel()
	follower.Wait()
}

func TestRevisionsOfDocumentsAreBounded(t *testing.T) {
	l := fresh(t)
	const more = 7
	require.NoError(t, l.Transact(t.Context(), func(ctx context.Context, tx annotate.Tx) error {
		for i := range int64(annotate.MaxDocumentRevisions + more) {
			for _, key := range []string{"a", "b"} {
				if key == "b" && i > 3 {
					continue
				}
				if _, err := tx.PutDocument(ctx, annotate.Document{Space: "flag", Key: key, Revision: i, Body: []byte("1")}); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	list, err := l.DocumentRevisions(t.Context(), "flag", "a", 0, annotate.MaxPage)
	require.NoError(t, err)
	require.Len(t, list, annotate.MaxDocumentRevisions)
	require.EqualValues(t, 1+more, list[len(list)-1].Revision, "the oldest went")
	list, err = l.DocumentRevisions(t.Context(), "flag", "b", 0, annotate.MaxPage)
	require.NoError(t, err)
	require.Len(t, list, 4)
}

// TestDocumentsAgreeWithAModel lets several writers do what they like, and
// judges the log by plain lists.
func TestDocumentsAgreeWithAModel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "changes.db")
	random := rand.New(rand.NewPCG(7, 8))
	history := map[string][]annotate.Document{} // oldest first
	changes := 0
	for range 4 {
		l, err := changelog.Open(t.Context(), path, changelog.Options{})
		require.NoError(t, err)
		for range 200 {
			key := string(rune('a' + random.IntN(5)))
			states := history[key]
			var newest annotate.Document
			if len(states) > 0 {
				newest = states[len(states)-1]
			}
			after := newest.Revision
			if newest.Body == nil {
				after = 0
			}
			body := []string{`1`, `{"x":[2]}`, ``}[random.IntN(3)]
			right := body != "" || newest.Body != nil
			if random.IntN(4) == 0 {
				after += int64(random.IntN(3) - 1)
			}
			right = right && (newest.Body != nil && after == newest.Revision || newest.Body == nil && after == 0)
			d, err := put(l, "ann", key, after, body)
			if !right {
				require.Equal(t, annotate.Conflict, annotate.CodeOf(err), "%s after %d: %v", key, after, states)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, newest.Revision+1, d.Revision)
			history[key] = append(states, d)
			changes++
		}
		var there []annotate.Document
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			states := history[key]
			require.NotEmpty(t, states)
			if newest := states[len(states)-1]; newest.Body != nil {
				there = append(there, newest)
			}
			list, err := l.DocumentRevisions(t.Context(), "flag", key, 0, annotate.MaxPage)
			require.NoError(t, err)
			slices.Reverse(list)
			require.Equal(t, states, list)
		}
		require.Equal(t, there, documents(t, l))
		require.Len(t, titles(t, l), changes)
		require.NoError(t, l.Close())
	}
}

func BenchmarkTransact(b *testing.B) {
	body := fmt.Sprintf(`{"key":"new-checkout","definition":%q}`, strings.Repeat("x", 1000))
	run := func(name string, parallel int) {
		b.Run(name, func(b *testing.B) {
			l := fresh(b)
			var mu sync.Mutex
			next := 0
			one := func() {
				mu.Lock()
				key := fmt.Sprintf("production/flag-%d", next)
				next++
				mu.Unlock()
				_, err := put(l, "bench", key, 0, body)
				require.NoError(b, err)
			}
			b.ReportAllocs()
			if parallel == 1 {
				for b.Loop() {
					one()
				}
				return
			}
			b.SetParallelism(parallel)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					one()
				}
			})
		})
	}
	run("one writer", 1)
	run("64 writers", 32)
}
