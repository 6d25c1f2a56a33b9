package changelog_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

// lifeOf is all that a sender says of one deploy: asked for, begun, moved on, ended, and
// a last word after it. Each says what the others do not, and some contradict others.
func lifeOf(source, id string, zero annotate.Time) []annotate.Report {
	at := func(minutes int) annotate.Time { return annotate.At(zero.Add(time.Duration(minutes) * time.Minute)) }
	life := []annotate.Report{
		{At: at(0), Status: annotate.Planned, Start: at(0), Title: "asked for", Who: &annotate.Who{Name: "alice"}},
		{At: at(1), Status: annotate.Running, Start: at(1), Labels: map[string]string{"step": "1", "first": "yes"}},
		{At: at(2), Status: annotate.Running, Title: "half way", Labels: map[string]string{"step": "2"}, Links: []annotate.Link{{Rel: "run", Href: "https://ci.example/1"}}},
		{At: at(5), Status: annotate.Failed, End: at(5), Version: "v2"},
		{At: at(5), Status: annotate.Running, Version: "v1"}, // a clock of whole seconds: it was before the end
		{At: at(9), Title: "exit status 1", Links: []annotate.Link{{Rel: "run", Title: "log", Href: "https://ci.example/1"}}},
	}
	for i := range life {
		r := &life[i]
		r.Source, r.ExternalID, r.Kind, r.Service = source, id, annotate.KindDeploy, "web-"+id
		r.Evidence = []annotate.Evidence{{Source: source, Time: r.At, Text: fmt.Sprint("said ", i)}}
	}
	return life
}

// asSaid is a change without what the log itself says of it.
func asSaid(c annotate.Change) annotate.Change {
	c.ID, c.Source, c.ExternalID, c.Revision, c.Recorded, c.Updated = "", "", "", 0, annotate.Time{}, annotate.Time{}
	c.Service, _, _ = strings.Cut(c.Service, "-")
	return c
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, shorter := range permutations(n - 1) {
		for at := range n {
			p := append([]int(nil), shorter[:at]...)
			all = append(all, append(append(p, n-1), shorter[at:]...))
		}
	}
	return all
}

// Whatever order they come in, one at a time or several at once, once or ten times, three
// days late or in time: the same change.
func TestEveryOrderMakesTheSameChange(t *testing.T) {
	for _, late := range []time.Duration{10 * time.Minute, 3 * 24 * time.Hour} {
		t.Run(late.String(), func(t *testing.T) {
			l := fresh(t)
			zero := ago(late)
			observe := func(reports ...annotate.Report) []annotate.Result {
				results, err := l.Observe(t.Context(), "test", reports)
				require.NoError(t, err)
				return results
			}
			want := asSaid(observe(lifeOf("sender", "in order", zero)...)[0].Change)
			require.Equal(t, annotate.Failed, want.Status)
			require.Equal(t, annotate.At(zero.Add(time.Minute)), want.Start)
			require.Equal(t, annotate.At(zero.Add(5*time.Minute)), *want.End)
			require.Equal(t, "v2", want.Version)
			require.Equal(t, "exit status 1", want.Title)
			require.Equal(t, map[string]string{"step": "2", "first": "yes"}, want.Labels)
			require.Len(t, want.Evidence, 6)

			for n, order := range permutations(6) {
				if n%9 != 0 || late > time.Hour && n%20 != 0 {
					continue
				}
				id := fmt.Sprint(n)
				life := lifeOf("sender", id, zero)
				for at := 0; at < len(order); {
					group := []annotate.Report{life[order[at]]}
					if at++; n%3 == 0 && at < len(order) { // some come together
						group = append(group, life[order[at]])
						at++
					}
					if n%5 == 0 {
						group = append(group, life[order[rand.IntN(at)]]) // what was said before
					}
					observe(group...)
				}
				again := observe(life...)
				require.Len(t, again, 1)
				require.False(t, again[0].Created || again[0].Updated, "all of it was known")
				got := again[0].Change
				require.Equal(t, want, asSaid(got), "order %v", order)
				require.LessOrEqual(t, got.Revision, 6)
			}
		})
	}
}

