package changelog_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
)

// gate is a clock that can hold the writer up in the middle of a transaction.
type gate struct {
	mu      sync.Mutex
	entered chan struct{}
	open    chan struct{}
}

// hold makes the next one who asks for the time wait until release is called.
// entered tells that it does.
func (g *gate) hold() (entered <-chan struct{}, release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.entered, g.open = make(chan struct{}), make(chan struct{})
	return g.entered, sync.OnceFunc(func() { close(g.open) })
}

func (g *gate) now() time.Time {
	g.mu.Lock()
	entered, open := g.entered, g.open
	g.entered = nil
	g.mu.Unlock()
	if entered != nil {
		close(entered)
		<-open
	}
	return time.Now()
}

// held returns a log whose writer is held up in a first report, that report's
// outcome, and what lets it go on.
func held(t *testing.T, opts changelog.Options) (l *changelog.Log, first <-chan error, release func()) {
	g := &gate{}
	opts.Now = g.now
	l = open(t, filepath.Join(t.TempDir(), "changes.db"), opts)
	entered, release := g.hold()
	t.Cleanup(release)
	outcome := make(chan error, 1)
	go func() {
		_, err := l.Record(context.Background(), "test", annotate.Report{Kind: "deploy", Title: "first"})
		outcome <- err
	}()
	<-entered
	return l, outcome, release
}

func queued(set *metrics.Set) int {
	return int(set.GetOrCreateGauge("tidemark_changelog_queue_length", nil).Get())
}

func TestWhatWaitsIsCommittedTogether(t *testing.T) {
	set := metrics.NewSet()
	l, first, release := held(t, changelog.Options{Metrics: set})
	const calls = 40
	outcomes := make(chan error, calls)
	for i := range calls {
		go func() {
			_, err := l.Record(context.Background(), "test", annotate.Report{Kind: "deploy", Title: fmt.Sprint(i)})
			outcomes <- err
		}()
	}
	require.Eventually(t, func() bool { return queued(set) == calls }, 10*time.Second, time.Millisecond)
	release()
	require.NoError(t, <-first)
	for range calls {
		require.NoError(t, <-outcomes)
	}
	require.EqualValues(t, 2, set.GetOrCreateCounter("tidemark_changelog_commits_total").Get(), "one for the first, and one for all that waited meanwhile")
	require.EqualValues(t, calls+1, set.GetOrCreateCounter(`tidemark_changelog_reports_total{result="created"}`).Get())

	// The histograms have buckets that histogram_quantile reads.
	var exposed strings.Builder
	set.WritePrometheus(&exposed)
	for _, line := range []string{
		`tidemark_changelog_commit_duration_seconds_bucket{le="+Inf"} 2`,
		`tidemark_changelog_commit_group_size_bucket{le="32"} 1`,
		`tidemark_changelog_commit_group_size_bucket{le="64"} 2`,
	} {
		require.Contains(t, exposed.String(), line+"\n")
	}
	require.NotContains(t, exposed.String(), "vmrange")
}

func TestACallerThatLeavesTheQueueIsNotRecorded(t *testing.T) {
	set := metrics.NewSet()
	l, first, release := held(t, changelog.Options{Metrics: set})
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := l.Record(ctx, "test", annotate.Report{Kind: "deploy", Title: "left"})
		left <- err
	}()
	require.Eventually(t, func() bool { return queued(set) == 1 }, 10*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-left, context.Canceled, "it is answered while the writer is busy")
	release()
	require.NoError(t, <-first)
	record(t, l, annotate.Report{Title: "after"})
	require.ElementsMatch(t, []string{"first", "after"}, titles(t, l))
}

func TestACallerThatLeavesWhileItIsWrittenLearnsWhatBecameOfIt(t *testing.T) {
	g := &gate{}
	l := open(t, filepath.Join(t.TempDir(), "changes.db"), changelog.Options{Now: g.now})
	entered, release := g.hold()
	ctx, cancel := context.WithCancel(t.Context())
	outcome := make(chan error, 1)
	go func() {
		_, err := l.Record(ctx, "test", annotate.Report{Kind: "deploy", Title: "kept"})
		outcome <- err
	}()
	<-entered
	cancel()
	release()
	require.NoError(t, <-outcome)
	require.Equal(t, []string{"kept"}, titles(t, l))
}

