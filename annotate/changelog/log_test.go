package changelog_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
)

func open(t testing.TB, path string, opts changelog.Options) *changelog.Log {
	t.Helper()
	l, err := changelog.Open(context.Background(), path, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

func fresh(t testing.TB) *changelog.Log {
	return open(t, filepath.Join(t.TempDir(), "changes.db"), changelog.Options{})
}

func record(t testing.TB, l *changelog.Log, r annotate.Report) annotate.Change {
	t.Helper()
	if r.Kind == "" {
		r.Kind = annotate.KindDeploy
	}
	result, err := l.Record(t.Context(), "test", r)
	require.NoError(t, err)
	return result.Change
}

func ago(d time.Duration) annotate.Time { return annotate.At(time.Now().Add(-d)) }

func TestRecordIsIdempotentOnSourceAndExternalID(t *testing.T) {
	l := fresh(t)
	first := record(t, l, annotate.Report{Source: "ci", ExternalID: "1", Service: "web", Status: annotate.Running})
	require.Equal(t, 1, first.Revision)

	again, err := l.Record(t.Context(), "test", annotate.Report{Source: "ci", ExternalID: "1", Kind: "deploy", Service: "web", Status: annotate.Running})
	require.NoError(t, err)
	require.False(t, again.Created)
	require.Equal(t, first, again.Change, "a retry leaves no trace")

	done := record(t, l, annotate.Report{Source: "ci", ExternalID: "1", Status: annotate.Failed})
	require.Equal(t, first.ID, done.ID)
	require.Equal(t, 2, done.Revision)
	require.NotNil(t, done.End)

	late := record(t, l, annotate.Report{Source: "ci", ExternalID: "1", Service: "web", Status: annotate.Running})
	require.Equal(t, annotate.Failed, late.Status, "the retry of an opening report does not reopen")

	revisions, err := l.Revisions(t.Context(), first.ID)
	require.NoError(t, err)
	require.Len(t, revisions, 2)
	require.Equal(t, first, revisions[0].Change)
	require.Equal(t, "test", revisions[1].By)
}

func TestConcurrentReportsOfOneChange(t *testing.T) {
	set := metrics.NewSet()
	l := open(t, filepath.Join(t.TempDir(), "changes.db"), changelog.Options{Metrics: set})
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			_, err := l.Record(context.Background(), "test", annotate.Report{Source: "ci", ExternalID: "same", Kind: "deploy", Labels: map[string]string{fmt.Sprintf("l%d", i%40): "1"}})
			require.NoError(t, err)
		})
	}
	all.Wait()
	page, err := l.List(t.Context(), annotate.List{Limit: 10})
	require.NoError(t, err)
	require.Len(t, page.Changes, 1)
	require.Len(t, page.Changes[0].Labels, 40)
	require.Less(t, set.GetOrCreateCounter("tidemark_changelog_commits_total").Get(), uint64(64), "commits are shared")
}

func TestABadReportHarmsNoOther(t *testing.T) {
	l := fresh(t)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			r := annotate.Report{Kind: "deploy", Service: "web"}
			if i%2 == 0 {
				r.Kind = "Not A Word"
			}
			_, err := l.Record(context.Background(), "test", r)
			if i%2 == 0 {
				require.Equal(t, annotate.Invalid, annotate.CodeOf(err))
			} else {
				require.NoError(t, err)
			}
		})
	}
	all.Wait()
	page, err := l.List(t.Context(), annotate.List{Limit: 100})
	require.NoError(t, err)
	require.Len(t, page.Changes, 25)
}

func TestBatchIsAllOrNothing(t *testing.T) {
	l := fresh(t)
	_, err := l.RecordBatch(t.Context(), "test", []annotate.Report{
		{Kind: "deploy"}, {Kind: "deploy", Start: annotate.At(time.Now().AddDate(8000, 0, 0))},
	})
	var e *annotate.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "changes[1].start", e.Field)
	page, err := l.List(t.Context(), annotate.List{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, page.Changes)
}

func TestAmend(t *testing.T) {
	l := fresh(t)
	c := record(t, l, annotate.Report{Service: "web", Version: "v1", Status: annotate.Failed})
	amended, err := l.Amend(t.Context(), "ada", c.ID, annotate.Patch{Set: annotate.Report{Version: "v2"}, Clear: []string{"end"}})
	require.NoError(t, err)
	require.Equal(t, "v2", amended.Version)
	require.Equal(t, annotate.Running, amended.Status)
	same, err := l.Amend(t.Context(), "ada", c.ID, annotate.Patch{Set: annotate.Report{Version: "v2"}})
	require.NoError(t, err)
	require.Equal(t, amended, same, "nothing new, no revision")
	_, err = l.Amend(t.Context(), "ada", "0197f000-0000-7000-8000-000000000000", annotate.Patch{})
	require.Equal(t, annotate.NotFound, annotate.CodeOf(err))
}