func TestWhatWasCorrectedStaysUntilItIsSaidOtherwise(t *testing.T) {
	l := fresh(t)
	zero := ago(time.Hour)
	life := lifeOf("sender", "1", zero)
	results, err := l.Observe(t.Context(), "test", life[:2])
	require.NoError(t, err)
	id := results[0].Change.ID
	_, err = l.Amend(t.Context(), "bob", id, annotate.Patch{Set: annotate.Report{
		Title: "by hand", Service: "shop", Labels: map[string]string{"team": "pay"},
		Evidence: []annotate.Evidence{{Source: "bob", Time: zero, Text: "it is the shop"}},
	}})
	require.NoError(t, err)

	// What nobody says anew stays as it was corrected, and what is said anew does not.
	results, err = l.Observe(t.Context(), "test", []annotate.Report{life[3]})
	require.NoError(t, err)
	c := results[0].Change
	require.Equal(t, "by hand", c.Title)
	require.Equal(t, "shop", c.Service)
	require.Equal(t, "pay", c.Labels["team"])
	require.Equal(t, annotate.Failed, c.Status)
	require.Contains(t, c.Evidence, annotate.Evidence{Source: "bob", Time: zero, Text: "it is the shop"})
	require.Len(t, c.Evidence, 4)

	results, err = l.Observe(t.Context(), "test", []annotate.Report{life[5]})
	require.NoError(t, err)
	require.Equal(t, "exit status 1", results[0].Change.Title)
	require.Equal(t, "shop", results[0].Change.Service)
}

func TestObserveIsAllOrNothing(t *testing.T) {
	l := fresh(t)
	good := lifeOf("sender", "good", ago(time.Hour))
	bad := annotate.Report{Source: "sender", ExternalID: "bad", At: ago(time.Hour), Kind: "No Kind"}
	_, err := l.Observe(t.Context(), "test", append(good, bad))
	require.Equal(t, annotate.Invalid, annotate.CodeOf(err))
	results, err := l.Observe(t.Context(), "test", good)
	require.NoError(t, err)
	require.True(t, results[0].Created)

	// Without a time, or without an identity, there is no order.
	results, err = l.Observe(t.Context(), "test", []annotate.Report{
		{Source: "sender", Kind: "deploy", At: ago(time.Hour)}, {Source: "sender", Kind: "deploy", At: ago(time.Hour)},
		{Source: "sender", Kind: "deploy", ExternalID: "timeless"}, {Source: "sender", Kind: "deploy", ExternalID: "timeless", Title: "again"},
	})
	require.NoError(t, err)
	require.Len(t, results, 4)
	require.Equal(t, results[2].Change.ID, results[3].Change.ID)
	require.True(t, results[3].Updated)
}

