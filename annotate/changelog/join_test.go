package changelog_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
)

const theCommit = "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"

// deployTold is one deploy as CI, Argo CD and the targets tell of it: CI by its commit,
// Argo CD by version and commit, and the targets by their version alone.
func deployTold(service string, zero annotate.Time) []annotate.Report {
	at := func(minutes int) annotate.Time { return annotate.At(zero.Add(time.Duration(minutes) * time.Minute)) }
	reports := []annotate.Report{
		{Source: "ci", At: at(0), Status: annotate.Running, Start: at(0), Version: "f95f852", Commit: theCommit, Who: &annotate.Who{Name: "alice", Type: "person"}, Environment: "production"},
		{Source: "ci", At: at(4), Status: annotate.Succeeded, End: at(4), Version: "f95f852", Commit: theCommit, Environment: "production"},
		{Source: "argocd", At: at(1), Status: annotate.Running, Start: at(1), Version: "v1.43.0", Commit: theCommit, Who: &annotate.Who{Name: "Argo CD", Type: "machine"}, Environment: "production"},
		{Source: "argocd", At: at(8), Status: annotate.Succeeded, End: at(8), Version: "v1.43.0", Commit: theCommit, Environment: "production"},
		{Source: annotate.SourceSeen, At: at(2), Status: annotate.Running, Start: at(2), Version: "1.43.0", Commit: "f95f852", PreviousVersion: "1.42.0", Labels: map[string]string{annotate.LabelSeen: "true", annotate.LabelTold: "false", "rollout": "1/3"}},
		{Source: annotate.SourceSeen, At: at(9), Status: annotate.Succeeded, End: at(9), Version: "1.43.0", Commit: "f95f852", Labels: map[string]string{annotate.LabelSeen: "true", annotate.LabelTold: "false", "rollout": "3/3"}},
	}
	for i := range reports {
		r := &reports[i]
		r.Kind, r.Service, r.ExternalID = annotate.KindDeploy, service, r.Source+"/"+service
		r.Evidence = []annotate.Evidence{{Source: r.Source, Time: r.At, Text: string(r.Status)}}
	}
	return reports
}

func deploysOf(t *testing.T, l *changelog.Log, service string) []annotate.Change {
	t.Helper()
	page, err := l.List(t.Context(), annotate.List{Filter: annotate.Filter{Services: []string{service}}, Limit: 100})
	require.NoError(t, err)
	return page.Changes
}

// withoutService is a change by which those of two services can be compared.
func withoutService(c annotate.Change) annotate.Change {
	c = asSaid(c)
	c.Service = ""
	return c
}

func TestOneDeployToldBySeveralIsOneChange(t *testing.T) {
	l := fresh(t)
	zero := ago(2 * time.Hour)
	var want annotate.Change
	for n, order := range permutations(6) {
		if n%6 != 0 {
			continue
		}
		service := fmt.Sprint("web-", n)
		reports := deployTold(service, zero)
		for _, i := range order {
			_, err := l.Observe(t.Context(), "test", []annotate.Report{reports[i]})
			require.NoError(t, err)
		}
		changes := deploysOf(t, l, service)
		require.Len(t, changes, 1, "order %v", order)
		c := changes[0]
		if n == 0 {
			want = withoutService(c)
			require.Equal(t, "ci", c.Source, "who spoke first")
			require.Equal(t, annotate.Succeeded, c.Status)
			require.Equal(t, zero, c.Start)
			require.Equal(t, annotate.At(zero.Add(8*time.Minute)), *c.End, "with the last who was told of it")
			require.Equal(t, "alice", c.Who.Name)
			require.Equal(t, theCommit, c.Commit)
			require.Equal(t, "v1.43.0", c.Version, "what people call it, and not the commit")
			require.Equal(t, "1.42.0", c.PreviousVersion)
			require.Equal(t, map[string]string{annotate.LabelSeen: "true", annotate.LabelTold: "true", "rollout": "3/3"}, c.Labels)
			require.Len(t, c.Evidence, 6)
		}
		require.Equal(t, want, withoutService(c), "order %v", order)
		again, err := l.Observe(t.Context(), "test", reports)
		require.NoError(t, err)
		for _, r := range again {
			require.Equal(t, c, r.Change, "each of its identities leads to it")
			require.False(t, r.Created || r.Updated)
		}
	}
}

