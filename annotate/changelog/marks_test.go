package changelog_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

// drawn is a mark as the tests write it: kind, service, status, start and end
// as minutes after the first, count, and the title of its change.
func drawn(t *testing.T, m annotate.Mark, zero time.Time) string {
	var c annotate.Change
	require.NoError(t, json.Unmarshal(m.Change, &c))
	require.Equal(t, c.Headline(), m.Headline)
	end := "…"
	if m.End != nil {
		end = fmt.Sprint(m.End.Sub(zero).Minutes())
	}
	return fmt.Sprintf("%s %s %s %v-%s ×%d %s", m.Kind, m.Service, m.Status, m.Start.Sub(zero).Minutes(), end, m.Count, c.Title)
}

func TestMarks(t *testing.T) {
	l := fresh(t)
	zero := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	put := func(title, kind, service string, from, to int, status annotate.Status) {
		r := annotate.Report{Kind: kind, Service: service, Title: title, Start: annotate.At(zero.Add(time.Duration(from) * time.Minute)), Status: status}
		if to >= 0 {
			r.End = annotate.At(zero.Add(time.Duration(to) * time.Minute))
		}
		record(t, l, r)
	}
	put("a", "deploy", "web", 1, 3, annotate.Succeeded)
	put("b", "deploy", "web", 9, 18, annotate.Succeeded)
	put("c", "deploy", "web", 4, 5, annotate.Succeeded)
	put("d", "deploy", "web", 5, 6, annotate.Failed)
	put("e", "deploy", "web", 10, 11, annotate.Succeeded)
	put("f", "deploy", "api", 2, 2, annotate.Succeeded)
	put("g", "deploy", "web", 6, 20, annotate.Succeeded)
	put("h", "deploy", "web", 7, -1, annotate.Running)
	put("i", "deploy", "web", -200, 0, annotate.Succeeded)
	put("gone", "deploy", "web", -2, -1, annotate.Succeeded)
	put("to come", "deploy", "web", 61, 62, annotate.Succeeded)

	marks := func(q annotate.MarkQuery) (list []string, all annotate.Marks) {
		q.From, q.To = annotate.At(zero), annotate.At(zero.Add(time.Hour))
		q.Limit = cmp.Or(q.Limit, 100)
		all, err := l.Marks(t.Context(), q)
		require.NoError(t, err)
		for _, m := range all.Marks {
			list = append(list, drawn(t, m, zero))
		}
		return list, all
	}
	const minute = 60_000
	f := func(name string, q annotate.MarkQuery, resolution int64, total, omitted int, want ...string) {
		t.Run(name, func(t *testing.T) {
			list, all := marks(q)
			require.Equal(t, want, list)
			require.Equal(t, []any{resolution, total, omitted}, []any{all.Resolution, all.Total, all.Omitted})
		})
	}
	own := "deploy web succeeded -200-0 ×1 i"
	running := "deploy web running 7-… ×1 h"
	f("what is alike and close is one", annotate.MarkQuery{Resolution: 10 * minute}, 10*minute, 9, 0,
		own, "deploy web succeeded 1-18 ×3 b", "deploy api succeeded 2-2 ×1 f", "deploy web failed 5-6 ×1 d",
		"deploy web succeeded 6-20 ×1 g", running, "deploy web succeeded 10-11 ×1 e")
	f("doubled until it fits", annotate.MarkQuery{Resolution: 10 * minute, Limit: 6}, 20*minute, 9, 0,
		own, "deploy web succeeded 1-20 ×5 e", "deploy api succeeded 2-2 ×1 f", "deploy web failed 5-6 ×1 d", running)
	f("no coarser than the range", annotate.MarkQuery{Resolution: 10 * minute, Limit: 3}, 80*minute, 9, 2,
		"deploy web succeeded 1-20 ×5 e", "deploy web failed 5-6 ×1 d", running)
	f("a failed one is the last to go", annotate.MarkQuery{Resolution: 10 * minute, Limit: 1}, 80*minute, 9, 8, "deploy web failed 5-6 ×1 d")
	f("a filter", annotate.MarkQuery{Resolution: 10 * minute, Filter: annotate.Filter{Statuses: []annotate.Status{annotate.Failed}}}, 10*minute, 1, 0,
		"deploy web failed 5-6 ×1 d")
	f("nothing", annotate.MarkQuery{Filter: annotate.Filter{Kinds: []string{"none"}}}, 7200, 0, 0)
}