// A sender that never stops talking of one change costs no more than others, makes the
// same change in every order, and forgets nothing that it said once.
func TestWhatIsKeptOfOneChangeIsBounded(t *testing.T) {
	l := fresh(t)
	zero := ago(10 * time.Hour)
	const n = 3 * annotate.MaxSaid
	talk := func(id string) []annotate.Report {
		reports := make([]annotate.Report, n)
		for i := range reports {
			at := annotate.At(zero.Add(time.Duration(i) * time.Second))
			reports[i] = annotate.Report{
				Source: "sender", ExternalID: id, At: at, Title: fmt.Sprint("step ", i),
				Evidence: []annotate.Evidence{{Source: "sender", Time: at, Text: fmt.Sprint("step ", i)}},
			}
		}
		reports[0].Kind, reports[0].Status = "deploy", annotate.Planned
		reports[1].Status, reports[1].Service, reports[1].Labels = annotate.Running, "web", map[string]string{"team": "shop"}
		reports[2].Status, reports[2].Version = annotate.Failed, "v9"
		return reports
	}
	var want annotate.Change
	for round := range 3 {
		reports := talk(fmt.Sprint(round))
		if round > 0 {
			rand.Shuffle(n, func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		}
		var got annotate.Change
		for _, r := range reports {
			results, err := l.Observe(t.Context(), "test", []annotate.Report{r})
			require.NoError(t, err)
			got = results[0].Change
		}
		if round == 0 {
			want = asSaid(got)
			require.Equal(t, zero, want.Start)
			require.Equal(t, annotate.At(zero.Add(2*time.Second)), *want.End)
			require.Equal(t, []string{"failed", "web", "v9", fmt.Sprint("step ", n-1)}, []string{string(want.Status), want.Service, want.Version, want.Title})
			require.Equal(t, "step 0", want.Evidence[0].Text)
			require.Equal(t, want.Title, want.Evidence[len(want.Evidence)-1].Text)
			require.Less(t, len(want.Evidence), annotate.MaxEvidence, "there is room for people")
		}
		require.Equal(t, want, asSaid(got))
	}
}

// What would be no change if it came in order makes the same one in any order.
func TestWhatContradictsItselfEndsInTheSameState(t *testing.T) {
	l := fresh(t)
	zero := ago(3 * 24 * time.Hour)
	at := func(minutes int) annotate.Time { return annotate.At(zero.Add(time.Duration(minutes) * time.Minute)) }
	for name, life := range map[string][]annotate.Report{
		"it begins again after its end": {
			{At: at(1), Kind: "deploy", Status: annotate.Running, Start: at(1)}, {At: at(2), Status: annotate.Succeeded, End: at(2)},
			{At: at(3), Status: annotate.Running, Start: at(3)},
		},
		"only one says what kind it is": {
			{At: at(1), Kind: "deploy", Status: annotate.Running}, {At: at(2), Status: annotate.Failed}, {At: at(3), Title: "oh no"},
		},
		"it is to end at a time that is over": {
			{At: at(1), Kind: "maintenance", Status: annotate.Running, Start: at(1), End: at(60)}, {At: at(2), Title: "the database"},
		},
		"its end is before its start": {
			{At: at(1), Kind: "deploy", Status: annotate.Succeeded, End: at(1)}, {At: at(2), Start: at(5)}, {At: at(3), Title: "odd"},
		},
	} {
		var want annotate.Change
		for n, order := range permutations(len(life)) {
			var got annotate.Change
			for _, i := range order {
				r := life[i]
				r.Source, r.ExternalID = "sender", fmt.Sprint(name, n)
				results, err := l.Observe(t.Context(), "test", []annotate.Report{r})
				require.NoError(t, err, "%s: %v", name, order)
				got = asSaid(results[0].Change)
			}
			if n == 0 {
				want = got
			}
			require.Equal(t, want, got, "%s: %v", name, order)
		}
	}
}

func TestCorrectedLinksAndStatusStay(t *testing.T) {
	l := fresh(t)
	zero := ago(time.Hour)
	life := lifeOf("sender", "1", zero)
	results, err := l.Observe(t.Context(), "test", []annotate.Report{life[0], life[2]})
	require.NoError(t, err)
	id := results[0].Change.ID
	_, err = l.Amend(t.Context(), "bob", id, annotate.Patch{Clear: []string{"links"}, Set: annotate.Report{Status: annotate.Cancelled}})
	require.NoError(t, err)
	results, err = l.Observe(t.Context(), "test", []annotate.Report{life[1]})
	require.NoError(t, err)
	require.Empty(t, results[0].Change.Links)
	require.Equal(t, annotate.Cancelled, results[0].Change.Status, "what comes late does not bring it back")
	results, err = l.Observe(t.Context(), "test", []annotate.Report{life[3]})
	require.NoError(t, err)
	require.Equal(t, annotate.Failed, results[0].Change.Status, "but its end does")
}

// A sender, or the API before it, may leave out when it said something.
func TestWhatHasNoTimeIsNotTakenBack(t *testing.T) {
	l := fresh(t)
	record(t, l, annotate.Report{Source: "sender", ExternalID: "1", Status: annotate.Failed, Version: "v2", Service: "web"})
	results, err := l.Observe(t.Context(), "test", []annotate.Report{{Source: "sender", ExternalID: "1", At: ago(time.Hour), Kind: "deploy", Status: annotate.Running, Start: ago(time.Hour), Version: "v1"}})
	require.NoError(t, err)
	require.Equal(t, annotate.Failed, results[0].Change.Status)
	require.Equal(t, "v2", results[0].Change.Version)
}

func TestDeliveriesAreKeptUntilTheyAreDropped(t *testing.T) {
	l := fresh(t)
	keep := func(hook, body string, header map[string]string) (annotate.Delivery, error) {
		return l.KeepDelivery(t.Context(), annotate.Delivery{Hook: hook, Time: ago(0), Header: header, Body: []byte(body), Why: "no idea"})
	}
	first, err := keep("github", "{}", map[string]string{"x-github-event": "odd", "x-github-delivery": "1"})
	require.NoError(t, err)
	retry, err := keep("github", "{}", map[string]string{"x-github-event": "odd", "x-github-delivery": "2"})
	require.NoError(t, err)
	require.Equal(t, first.ID, retry.ID, "a retry is the same")
	second, err := keep("github", "{}", map[string]string{"x-github-event": "other"})
	require.NoError(t, err)
	_, err = keep("gitlab", "{}", nil)
	require.NoError(t, err)

	list, err := l.Deliveries(t.Context(), "github", 0, 10)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, second.ID, list[0].ID)
	require.Nil(t, list[0].Body)
	list, err = l.Deliveries(t.Context(), "github", second.ID, 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	got, err := l.Delivery(t.Context(), "github", first.ID)
	require.NoError(t, err)
	require.Equal(t, first, got)
	counts, err := l.DeliveryCounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int{"github": 2, "gitlab": 1}, counts)

	require.Equal(t, annotate.NotFound, annotate.CodeOf(l.DropDelivery(t.Context(), "gitlab", first.ID)), "it is another hook's")
	require.NoError(t, l.DropDelivery(t.Context(), "github", first.ID))
	require.Equal(t, annotate.NotFound, annotate.CodeOf(l.DropDelivery(t.Context(), "github", first.ID)))
	_, err = l.Delivery(t.Context(), "github", first.ID)
	require.Equal(t, annotate.NotFound, annotate.CodeOf(err))
}

