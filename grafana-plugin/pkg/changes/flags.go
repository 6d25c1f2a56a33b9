package changes

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// flags answers with the state of each flag when q's time range ends.
func (l *Log) flags(ctx context.Context, q query) (data.Frames, error) {
	p, _ := l.asOf(q.Filter.effective(), q.span.to)
	found, err := l.flagStates(ctx, p)
	if err != nil {
		return nil, err
	}
	shown := found.Changes[:min(len(found.Changes), q.Limit)]
	found.Omitted += len(found.Changes) - len(shown)
	since := make([]time.Time, len(shown))
	for i := range shown {
		since[i] = shown[i].Start
	}
	f := tableFrame("flags",
		column("flag", shown, func(c *Change) string { return c.Flag.Key }),
		column("service", shown, func(c *Change) string { return c.Service }),
		column("environment", shown, func(c *Change) string { return c.Environment }),
		column("value", shown, func(c *Change) string { return string(c.Flag.To) }),
		data.NewField("since", nil, since),
		column("who", shown, func(c *Change) string { return c.Who.Name }),
		column("id", shown, func(c *Change) string { return c.ID }).SetConfig(&data.FieldConfig{Links: l.link.field("${__value.raw}")}),
	)
	f.AppendNotices(found.cut(len(shown))...)
	return data.Frames{f}, nil
}

// flagStates returns the newest change of each flag in each place, of those
// that p selects.
func (l *Log) flagStates(ctx context.Context, p url.Values) (page, error) {
	p.Set("per", "flag")
	found, err := l.newest(ctx, p)
	if err != nil {
		return page{}, err
	}
	found.Changes = slices.DeleteFunc(found.Changes, func(c Change) bool { return c.Flag == nil })
	slices.SortStableFunc(found.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Flag.Key, b.Flag.Key), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Environment, b.Environment))
	})
	return found, nil
}

// effective returns f for the changes that altered a flag: one that failed or
// was cancelled left it as it was. A choice of statuses stands.
func (f Filter) effective() Filter {
	if len(f.Statuses) == 0 {
		f.Statuses = []string{succeeded, running}
	}
	return f
}
