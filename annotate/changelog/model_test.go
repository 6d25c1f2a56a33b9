package changelog_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
)

// model is a log beside the plain list of what it holds, by which its answers
// are judged.
type model struct {
	log     *changelog.Log
	random  *rand.Rand
	now     time.Time
	changes []annotate.Change
}

func newModel(t *testing.T, size int) *model {
	m := &model{log: fresh(t), random: rand.New(rand.NewPCG(5, 6)), now: time.Now().UTC().Truncate(time.Hour)}
	for len(m.changes) < size {
		n := min(100, size-len(m.changes))
		reports := make([]annotate.Report, n)
		for i := range reports {
			reports[i] = m.report()
		}
		results, err := m.log.RecordBatch(t.Context(), "test", reports)
		require.NoError(t, err)
		for _, r := range results {
			m.changes = append(m.changes, r.Change)
		}
	}
	for i := range m.changes { // what is corrected must be found where it now is, and there alone
		if m.random.IntN(4) > 0 {
			continue
		}
		var err error
		m.changes[i], err = m.log.Amend(t.Context(), "test", m.changes[i].ID, annotate.Patch{Set: annotate.Report{
			Service: m.service(), Start: m.start(m.changes[i]), Labels: map[string]string{"team": m.one("x", "y", "z")}, Title: "corrected",
		}})
		require.NoError(t, err)
	}
	return m
}

func (m *model) one(values ...string) string { return values[m.random.IntN(len(values))] }

// service is often the same one, and at times one that hardly anything has.
func (m *model) service() string {
	return fmt.Sprintf("s%d", min(m.random.IntN(8), m.random.IntN(8), m.random.IntN(8)))
}

// start is on the hour, so that many changes share theirs.
func (m *model) start(c annotate.Change) annotate.Time {
	latest := m.now
	if c.End != nil {
		latest = c.End.Time
	}
	return annotate.At(latest.Truncate(time.Hour).Add(-time.Duration(m.random.IntN(24*50)) * time.Hour))
}

func (m *model) report() annotate.Report {
	r := annotate.Report{
		Kind: m.one("deploy", "deploy", "deploy", "flag", "rare.kind"), Service: m.service(), Environment: m.one("production", "test", ""),
		Version: m.one("v1", "v2", "v3", ""), Title: m.one("Blue whale", "blue", "Grün", ""), Start: m.start(annotate.Change{}),
	}
	if name := m.one("Ada", "Grace", ""); name != "" {
		r.Who = &annotate.Who{Name: name}
	}
	if m.random.IntN(3) == 0 {
		r.Labels = map[string]string{"team": m.one("x", "y"), "tier": m.one("1", "2")}
	}
	if m.random.IntN(3) == 0 {
		values := []any{nil, nil, "on", false, map[string]any{"on": 10.0, "off": 90.0}}
		r.Flag = &annotate.FlagChange{
			Key:  m.one("blue", "new-cart", "new-cart", "dark \"mode\""),
			From: values[m.random.IntN(len(values))], To: values[m.random.IntN(len(values))],
		}
	}
	lasts := []time.Duration{0, time.Minute, time.Hour, time.Hour + time.Millisecond, 3 * time.Hour, 24 * time.Hour, 3 * 24 * time.Hour, 40 * 24 * time.Hour}
	end := annotate.At(r.Start.Add(lasts[m.random.IntN(len(lasts))]))
	switch {
	case m.random.IntN(10) == 0 || end.After(m.now):
		r.Status = annotate.Running
	default:
		r.End, r.Status = end, annotate.Status(m.one("succeeded", "succeeded", "failed"))
	}
	return r
}

// time is one near an edge of some change.
func (m *model) time() annotate.Time {
	c := m.changes[m.random.IntN(len(m.changes))]
	at := c.Start
	if c.End != nil && m.random.IntN(2) == 0 {
		at = *c.End
	}
	shifts := []time.Duration{0, 0, time.Millisecond, -time.Millisecond, time.Hour, -time.Hour, 25 * time.Hour}
	return annotate.At(at.Add(shifts[m.random.IntN(len(shifts))]))
}

func endOf(c annotate.Change) int64 {
	if c.End == nil {
		return annotate.Ongoing
	}
	return c.End.UnixMilli()
}

func newestFirst(a, b annotate.Change) int {
	return cmp.Or(cmp.Compare(b.Start.UnixMilli(), a.Start.UnixMilli()), cmp.Compare(b.ID, a.ID))
}

