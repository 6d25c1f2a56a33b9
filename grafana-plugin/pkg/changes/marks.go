package changes

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// mark is what is drawn for one change, or for several of one group close
// together.
type mark struct {
	Kind        string    `json:"kind"`
	Service     string    `json:"service"`
	Environment string    `json:"environment"`
	Status      string    `json:"status"`
	Start       time.Time `json:"start"`
	// End is nil while one of the changes goes on.
	End   *time.Time `json:"end"`
	Count int        `json:"count"`
	// Headline is that of Change.
	Headline string `json:"headline"`
	// Change is the newest change of the mark.
	Change Change `json:"change"`

	group int // its place in marks.groups
}

// group is what all changes of a mark have in common.
type group struct{ kind, service, environment, status string }

func (m *mark) key() group { return group{m.Kind, m.Service, m.Environment, m.Status} }

// end is when m was over; now for what goes on.
func (m *mark) end(now time.Time) time.Time {
	switch {
	case m.End != nil:
		return *m.End
	case m.Start.After(now):
		return m.Start
	}
	return now
}

// overlaps reports whether m was going on at some time in s.
func (m *mark) overlaps(s span) bool {
	return !m.Start.After(s.to) && (m.End == nil || !m.End.Before(s.from))
}

// marks is the server's answer to one request. It is shared, and not altered.
type marks struct {
	List         []mark `json:"marks"`
	ResolutionMS int64  `json:"resolution_ms"`
	Total        int    `json:"total"`
	Omitted      int    `json:"omitted"`

	groups []group
}

// The bounds of one answer.
const (
	maxMarks = 2000
	// steps is how many resolutions of the server fit into a time range: a
	// panel has fewer markers than that.
	steps = 1000
	// maxTexts bounds what is kept of a change's free texts, in bytes; more
	// would not be read in a tooltip.
	maxTexts = 400
)

// prepare makes m ready for being shared.
func (m *marks) prepare() {
	slices.SortStableFunc(m.List, func(a, b mark) int { return a.Start.Compare(b.Start) })
	places := make(map[group]int)
	for i := range m.List {
		mk := &m.List[i]
		mk.Count = max(1, mk.Count)
		c := &mk.Change
		c.Headline = mk.Headline
		c.Text, c.Risk, c.Contingency = excerpt(c.Text, maxTexts), excerpt(c.Risk, maxTexts), excerpt(c.Contingency, maxTexts)
		c.Labels = nil
		at, ok := places[mk.key()]
		if !ok {
			at = len(m.groups)
			places[mk.key()] = at
			m.groups = append(m.groups, mk.key())
		}
		mk.group = at
	}
}

// filter returns a filter for the changes of m's groups that are wanted, and
// whether there are any. It may select a few others: kinds, services,
// environments and statuses are chosen each by itself. One of them that all
// groups may have is left open.
func (m *marks) filter(wanted func(group) bool) (f Filter, some bool) {
	var kinds, services, environments, statuses choice
	for _, g := range m.groups {
		takes := wanted(g)
		some = some || takes
		kinds.see(g.kind, takes)
		services.see(g.service, takes)
		environments.see(g.environment, takes)
		statuses.see(g.status, takes)
	}
	f.Kinds, _ = kinds.values()
	f.Services, f.NoService = services.values()
	f.Environments, f.NoEnvironment = environments.values()
	f.Statuses, _ = statuses.values()
	return f, some
}

// choice is which of the values that were seen are wanted.
type choice map[string]bool

func (c *choice) see(value string, wanted bool) {
	if *c == nil {
		*c = make(choice)
	}
	(*c)[value] = (*c)[value] || wanted
}

// values returns the wanted values, sorted, and whether none is one of them.
// There are no values where all are wanted.
func (c choice) values() (values []string, none bool) {
	for value, wanted := range c {
		switch {
		case !wanted:
		case value == "":
			none = true
		default:
			values = append(values, value)
		}
	}
	if n := len(values); n == len(c) || none && n == len(c)-1 {
		return nil, false
	}
	slices.Sort(values)
	return values, none
}

// marksOf returns the marks of what overlaps s, and of some time around it,
// with the parameters given besides. It is the same answer for all panels of
// a dashboard's refresh.
func (l *Log) marksOf(ctx context.Context, s span, params url.Values) (*marks, error) {
	key := cacheKey{params: params.Encode(), user: l.userOf(ctx)}
	return l.cache.get(ctx, key, s, func(ctx context.Context, s span) (*marks, error) {
		p := make(url.Values, len(params)+4)
		for name, values := range params {
			p[name] = values
		}
		p.Set("from", timeParam(s.from))
		p.Set("to", timeParam(s.to))
		p.Set("limit", strconv.Itoa(maxMarks))
		if !p.Has("resolution") {
			p.Set("resolution", strconv.FormatInt(resolution(s).Milliseconds(), 10))
		}
		m, err := post[marks](ctx, l.server, marksEndpoint, p)
		if err != nil {
			return nil, err
		}
		m.prepare()
		return &m, nil
	})
}

// resolution is how close together changes are one mark over s.
func resolution(s span) time.Duration {
	return max(time.Second, s.length()/steps).Truncate(time.Millisecond)
}
