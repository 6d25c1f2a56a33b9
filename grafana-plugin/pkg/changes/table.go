package changes

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// table answers with a row for each change, newest first.
func (l *Log) table(ctx context.Context, q query) (data.Frames, error) {
	found, notices, err := l.listed(ctx, q)
	if err != nil {
		return nil, err
	}
	f := l.rows(found)
	f.AppendNotices(notices...)
	return data.Frames{f}, nil
}

// listed returns the changes of q, and a notice where there are more.
func (l *Log) listed(ctx context.Context, q query) ([]Change, []data.Notice, error) {
	found, more, err := l.list(ctx, q.Filter.during(q.span), q.Limit)
	if err != nil || !more {
		return found, nil, err
	}
	text := fmt.Sprintf("The newest %d changes are shown; there are more.", len(found))
	if total, err := l.count(ctx, q.Filter, q.span); err == nil && total > len(found) {
		text = fmt.Sprintf("The newest %d of %d changes are shown; %d more are not.", len(found), total, total-len(found))
	}
	return found, []data.Notice{{
		Severity: data.NoticeSeverityWarning,
		Text:     text + " Choose a shorter time, narrow the selection, or raise the limit.",
		Link:     l.link.list(q.span, ""),
	}}, nil
}

// rows returns the table of changes.
func (l *Log) rows(changes []Change) *data.Frame {
	n, now := len(changes), l.now()
	start, end := make([]time.Time, n), make([]*time.Time, n)
	duration := make([]*float64, n)
	linked := 0 // the most links that one change has
	links := make([]string, n)
	for i := range changes {
		c := &changes[i]
		start[i], end[i] = c.Start, c.End
		if c.Status != planned || c.End != nil { // else nobody knows
			lasted := float64(c.duration(now).Milliseconds())
			duration[i] = &lasted
		}
		safe := c.safeLinks()
		linked = max(linked, len(safe))
		hrefs := make([]string, len(safe))
		for j, link := range safe {
			hrefs[j] = link.Href
		}
		links[i] = strings.Join(hrefs, "\n")
	}
	flag := func(of func(*Flag) string) func(*Change) string {
		return func(c *Change) string {
			if c.Flag == nil {
				return ""
			}
			return of(c.Flag)
		}
	}
	f := tableFrame("changes",
		data.NewField("start", nil, start),
		data.NewField("end", nil, end),
		data.NewField("duration", nil, duration).SetConfig(&data.FieldConfig{Unit: "ms"}),
		column("kind", changes, func(c *Change) string { return c.Kind }).SetConfig(&data.FieldConfig{Mappings: kindColours()}),
		column("title", changes, func(c *Change) string { return c.Headline }),
		column("service", changes, func(c *Change) string { return c.Service }),
		column("environment", changes, func(c *Change) string { return c.Environment }),
		column("version", changes, func(c *Change) string { return c.Version }),
		column("previous version", changes, func(c *Change) string { return c.PreviousVersion }),
		column("flag", changes, flag(func(f *Flag) string { return f.Key })),
		column("from", changes, flag(func(f *Flag) string { return string(f.From) })),
		column("to", changes, flag(func(f *Flag) string { return string(f.To) })),
		column("who", changes, func(c *Change) string { return c.Who.Name }),
		column("status", changes, func(c *Change) string { return c.Status }).SetConfig(&data.FieldConfig{Mappings: statusColours()}),
		column("id", changes, func(c *Change) string { return c.ID }).SetConfig(&data.FieldConfig{Links: l.link.field("${__value.raw}")}),
		data.NewField("links", nil, links),
	)
	if linked == 1 { // several cannot be told apart by a data link
		f.Fields[len(f.Fields)-1].SetConfig(&data.FieldConfig{Links: []data.DataLink{{Title: "Open", URL: "${__value.raw}", TargetBlank: true}}})
	}
	return f
}

// field returns the data link from a field to the page of a change. id is how
// Grafana finds the change's id.
func (l linker) field(id string) []data.DataLink {
	if l.base == "" {
		return nil
	}
	return []data.DataLink{{Title: "Show the change", URL: l.base + "/changes/" + id, TargetBlank: true}}
}