func TestAFullQueueRefuses(t *testing.T) {
	set := metrics.NewSet()
	l, first, release := held(t, changelog.Options{Metrics: set, MaxQueue: 1})
	second := make(chan error, 1)
	go func() {
		_, err := l.Record(context.Background(), "test", annotate.Report{Kind: "deploy"})
		second <- err
	}()
	require.Eventually(t, func() bool { return queued(set) == 1 }, 10*time.Second, time.Millisecond)
	_, err := l.Record(t.Context(), "test", annotate.Report{Kind: "deploy"})
	require.Equal(t, annotate.TooMany, annotate.CodeOf(err))
	require.ErrorContains(t, err, "try again")
	release()
	require.NoError(t, <-first)
	require.NoError(t, <-second)
	require.EqualValues(t, 1, set.GetOrCreateCounter("tidemark_changelog_queue_full_total").Get())
}

func TestCloseWaitsForWhatWasTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "changes.db")
	g, set := &gate{}, metrics.NewSet()
	l, err := changelog.Open(t.Context(), path, changelog.Options{Now: g.now, Metrics: set})
	require.NoError(t, err)
	entered, release := g.hold()
	outcomes := make(chan error, 2)
	put := func() {
		_, err := l.Record(context.Background(), "test", annotate.Report{Kind: "deploy"})
		outcomes <- err
	}
	go put()
	<-entered
	go put()
	require.Eventually(t, func() bool { return queued(set) == 1 }, 10*time.Second, time.Millisecond)
	closed := make(chan error, 1)
	go func() { closed <- l.Close() }()
	release()
	require.NoError(t, <-closed)
	require.NoError(t, <-outcomes)
	require.NoError(t, <-outcomes)
	_, err = l.Record(t.Context(), "test", annotate.Report{Kind: "deploy"})
	require.Equal(t, annotate.Unavailable, annotate.CodeOf(err))
	_, err = l.List(t.Context(), annotate.List{Limit: 1})
	require.Equal(t, annotate.Unavailable, annotate.CodeOf(err))
	_, err = l.Get(t.Context(), "any")
	require.Equal(t, annotate.Unavailable, annotate.CodeOf(err))
	require.Equal(t, annotate.Unavailable, annotate.CodeOf(l.Follow(t.Context(), 0, annotate.Filter{}, nil)))
	require.NoError(t, l.Close(), "once more is fine")
	require.Len(t, titles(t, open(t, path, changelog.Options{Metrics: set})), 2)
}

func TestRevisionsAreBounded(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "changes.db"), changelog.Options{MaxRevisions: 3})
	c := record(t, l, annotate.Report{Title: "1"})
	amend := func(title string) error {
		_, err := l.Amend(t.Context(), "test", c.ID, annotate.Patch{Set: annotate.Report{Title: title}})
		return err
	}
	require.NoError(t, amend("2"))
	require.NoError(t, amend("3"))
	require.NoError(t, amend("3"), "which says nothing new")
	err := amend("4")
	require.Equal(t, annotate.Conflict, annotate.CodeOf(err))
	require.ErrorContains(t, err, "record a new change")
}

func TestAChangeHasABoundedSize(t *testing.T) {
	l := fresh(t)
	r := annotate.Report{Kind: "deploy", Source: "ci", ExternalID: "1"}
	for i := range 20 {
		r.Evidence = append(r.Evidence, annotate.Evidence{Source: fmt.Sprint(i), Time: ago(0), Text: fmt.Sprintf("%016000d", i)})
	}
	_, err := l.Record(t.Context(), "test", r)
	require.Equal(t, annotate.Invalid, annotate.CodeOf(err))
	require.ErrorContains(t, err, "at most 262144")
}

func titles(t *testing.T, l *changelog.Log) (titles []string) {
	t.Helper()
	page, err := l.List(t.Context(), annotate.List{Limit: annotate.MaxPage})
	require.NoError(t, err)
	for _, c := range page.Changes {
		titles = append(titles, c.Title)
	}
	return titles
}