func (m *model) filter() annotate.Filter {
	var f annotate.Filter
	maybe := func(do func()) {
		if m.random.IntN(3) == 0 {
			do()
		}
	}
	maybe(func() { f.From = m.time() })
	maybe(func() { f.To = m.time() })
	maybe(func() { f.Kinds = []string{m.one("deploy", "flag", "rare.kind", "none")} })
	maybe(func() { f.Services = []string{m.service(), m.one("s6", "s7", "none")} })
	maybe(func() { // more than are given one by one
		for i := range 300 {
			f.Services = append(f.Services, fmt.Sprintf("s%d", 3+i))
		}
	})
	maybe(func() { f.Environments = []string{m.one("production", "test", "none", "")} })
	maybe(func() { f.Statuses = []annotate.Status{annotate.Status(m.one("failed", "running", "succeeded"))} })
	maybe(func() { f.Who = []string{m.one("Ada", "Grace", "none")} })
	maybe(func() { f.Labels = map[string]string{"team": m.one("x", "y", "z", "none")} })
	maybe(func() { f.Text = m.one("BLUE", "blue ada", "grün", "whale s1", "corrected", "_", "%") })
	return f
}

func (m *model) selects(f annotate.Filter, c annotate.Change) bool {
	who, flag := "", ""
	if c.Who != nil {
		who = c.Who.Name
	}
	if c.Flag != nil {
		flag = c.Flag.Key
	}
	text := strings.ToLower(strings.Join([]string{c.Title, c.Service, c.Environment, c.Version, flag, who}, "\n"))
	for _, word := range strings.Fields(strings.ToLower(f.Text)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	for name, value := range f.Labels {
		if c.Labels[name] != value {
			return false
		}
	}
	return (f.From.IsZero() || endOf(c) >= f.From.UnixMilli()) && (f.To.IsZero() || !c.Start.After(f.To.Time)) &&
		anyOf(f.Kinds, c.Kind) && anyOf(f.Services, c.Service) && anyOf(f.Environments, c.Environment) &&
		anyOf(f.Statuses, c.Status) && anyOf(f.Who, who)
}

func anyOf[T comparable](values []T, v T) bool { return len(values) == 0 || slices.Contains(values, v) }

func TestListAgainstAModel(t *testing.T) {
	m := newModel(t, 300)
	for range 400 {
		f, limit := m.filter(), 1+m.random.IntN(200)
		want := []annotate.Change{}
		for _, c := range m.changes {
			if m.selects(f, c) {
				want = append(want, c)
			}
		}
		slices.SortFunc(want, newestFirst)
		got, cursor := []annotate.Change{}, ""
		for {
			page, err := m.log.List(t.Context(), annotate.List{Filter: f, Limit: limit, Cursor: cursor})
			require.NoError(t, err)
			require.LessOrEqual(t, len(page.Changes), limit)
			got = append(got, page.Changes...)
			if page.Next == nil {
				break
			}
			cursor = *page.Next
		}
		require.Equal(t, want, got, "%+v", f)
	}
}

func TestNewestAgainstAModel(t *testing.T) {
	m := newModel(t, 300)
	slices.SortFunc(m.changes, newestFirst)
	service := func(c annotate.Change) (string, bool) { return c.Service, true }
	flag := func(c annotate.Change) (string, bool) {
		if c.Flag == nil {
			return "", false
		}
		return c.Flag.Key + "/" + c.Service + "/" + c.Environment, true
	}
	for range 100 {
		f := m.filter()
		firstOfEach := func(place func(annotate.Change) (string, bool)) []annotate.Change {
			first := []annotate.Change{}
			seen := map[string]bool{}
			for _, c := range m.changes {
				if at, ok := place(c); ok && m.selects(f, c) && !seen[at] {
					seen[at] = true
					first = append(first, c)
				}
			}
			return first
		}
		check := func(per annotate.Per, want []annotate.Change) {
			got, err := m.log.Newest(t.Context(), f, per)
			require.NoError(t, err)
			require.Equal(t, annotate.Newest{Changes: want}, got, "%q %+v", per, f)
		}
		ofService := firstOfEach(service)
		check(annotate.PerService, ofService)
		check(annotate.PerFlag, firstOfEach(flag))
		check(annotate.PerNothing, ofService[:min(1, len(ofService))])
	}
}

func (m *model) spanFilter() annotate.SpanFilter {
	var f annotate.SpanFilter
	if m.random.IntN(3) == 0 {
		f.Kinds = []string{m.one("deploy", "flag", "none")}
	}
	if m.random.IntN(3) == 0 {
		f.Services = []string{m.service(), m.service()}
	}
	if m.random.IntN(5) == 0 {
		f.Statuses = []string{m.one("failed", "succeeded")}
	}
	if m.random.IntN(6) == 0 {
		f.Versions = []string{m.one("v1", "v2")}
	}
	if m.random.IntN(6) == 0 {
		f.IDs = []string{m.changes[0].ID, m.changes[1].ID, m.changes[m.random.IntN(len(m.changes))].ID, "none"}
	}
	return f
}

// spans returns the spans of the changes that f and also selects, in order.
func (m *model) spans(f annotate.SpanFilter, also func(annotate.Span) bool, order func(a, b annotate.Span) int) []annotate.Span {
	var spans []annotate.Span
	for _, c := range m.changes {
		s := annotate.Span{
			ID: c.ID, Kind: c.Kind, Service: c.Service, Environment: c.Environment, Version: c.Version, Status: c.Status,
			Start: c.Start.UnixMilli(), End: endOf(c),
		}
		if c.Who != nil {
			s.Who = c.Who.Name
		}
		if anyOf(f.IDs, s.ID) && anyOf(f.Kinds, s.Kind) && anyOf(f.Services, s.Service) && anyOf(f.Environments, s.Environment) &&
			anyOf(f.Versions, s.Version) && anyOf(f.Statuses, string(s.Status)) && also(s) {
			spans = append(spans, s)
		}
	}
	slices.SortFunc(spans, order)
	return spans
}

func byStart(a, b annotate.Span) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.ID, b.ID))
}

