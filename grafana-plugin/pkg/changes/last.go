package changes

import (
	"context"
	"net/url"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// last answers with the newest change that had begun when q's time range ends,
// or with that of each service.
func (l *Log) last(ctx context.Context, q query) (data.Frames, error) {
	p, at := l.asOf(q.Filter, q.span.to)
	if q.Per == "service" {
		p.Set("per", q.Per)
	}
	found, err := l.newest(ctx, p)
	if err != nil {
		return nil, err
	}
	f := lastRows(found.Changes, at, l.link)
	f.AppendNotices(found.cut(len(found.Changes))...)
	return data.Frames{f}, nil
}

// asOf returns the parameters of the newest changes of f when a time range
// ends, and when that is. A range that ends about now is not narrowed: the
// server's clock may be ahead.
func (l *Log) asOf(f Filter, end time.Time) (url.Values, time.Time) {
	now := l.now()
	if end.After(now.Add(-recentSlack)) {
		return f.params(), now
	}
	return f.at(end), end
}

// recentSlack is how long ago a time range may have ended and still be meant
// to end now.
const recentSlack = time.Minute

func lastRows(changes []Change, at time.Time, link linker) *data.Frame {
	n := len(changes)
	times, ages := make([]time.Time, n), make([]float64, n)
	for i := range changes {
		times[i] = changes[i].Start
		ages[i] = max(0, at.Sub(changes[i].Start)).Seconds()
	}
	title := column("title", changes, func(c *Change) string { return c.Headline })
	title.Config = &data.FieldConfig{Links: link.field("${__data.fields.id}")}
	return tableFrame("last change",
		title,
		data.NewField("time", nil, times),
		column("who", changes, func(c *Change) string { return c.Who.Name }),
		column("kind", changes, func(c *Change) string { return c.Kind }).SetConfig(&data.FieldConfig{Mappings: kindColours()}),
		column("service", changes, func(c *Change) string { return c.Service }),
		column("environment", changes, func(c *Change) string { return c.Environment }),
		column("version", changes, func(c *Change) string { return c.Version }),
		column("status", changes, func(c *Change) string { return c.Status }).SetConfig(&data.FieldConfig{Mappings: statusColours()}),
		data.NewField("age", nil, ages).SetConfig(&data.FieldConfig{Unit: "s"}),
		column("id", changes, func(c *Change) string { return c.ID }),
	)
}

// column returns a field with a text of each change.
func column(name string, changes []Change, of func(*Change) string) *data.Field {
	values := make([]string, len(changes))
	for i := range changes {
		values[i] = of(&changes[i])
	}
	return data.NewField(name, nil, values)
}

// tableFrame returns a frame that is a table and nothing else.
func tableFrame(name string, fields ...*data.Field) *data.Frame {
	f := data.NewFrame(name, fields...)
	f.Meta = &data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable}
	return f
}