func TestMarksNeedsBounds(t *testing.T) {
	l := fresh(t)
	now := annotate.At(time.Now())
	f := func(field string, q annotate.MarkQuery) {
		t.Helper()
		_, err := l.Marks(t.Context(), q)
		var e *annotate.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, annotate.Invalid, e.Code)
		require.Equal(t, field, e.Field)
	}
	between := annotate.Filter{From: now, To: now}
	f("from", annotate.MarkQuery{Filter: annotate.Filter{To: now}, Limit: 1})
	f("to", annotate.MarkQuery{Filter: annotate.Filter{From: now}, Limit: 1})
	f("from", annotate.MarkQuery{Filter: annotate.Filter{From: annotate.At(now.Add(1e9)), To: now}, Limit: 1})
	f("limit", annotate.MarkQuery{Filter: between})
	f("limit", annotate.MarkQuery{Filter: between, Limit: annotate.MaxMarks + 1})
	f("resolution", annotate.MarkQuery{Filter: between, Limit: 1, Resolution: -1})
	marks, err := l.Marks(t.Context(), annotate.MarkQuery{Filter: between, Limit: 1})
	require.NoError(t, err)
	require.Equal(t, annotate.Marks{Marks: []annotate.Mark{}, Resolution: 1000}, marks)
}

// TestMarksAgainstAModel clusters by brute force, at each resolution anew.
func TestMarksAgainstAModel(t *testing.T) {
	m := newModel(t, 300)
	for range 300 {
		q := annotate.MarkQuery{Filter: m.filter(), Limit: 1 + m.random.IntN(60)}
		q.From, q.To = m.time(), m.time()
		if q.From.After(q.To.Time) {
			q.From, q.To = q.To, q.From
		}
		if m.random.IntN(2) == 0 {
			q.Resolution = int64(1) << m.random.IntN(36)
		}
		got, err := m.log.Marks(t.Context(), q)
		require.NoError(t, err)
		want := m.marks(t, q)
		require.Equal(t, decoded(t, want.Marks), decoded(t, got.Marks), "%+v", q)
		want.Marks, got.Marks = nil, nil
		require.Equal(t, want, got, "%+v", q)
	}
}

// decoded is marks with their changes as the type that they are.
func decoded(t *testing.T, marks []annotate.Mark) (list []struct {
	annotate.Mark
	Newest annotate.Change
}) {
	list = make([]struct {
		annotate.Mark
		Newest annotate.Change
	}, len(marks))
	for i, m := range marks {
		require.NoError(t, json.Unmarshal(m.Change, &list[i].Newest))
		list[i].Mark = m
		list[i].Change = nil
	}
	return list
}