func byEnd(a, b annotate.Span) int { return cmp.Or(cmp.Compare(a.End, b.End), byStart(a, b)) }

func TestSpansAgainstAModel(t *testing.T) {
	m := newModel(t, 300)
	collect := func(read func(fn func(annotate.Span) error) error) (spans []annotate.Span) {
		require.NoError(t, read(func(s annotate.Span) error { spans = append(spans, s); return nil }))
		return spans
	}
	for range 150 {
		f, from, to := m.spanFilter(), m.time().UnixMilli(), m.time().UnixMilli()
		if from > to {
			from, to = to, from
		}
		switch m.random.IntN(8) {
		case 0:
			from = math.MinInt64
		case 1:
			to = math.MaxInt64
		}
		ran := func(s annotate.Span) bool {
			return s.Kind == "deploy" && s.Status == annotate.Succeeded && s.Version != ""
		}
		require.Equal(t,
			m.spans(f, func(s annotate.Span) bool { return s.Start <= to && s.End >= from }, byStart),
			collect(func(fn func(annotate.Span) error) error { return m.log.Spans(t.Context(), f, from, to, fn) }), "spans %+v", f)
		require.Equal(t,
			m.spans(f, func(s annotate.Span) bool { return s.Start > from && s.Start <= to }, byStart),
			collect(func(fn func(annotate.Span) error) error { return m.log.Starts(t.Context(), f, from, to, fn) }), "starts %+v", f)
		require.Equal(t,
			m.spans(f, func(s annotate.Span) bool { return ran(s) && s.End > from && s.End <= to }, byEnd),
			collect(func(fn func(annotate.Span) error) error { return m.log.Versions(t.Context(), f, from, to, fn) }), "versions %+v", f)

		starts, err := m.log.NewestStarts(t.Context(), f, to)
		require.NoError(t, err)
		require.ElementsMatch(t, lastOfEach(
			m.spans(f, func(s annotate.Span) bool { return s.Start <= to }, byStart),
			func(s annotate.Span) string { return s.Kind + "/" + s.Service + "/" + s.Environment }), starts, "newest starts %+v", f)
		versions, err := m.log.NewestVersions(t.Context(), f, to)
		require.NoError(t, err)
		require.ElementsMatch(t, lastOfEach(
			m.spans(f, func(s annotate.Span) bool { return ran(s) && s.End <= to }, byEnd),
			func(s annotate.Span) string { return s.Service + "/" + s.Environment }), versions, "newest versions %+v", f)
	}
}

func lastOfEach(spans []annotate.Span, key func(annotate.Span) string) (last []annotate.Span) {
	seen := map[string]bool{}
	for _, s := range slices.Backward(spans) {
		if !seen[key(s)] {
			seen[key(s)] = true
			last = append(last, s)
		}
	}
	return last
}

func TestFollowAgainstAModel(t *testing.T) {
	m := newModel(t, 200)
	enough := errors.New("enough")
	follow := func(f annotate.Filter, n int) (events []annotate.Event) {
		require.ErrorIs(t, m.log.Follow(t.Context(), 0, f, func(e annotate.Event) error {
			if events = append(events, e); len(events) == n {
				return enough
			}
			return nil
		}), enough)
		return events
	}
	marker := record(t, m.log, annotate.Report{Kind: "marker"})
	revisions := 1
	for _, c := range m.changes {
		revisions += c.Revision
	}
	all := follow(annotate.Filter{}, revisions)
	require.Equal(t, marker.ID, all[len(all)-1].Change.ID)
	for range 100 {
		f := m.filter()
		var want []annotate.Event
		for _, e := range all {
			if m.selects(f, e.Change) {
				want = append(want, e)
			}
		}
		if len(want) > 0 {
			require.Equal(t, want, follow(f, len(want)), "%+v", f)
		}
	}
}