// Where it shows only later that two changes are the same deploy, one of them stays: here,
// because CI knows the commit alone, the targets the version alone, and Argo CD both.
func TestWhatProvesToBeTheSameIsOneChange(t *testing.T) {
	l := fresh(t)
	zero := ago(2 * time.Hour)
	var want annotate.Change
	const every, tried = 12, 60 // of 720 orders
	for n, order := range permutations(6) {
		if n%every != 0 {
			continue
		}
		service := fmt.Sprint("web-", n)
		reports := deployTold(service, zero)
		for i := range reports {
			switch reports[i].Source {
			case "ci":
				reports[i].Version = ""
			case annotate.SourceSeen:
				reports[i].Commit = ""
			}
		}
		ids := map[string]bool{}
		for _, i := range order {
			results, err := l.Observe(t.Context(), "test", []annotate.Report{reports[i]})
			require.NoError(t, err)
			ids[results[0].Change.ID] = true
		}
		changes := deploysOf(t, l, service)
		require.Len(t, changes, 1, "order %v", order)
		if n == 0 {
			want = withoutService(changes[0])
		}
		require.Equal(t, want, withoutService(changes[0]), "order %v", order)
		for id := range ids { // also the id of one that is no more
			c, err := l.Get(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, changes[0].ID, c.ID)
			amended, err := l.Amend(t.Context(), "bob", id, annotate.Patch{Set: annotate.Report{Risk: "none"}})
			require.NoError(t, err)
			require.Equal(t, changes[0].ID, amended.ID)
		}
		again, err := l.Observe(t.Context(), "test", reports)
		require.NoError(t, err)
		for _, r := range again {
			require.Equal(t, changes[0].ID, r.Change.ID)
		}
	}
	// Nothing of those that are no more is in any answer.
	page, err := l.List(t.Context(), annotate.List{Limit: 1000})
	require.NoError(t, err)
	require.Len(t, page.Changes, tried)
	spans := 0
	require.NoError(t, l.Starts(t.Context(), annotate.SpanFilter{}, math.MinInt64, math.MaxInt64, func(annotate.Span) error { spans++; return nil }))
	require.Equal(t, tried, spans)
	marks, err := l.Marks(t.Context(), annotate.MarkQuery{Filter: annotate.Filter{From: ago(24 * time.Hour), To: ago(0)}, Resolution: 1, Limit: annotate.MaxMarks})
	require.NoError(t, err)
	total := 0
	for _, m := range marks.Marks {
		total += m.Count
	}
	require.Equal(t, tried, total)
}