// marks answers q by looking at every change for every mark.
func (m *model) marks(t *testing.T, q annotate.MarkQuery) annotate.Marks {
	var selected []annotate.Change
	for _, c := range m.changes {
		if m.selects(q.Filter, c) {
			selected = append(selected, c)
		}
	}
	slices.SortFunc(selected, newestFirst)
	length := q.To.Sub(q.From.Time).Milliseconds()
	answer := annotate.Marks{Resolution: q.Resolution, Total: len(selected)}
	if q.Resolution == 0 {
		answer.Resolution = max(1000, length/500)
	}
	var newest map[string]annotate.Change
	for ; ; answer.Resolution *= 2 {
		answer.Marks, newest = clustered(selected, answer.Resolution)
		if len(answer.Marks) <= q.Limit || answer.Resolution >= length {
			break
		}
	}
	key := func(mark annotate.Mark) annotate.Change { return newest[string(mark.Change)] }
	slices.SortFunc(answer.Marks, func(a, b annotate.Mark) int {
		failed := func(m annotate.Mark) int {
			if m.Status == annotate.Failed {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(failed(a), failed(b)), newestFirst(key(a), key(b)))
	})
	for _, left := range answer.Marks[min(q.Limit, len(answer.Marks)):] {
		answer.Omitted += left.Count
	}
	answer.Marks = answer.Marks[:min(q.Limit, len(answer.Marks))]
	slices.SortFunc(answer.Marks, func(a, b annotate.Mark) int {
		return cmp.Or(a.Start.Compare(b.Start.Time), -newestFirst(key(a), key(b)))
	})
	for i, mark := range answer.Marks {
		body, err := json.Marshal(key(mark))
		require.NoError(t, err)
		answer.Marks[i].Change, answer.Marks[i].Headline = body, key(mark).Headline()
	}
	return answer
}

// clustered returns the marks of changes, which are sorted newest first, at a
// resolution in milliseconds, and the newest change of each, by an id that
// stands in for it.
func clustered(changes []annotate.Change, resolution int64) (marks []annotate.Mark, newest map[string]annotate.Change) {
	newest = map[string]annotate.Change{}
	at := map[string]int{}
	for _, c := range changes {
		key := c.ID
		if c.End != nil && c.End.Sub(c.Start.Time).Milliseconds() <= resolution {
			number := c.Start.UnixMilli() / resolution // all of them are after 1970
			key = fmt.Sprintf("%s/%s/%s/%s/%d", c.Kind, c.Service, c.Environment, c.Status, number)
		}
		i, known := at[key]
		if !known {
			at[key] = len(marks)
			newest[key] = c
			marks = append(marks, annotate.Mark{
				Kind: c.Kind, Service: c.Service, Environment: c.Environment, Status: c.Status,
				Start: c.Start, End: c.End, Count: 1, Change: json.RawMessage(key),
			})
			continue
		}
		marks[i].Count++
		marks[i].Start = c.Start
		if c.End.After(marks[i].End.Time) {
			marks[i].End = c.End
		}
	}
	return marks, newest
}

// TestHeadlinesOfMarks: a mark's headline is its change's, however that is kept.
func TestHeadlinesOfMarks(t *testing.T) {
	l := fresh(t)
	now := annotate.At(time.Now().Add(-time.Hour))
	f := func(r annotate.Report, want string) {
		t.Helper()
		r.Start, r.Status = now, annotate.Succeeded
		now = annotate.At(now.Add(time.Second))
		record(t, l, r)
		marks, err := l.Marks(t.Context(), annotate.MarkQuery{Filter: annotate.Filter{From: r.Start, To: r.Start}, Limit: 10, Resolution: 1})
		require.NoError(t, err)
		require.Equal(t, want, marks.Marks[len(marks.Marks)-1].Headline)
	}
	f(annotate.Report{Kind: "deploy", Title: "Roll it out"}, "Roll it out")
	f(annotate.Report{Kind: "deploy", Title: `Roll "it" <out> \ ü`, Source: `"kind":"x","title":"y"`, ExternalID: `"kind":"`}, `Roll "it" <out> \ ü`)
	f(annotate.Report{Kind: "deploy", Service: "web", Version: "v42"}, "deploy web v42")
	f(annotate.Report{Kind: "deploy", Text: `"title":"no"`, Links: []annotate.Link{{Title: "diff", Href: "https://x.example"}}}, "deploy")
	f(annotate.Report{Kind: "flag", Service: "web", Flag: &annotate.FlagChange{Key: "ramp", From: 1, To: "two"}}, "flag web ramp: 1 → two")
}