func TestUndoesMustBeInTheLog(t *testing.T) {
	l := fresh(t)
	_, err := l.Record(t.Context(), "test", annotate.Report{Kind: "deploy", Undoes: "0197f000-0000-7000-8000-000000000000"})
	var e *annotate.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "undoes", e.Field)
	c := record(t, l, annotate.Report{})
	require.Equal(t, c.ID, record(t, l, annotate.Report{Undoes: c.ID}).Undoes)
}

func TestList(t *testing.T) {
	l := fresh(t)
	record(t, l, annotate.Report{Title: "long", Kind: "maintenance", Start: ago(48 * time.Hour), End: ago(time.Hour), Labels: map[string]string{"team": "db"}})
	record(t, l, annotate.Report{Title: "old", Service: "web", Start: ago(72 * time.Hour), Who: &annotate.Who{Name: "Ada"}})
	record(t, l, annotate.Report{Title: "going on", Service: "api", Start: ago(24 * time.Hour), Status: annotate.Running})
	record(t, l, annotate.Report{Title: "Änderung 100%", Service: "web", Environment: "production", Start: ago(10 * time.Minute)})

	tests := map[string]struct {
		filter annotate.Filter
		want   []string
	}{
		"everything":           {annotate.Filter{}, []string{"Änderung 100%", "going on", "long", "old"}},
		"overlap from":         {annotate.Filter{From: ago(2 * time.Hour)}, []string{"Änderung 100%", "going on", "long"}},
		"overlap to":           {annotate.Filter{To: ago(47 * time.Hour)}, []string{"long", "old"}},
		"overlap both":         {annotate.Filter{From: ago(40 * time.Hour), To: ago(30 * time.Hour)}, []string{"long"}},
		"a kind":               {annotate.Filter{Kinds: []string{"maintenance"}}, []string{"long"}},
		"any of two services":  {annotate.Filter{Services: []string{"web", "api"}}, []string{"Änderung 100%", "going on", "old"}},
		"an environment":       {annotate.Filter{Environments: []string{"production"}}, []string{"Änderung 100%"}},
		"a status":             {annotate.Filter{Statuses: []annotate.Status{annotate.Running}}, []string{"going on"}},
		"who":                  {annotate.Filter{Who: []string{"Ada"}}, []string{"old"}},
		"a label":              {annotate.Filter{Labels: map[string]string{"team": "db"}}, []string{"long"}},
		"a label that differs": {annotate.Filter{Labels: map[string]string{"team": "web"}}, nil},
		"text, in any case":    {annotate.Filter{Text: "äNDER web"}, []string{"Änderung 100%"}},
		"text is no pattern":   {annotate.Filter{Text: "%"}, []string{"Änderung 100%"}},
		"nor a statement":      {annotate.Filter{Text: `' OR 1=1 --`}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for cursor, pages := "", 0; ; pages++ {
				require.Less(t, pages, 10)
				page, err := l.List(t.Context(), annotate.List{Filter: tc.filter, Limit: 1, Cursor: cursor})
				require.NoError(t, err)
				for _, c := range page.Changes {
					got = append(got, c.Title)
				}
				if page.Next == nil {
					break
				}
				cursor = *page.Next
			}
			require.Equal(t, tc.want, got)
		})
	}
}

func TestListFindsByLabelWhatBeganBeforeTheWindow(t *testing.T) {
	l := fresh(t)
	for _, lasts := range []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour, 48 * time.Hour} {
		record(t, l, annotate.Report{
			Title: lasts.String(), Start: ago(100*time.Hour + lasts/2), End: ago(100*time.Hour - lasts/2), Labels: map[string]string{"team": "db"},
		})
	}
	page, err := l.List(t.Context(), annotate.List{Limit: 10, Filter: annotate.Filter{
		From: ago(100 * time.Hour), To: ago(99 * time.Hour), Labels: map[string]string{"team": "db"},
	}})
	require.NoError(t, err)
	require.Len(t, page.Changes, 4)
}

func TestPagesHoldStillWhileChangesComeIn(t *testing.T) {
	l := fresh(t)
	for i := range 20 {
		record(t, l, annotate.Report{Title: fmt.Sprint(i), Start: ago(time.Duration(i) * time.Minute)})
	}
	seen := map[string]bool{}
	cursor := ""
	for {
		page, err := l.List(t.Context(), annotate.List{Limit: 3, Cursor: cursor})
		require.NoError(t, err)
		for _, c := range page.Changes {
			require.False(t, seen[c.Title], "twice: %s", c.Title)
			seen[c.Title] = true
		}
		record(t, l, annotate.Report{Title: "new " + fmt.Sprint(len(seen))})
		if page.Next == nil {
			break
		}
		cursor = *page.Next
	}
	for i := range 20 {
		require.True(t, seen[fmt.Sprint(i)])
	}
}