// Followers see the one that is no more end, and why.
func TestFollowersSeeWhatIsJoined(t *testing.T) {
	l := fresh(t)
	reports := deployTold("web", ago(2*time.Hour))
	reports[0].Version, reports[4].Commit = "", ""
	for _, i := range []int{0, 4, 2} {
		_, err := l.Observe(t.Context(), "test", reports[i:i+1])
		require.NoError(t, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var last annotate.Change
	seen := 0
	err := l.Follow(ctx, 0, annotate.Filter{Statuses: []annotate.Status{annotate.Cancelled}}, func(e annotate.Event) error {
		last = e.Change
		seen++
		cancel()
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, seen)
	require.Contains(t, last.Evidence[len(last.Evidence)-1].Text, "is the same deploy as "+deploysOf(t, l, "web")[0].ID)
}

func TestWhoDisagreesAboutADeploy(t *testing.T) {
	zero := ago(2 * time.Hour)
	for name, test := range map[string]struct {
		alter func(reports []annotate.Report)
		only  []int
		want  annotate.Status
	}{
		"one still goes on":               {nil, []int{0, 1, 2}, annotate.Running},
		"one failed":                      {func(r []annotate.Report) { r[1].Status = annotate.Failed }, []int{0, 1, 2, 3}, annotate.Failed},
		"the rollout does not say when":   {func(r []annotate.Report) { r[5].Status = annotate.Lost }, []int{0, 1, 4, 5}, annotate.Succeeded},
		"nobody told of it":               {nil, []int{4, 5}, annotate.Succeeded},
		"nobody told, and it stopped":     {func(r []annotate.Report) { r[5].Status = annotate.Lost }, []int{4, 5}, annotate.Lost},
		"one gave up, the other did not":  {func(r []annotate.Report) { r[1].Status = annotate.Cancelled }, []int{0, 1, 2, 3}, annotate.Succeeded},
		"one only asked for it, and left": {func(r []annotate.Report) { r[0].Status = annotate.Planned }, []int{0, 2, 3}, annotate.Succeeded},
	} {
		l := fresh(t)
		reports := deployTold("web", zero)
		if test.alter != nil {
			test.alter(reports)
		}
		for _, i := range test.only {
			_, err := l.Observe(t.Context(), "test", []annotate.Report{reports[i]})
			require.NoError(t, err, name)
		}
		changes := deploysOf(t, l, "web")
		require.Len(t, changes, 1, name)
		require.Equal(t, test.want, changes[0].Status, name)
	}
}

// What was recorded without a time, as by "tidemark deploy", is joined as well, whichever
// comes first.
func TestWhatIsSeenJoinsWhatWasRecorded(t *testing.T) {
	l := fresh(t)
	zero := ago(time.Hour)
	for name, told := range map[string]annotate.Report{
		"with an identity":    {Source: "cli", ExternalID: "1", Who: &annotate.Who{Name: "bob"}},
		"without an identity": {Source: "cli", Title: "By hand", Who: &annotate.Who{Name: "bob"}},
		"as an annotation":    {Source: "grafana", Labels: map[string]string{"tags": "deploy"}, Who: &annotate.Who{Name: "bob"}},
	} {
		for _, seenFirst := range []bool{false, true} {
			service := fmt.Sprint(name, seenFirst)
			told.Kind, told.Service, told.Environment, told.Version, told.Start, told.Status = "deploy", service, "production", "v1.43.0", zero, annotate.Running
			seen := deployTold(service, zero)[4:]
			tell := func() { record(t, l, told) }
			see := func(i int) {
				_, err := l.Observe(t.Context(), "test", seen[i:i+1])
				require.NoError(t, err)
			}
			if seenFirst {
				see(0)
				tell()
			} else {
				tell()
				see(0)
			}
			if told.ExternalID != "" { // its end
				_, err := l.Record(t.Context(), "test", annotate.Report{Source: told.Source, ExternalID: told.ExternalID, Status: annotate.Succeeded, End: annotate.At(zero.Add(7 * time.Minute))})
				require.NoError(t, err)
				told.ExternalID += "'"
			}
			see(1)
			changes := deploysOf(t, l, service)
			require.Len(t, changes, 1, service)
			c := changes[0]
			require.Equal(t, []string{told.Source, "bob", "production", "v1.43.0"}, []string{c.Source, c.Who.Name, c.Environment, c.Version}, service)
			require.Equal(t, zero, c.Start, service)
			require.Equal(t, "3/3", c.Labels["rollout"], service)
			require.Equal(t, "true", c.Labels[annotate.LabelTold], service)
			if c.ExternalID != "" {
				require.Equal(t, annotate.Succeeded, c.Status, service)
				require.Equal(t, annotate.At(zero.Add(7*time.Minute)), *c.End, service)
			}
		}
	}
}

func TestWhatAreTwoDeploysStaysTwo(t *testing.T) {
	zero := ago(5 * time.Hour)
	later := func(d time.Duration) annotate.Time { return annotate.At(zero.Add(d)) }
	first := annotate.Report{Source: "ci", ExternalID: "1", At: zero, Kind: "deploy", Service: "web", Environment: "production", Version: "v1", Status: annotate.Succeeded, Start: zero, End: later(5 * time.Minute)}
	for name, alter := range map[string]func(*annotate.Report){
		"another version":     func(r *annotate.Report) { r.Version = "v2" },
		"another environment": func(r *annotate.Report) { r.Environment = "staging" },
		"no environment":      func(r *annotate.Report) { r.Environment = "" },
		"another service":     func(r *annotate.Report) { r.Service = "api" },
		"the same source":     func(r *annotate.Report) { r.Source = "ci" },
		"another kind":        func(r *annotate.Report) { r.Kind = "release" },
		"no version":          func(r *annotate.Report) { r.Version = "" },
		"too late": func(r *annotate.Report) {
			r.At, r.Start, r.End = later(36*time.Minute), later(36*time.Minute), later(40*time.Minute)
		},
		"too early": func(r *annotate.Report) {
			r.At, r.Start, r.End = later(-40*time.Minute), later(-40*time.Minute), later(-31*time.Minute)
		},
		"nobody would find it again": func(r *annotate.Report) { r.ExternalID = "" },
	} {
		l := fresh(t)
		second := first
		second.Source, second.ExternalID = "argocd", "2"
		alter(&second)
		for _, r := range []annotate.Report{first, second} {
			_, err := l.Observe(t.Context(), "test", []annotate.Report{r})
			require.NoError(t, err)
		}
		page, err := l.List(t.Context(), annotate.List{Limit: 10})
		require.NoError(t, err)
		require.Len(t, page.Changes, 2, name)
	}
}

// Of several deploys of the same version it is the nearest.
func TestTheNearestDeployIsJoined(t *testing.T) {
	l := fresh(t)
	zero := ago(5 * time.Hour)
	for i := range 3 {
		at := annotate.At(zero.Add(time.Duration(i) * 20 * time.Minute))
		_, err := l.Observe(t.Context(), "test", []annotate.Report{{Source: "ci", ExternalID: fmt.Sprint(i), At: at, Kind: "deploy", Service: "web", Version: "v1", Status: annotate.Failed, Start: at, End: at}})
		require.NoError(t, err)
	}
	at := annotate.At(zero.Add(23 * time.Minute))
	results, err := l.Observe(t.Context(), "test", []annotate.Report{{Source: annotate.SourceSeen, ExternalID: "s", At: at, Kind: "deploy", Service: "web", Version: "1", Environment: "production", Status: annotate.Succeeded, Start: at, End: at, Labels: map[string]string{annotate.LabelSeen: "true"}}})
	require.NoError(t, err)
	require.Equal(t, "1", results[0].Change.ExternalID)
	require.Equal(t, "production", results[0].Change.Environment)
}

// seenDeploy is a rollout of version v of web that was seen.
func seenDeploy(id, v string, from, to annotate.Time, status annotate.Status) annotate.Report {
	return annotate.Report{Source: annotate.SourceSeen, ExternalID: id, At: to, Kind: "deploy", Service: "web", Environment: "production", Version: v, Status: status, Start: from, End: to}
}

// Two rollouts that were seen are two, also of the same version.
func TestTwoRolloutsThatWereSeenAreTwo(t *testing.T) {
	l := fresh(t)
	zero := ago(2 * time.Hour)
	at := func(minutes int) annotate.Time { return annotate.At(zero.Add(time.Duration(minutes) * time.Minute)) }
	for i, v := range []string{"v2", "v1", "v2"} {
		_, err := l.Observe(t.Context(), "test", []annotate.Report{seenDeploy(fmt.Sprint(i), v, at(10*i), at(10*i+2), annotate.Succeeded)})
		require.NoError(t, err)
	}
	require.Len(t, deploysOf(t, l, "web"), 3)
}

// A change that a document names, as of a deploy that Tidemark carries out, stays.
func TestAChangeThatADocumentNamesStays(t *testing.T) {
	l := fresh(t)
	zero := ago(time.Hour)
	ci := annotate.Report{Source: "ci", ExternalID: "1", At: zero, Kind: "deploy", Service: "web", Environment: "production", Commit: theCommit, Status: annotate.Running, Start: zero}
	_, err := l.Observe(t.Context(), "test", []annotate.Report{ci})
	require.NoError(t, err)
	run := annotate.Report{Source: "tidemark", ExternalID: "run-1", Kind: "deploy", Service: "web", Environment: "production", Version: "v1.43.0", Status: annotate.Running, Start: zero}
	var mine annotate.Change
	var d annotate.Document
	keep := func(r annotate.Report) {
		require.NoError(t, l.Transact(t.Context(), func(ctx context.Context, tx annotate.Tx) error {
			result, err := tx.Record(ctx, "tidemark", r)
			if err != nil {
				return err
			}
			mine = result.Change
			d, err = tx.PutDocument(ctx, annotate.Document{Space: "deploy", Key: "run-1", Revision: d.Revision, By: "tidemark", Change: mine.ID, Body: []byte("{}")})
			return err
		}))
	}
	keep(run)
	id := mine.ID
	argo := annotate.Report{Source: "argocd", ExternalID: "2", At: annotate.At(zero.Add(time.Minute)), Kind: "deploy", Service: "web", Environment: "production", Version: "v1.43.0", Commit: theCommit, Status: annotate.Succeeded, End: annotate.At(zero.Add(5 * time.Minute))}
	_, err = l.Observe(t.Context(), "test", []annotate.Report{argo})
	require.NoError(t, err)
	require.Len(t, deploysOf(t, l, "web"), 1)
	run.Status, run.End = annotate.Succeeded, annotate.At(zero.Add(6*time.Minute))
	keep(run)
	require.Equal(t, id, mine.ID)
	ci.At, ci.Status, ci.End = annotate.At(zero.Add(7*time.Minute)), annotate.Succeeded, annotate.At(zero.Add(7*time.Minute))
	results, err := l.Observe(t.Context(), "test", []annotate.Report{ci})
	require.NoError(t, err)
	require.Equal(t, id, results[0].Change.ID)
	require.Equal(t, annotate.Succeeded, results[0].Change.Status)
	require.Equal(t, ci.End, *results[0].Change.End, "with the last")
}

// What was recorded without a time, or corrected by a person, is not lost with the change
// that proves to be another; and its end counts as that of the others does.
func TestWhatWasRecordedOfAChangeThatIsJoinedStays(t *testing.T) {
	zero := ago(time.Hour)
	at := func(minutes int) annotate.Time { return annotate.At(zero.Add(time.Duration(minutes) * time.Minute)) }
	ci := annotate.Report{Source: "ci", ExternalID: "1", At: at(0), Kind: "deploy", Service: "web", Environment: "production", Commit: theCommit, Status: annotate.Succeeded, Start: at(0), End: at(3)}
	begin := annotate.Report{Source: "cli", ExternalID: "2", Kind: "deploy", Service: "web", Environment: "production", Version: "v1", Status: annotate.Running, Start: at(1)}
	end := annotate.Report{Source: "cli", ExternalID: "2", Status: annotate.Succeeded, End: at(7)}
	argo := annotate.Report{Source: "argocd", ExternalID: "3", At: at(8), Kind: "deploy", Service: "web", Environment: "production", Version: "v1", Commit: theCommit, Status: annotate.Succeeded, Start: at(2), End: at(8)}
	for n, order := range permutations(4) {
		if slices.Index(order, 1) > slices.Index(order, 2) {
			continue // nobody records an end before the start without saying when
		}
		l := fresh(t)
		for _, i := range order {
			var err error
			switch i {
			case 0:
				_, err = l.Observe(t.Context(), "test", []annotate.Report{ci})
			case 1:
				result := record(t, l, begin)
				_, err = l.Amend(t.Context(), "bob", result.ID, annotate.Patch{Set: annotate.Report{Risk: "the database"}})
			case 2:
				_, err = l.Record(t.Context(), "test", end)
			case 3:
				_, err = l.Observe(t.Context(), "test", []annotate.Report{argo})
			}
			require.NoError(t, err)
		}
		changes := deploysOf(t, l, "web")
		require.Len(t, changes, 1, "order %d %v", n, order)
		c := changes[0]
		require.Equal(t, []string{"succeeded", "v1", theCommit, "the database"}, []string{string(c.Status), c.Version, c.Commit, c.Risk}, "order %v", order)
		require.Equal(t, at(0), c.Start, "order %v", order)
		require.Equal(t, at(8), *c.End, "order %v", order)
	}
}

func TestAVersionThatIsRecordedLateJoins(t *testing.T) {
	l := fresh(t)
	zero := ago(time.Hour)
	_, err := l.Observe(t.Context(), "test", []annotate.Report{seenDeploy("s", "v1", zero, zero, annotate.Succeeded)})
	require.NoError(t, err)
	record(t, l, annotate.Report{Source: "cli", ExternalID: "1", Service: "web", Environment: "production", Start: zero, Status: annotate.Running})
	require.Len(t, deploysOf(t, l, "web"), 2)
	record(t, l, annotate.Report{Source: "cli", ExternalID: "1", Version: "v1", Status: annotate.Succeeded})
	require.Len(t, deploysOf(t, l, "web"), 1)
	require.Equal(t, "cli", deploysOf(t, l, "web")[0].Source)
}

// Many environments, and numbers that begin alike.
func TestManyDeploysOfOneVersion(t *testing.T) {
	l := fresh(t)
	zero := ago(time.Hour)
	for i := range 30 {
		r := annotate.Report{Source: "ci", ExternalID: fmt.Sprint(i), At: zero, Kind: "deploy", Service: "web", Environment: fmt.Sprint("e", i), Version: "v1", Status: annotate.Succeeded, Start: zero, End: zero}
		_, err := l.Observe(t.Context(), "test", []annotate.Report{r})
		require.NoError(t, err)
	}
	for i := range 30 {
		r := seenDeploy(fmt.Sprint("s", i), "v1", zero, zero, annotate.Succeeded)
		r.Environment = fmt.Sprint("e", i)
		_, err := l.Observe(t.Context(), "test", []annotate.Report{r})
		require.NoError(t, err)
	}
	require.Len(t, deploysOf(t, l, "web"), 30)
	require.False(t, annotate.SameVersion(annotate.Change{Version: "20260304"}, annotate.Change{Version: "202603041"}))
	require.True(t, annotate.SameVersion(annotate.Change{Version: "f95f852"}, annotate.Change{Commit: theCommit}))
}

// BenchmarkRecordOfManyAlike records a deploy of which a day has very many of one version.
func BenchmarkRecordOfManyAlike(b *testing.B) {
	l := fresh(b)
	zero := ago(24 * time.Hour)
	batch := make([]annotate.Report, 1000)
	for n := range 20 {
		for i := range batch {
			at := annotate.At(zero.Add(time.Duration(n*1000+i) * time.Second))
			batch[i] = annotate.Report{Source: "ci", ExternalID: fmt.Sprint(n*1000 + i), Kind: "deploy", Service: "web", Version: "v1", Status: annotate.Succeeded, Start: at, End: at}
		}
		_, err := l.RecordBatch(b.Context(), "bench", batch)
		require.NoError(b, err)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		at := annotate.At(zero.Add(time.Duration(n) * time.Second))
		if _, err := l.Observe(b.Context(), "bench", []annotate.Report{{Source: "ci", ExternalID: fmt.Sprint("n", n), At: at, Kind: "deploy", Service: "web", Version: "v1", Status: annotate.Succeeded, Start: at, End: at}}); err != nil {
			b.Fatal(err)
		}
	}
}