func TestDeliveriesAreBoundedForEachHook(t *testing.T) {
	l := fresh(t)
	large := strings.Repeat("x", annotate.MaxDeliveryBytes/4)
	for i := range 5 {
		_, err := l.KeepDelivery(t.Context(), annotate.Delivery{Hook: "chatty", Time: ago(0), Body: []byte(fmt.Sprint(i, large[10:])), Why: "no idea"})
		if i < 4 {
			require.NoError(t, err)
			continue
		}
		require.Equal(t, annotate.TooMany, annotate.CodeOf(err), "whoever sent it must know that nobody has it")
		require.ErrorContains(t, err, "no idea")
	}
	_, err := l.KeepDelivery(t.Context(), annotate.Delivery{Hook: "other", Time: ago(0), Body: []byte("{}"), Why: "no idea"})
	require.NoError(t, err)
}

func BenchmarkObserve(b *testing.B) {
	l := fresh(b)
	zero := ago(time.Hour)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		life := lifeOf("sender", fmt.Sprint(n), zero)
		if _, err := l.Observe(b.Context(), "test", life[:2]); err != nil {
			b.Fatal(err)
		}
		if _, err := l.Observe(b.Context(), "test", life[3:4]); err != nil {
			b.Fatal(err)
		}
	}
}