func TestBadCursorAndLimit(t *testing.T) {
	l := fresh(t)
	for field, q := range map[string]annotate.List{
		"cursor": {Limit: 1, Cursor: "nonsense"},
		"limit":  {Limit: annotate.MaxPage + 1},
	} {
		_, err := l.List(t.Context(), q)
		var e *annotate.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, field, e.Field)
	}
}

func TestFollowResumesWithoutLossOrDouble(t *testing.T) {
	l := fresh(t)
	stop := errors.New("enough")
	var seqs []int64
	var titles []string
	follow := func(after int64, n int) {
		err := l.Follow(t.Context(), after, annotate.Filter{Kinds: []string{"deploy"}}, func(e annotate.Event) error {
			seqs = append(seqs, e.Seq)
			titles = append(titles, e.Change.Title)
			if n--; n == 0 {
				return stop
			}
			return nil
		})
		require.ErrorIs(t, err, stop)
	}
	record(t, l, annotate.Report{Title: "1"})
	record(t, l, annotate.Report{Title: "other", Kind: "flag"})
	record(t, l, annotate.Report{Title: "2"})
	follow(0, 1)
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := 3; i < 300; i++ {
			record(t, l, annotate.Report{Title: fmt.Sprint(i)})
		}
	})
	follow(seqs[0], 298)
	writer.Wait()
	require.Len(t, titles, 299)
	for i, title := range titles {
		require.Equal(t, fmt.Sprint(i+1), title)
	}
}

// A log that was restored from a copy is behind its followers.
func TestFollowBehindTheEnd(t *testing.T) {
	l := fresh(t)
	record(t, l, annotate.Report{Title: "old"})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var writer sync.WaitGroup
	writer.Go(func() {
		for ; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
			record(t, l, annotate.Report{Title: "new"})
		}
	})
	stop := errors.New("enough")
	require.ErrorIs(t, l.Follow(ctx, 1_000_000, annotate.Filter{}, func(e annotate.Event) error {
		require.Equal(t, "new", e.Change.Title)
		return stop
	}), stop)
	cancel()
	writer.Wait()
}

func TestFollowEndsWithItsContextAndTheLog(t *testing.T) {
	l, err := changelog.Open(t.Context(), filepath.Join(t.TempDir(), "c.db"), changelog.Options{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- l.Follow(ctx, -1, annotate.Filter{}, nil) }()
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	go func() { ended <- l.Follow(t.Context(), -1, annotate.Filter{}, nil) }()
	require.NoError(t, l.Close())
	require.Error(t, <-ended)
	_, err = l.Record(t.Context(), "test", annotate.Report{Kind: "deploy"})
	require.Equal(t, annotate.Unavailable, annotate.CodeOf(err))
}

func TestReopenKeepsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "changes.db")
	l, err := changelog.Open(t.Context(), path, changelog.Options{})
	require.NoError(t, err)
	c := record(t, l, annotate.Report{Service: "web", Flag: &annotate.FlagChange{Key: "f", From: 1.5, To: []any{"a"}}})
	require.NoError(t, l.Close())
	l = open(t, path, changelog.Options{})
	got, err := l.Get(t.Context(), c.ID)
	require.NoError(t, err)
	require.Equal(t, c, got)
}

func FuzzCursor(f *testing.F) {
	l := fresh(f)
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, cursor string) {
		_, err := l.List(t.Context(), annotate.List{Limit: 1, Cursor: cursor})
		if err != nil && annotate.CodeOf(err) != annotate.Invalid {
			t.Fatal(err)
		}
	})
}

func TestEachChangeHasANumber(t *testing.T) {
	l := fresh(t)
	var ids []string
	for _, title := range []string{"first", "second"} {
		ids = append(ids, record(t, l, annotate.Report{Kind: "deploy", Title: title}).ID)
	}
	numbers, err := l.Numbers(t.Context(), []string{ids[1], "none", ids[0]})
	require.NoError(t, err)
	require.Greater(t, numbers[0], numbers[2])
	require.Zero(t, numbers[1])
	c, err := l.Numbered(t.Context(), numbers[0])
	require.NoError(t, err)
	require.Equal(t, "second", c.Title)
	_, err = l.Numbered(t.Context(), 0)
	require.Equal(t, annotate.NotFound, annotate.CodeOf(err))
	numbers, err = l.Numbers(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, numbers)
}
