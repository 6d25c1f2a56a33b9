package changes

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// logLines answers with a log line for each change, newest first.
func (l *Log) logLines(ctx context.Context, q query) (data.Frames, error) {
	found, notices, err := l.listed(ctx, q)
	if err != nil {
		return nil, err
	}
	f := l.lines(found)
	f.AppendNotices(notices...)
	return data.Frames{f}, nil
}

// overlayLines returns the log lines of the wanted changes among those that m
// has marks for. The server selects them, as far as it can: of all changes, the
// newest might be of what the panel is not about.
func (l *Log) overlayLines(ctx context.Context, q query, m *marks, wanted func(group) bool) (*data.Frame, error) {
	filter, some := m.filter(wanted)
	if !some {
		return l.lines(nil), nil
	}
	q.Filter = filter
	found, notices, err := l.listed(ctx, q)
	if err != nil {
		return nil, err
	}
	f := l.lines(slices.DeleteFunc(found, func(c Change) bool {
		return !wanted(group{c.Kind, c.Service, c.Environment, c.Status})
	}))
	f.AppendNotices(notices...)
	return f, nil
}

// lines returns the frame of log lines, as Grafana's data plane defines it.
func (l *Log) lines(changes []Change) *data.Frame {
	times, labels := make([]time.Time, len(changes)), make([]json.RawMessage, len(changes))
	now := l.now()
	for i := range changes {
		times[i], labels[i] = changes[i].Start, changes[i].logLabels()
	}
	f := data.NewFrame("changes",
		data.NewField("timestamp", nil, times),
		column("body", changes, func(c *Change) string { return c.line(now) }),
		column("severity", changes, (*Change).severity),
		column("id", changes, func(c *Change) string { return c.ID }).SetConfig(&data.FieldConfig{Links: l.link.field("${__value.raw}")}),
		data.NewField("labels", nil, labels),
	)
	f.Meta = &data.FrameMeta{Type: data.FrameTypeLogLines, PreferredVisualization: data.VisTypeLogs}
	return f
}

// line says in one line what is known of c.
func (c *Change) line(now time.Time) string {
	parts := []string{c.Headline}
	for _, part := range []string{c.what(), c.news(), c.outcome(now), strings.Join(strings.Fields(excerpt(c.Text, maxTexts)), " ")} {
		if part != "" && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " · ")
}

// severity is the log level that shows how much c matters.
func (c *Change) severity() string {
	switch {
	case c.Status == failed:
		return "error"
	case c.Kind == incident:
		return "error"
	case c.Status == lost, c.Status == cancelled:
		return "warning"
	case c.Status == planned:
		return "debug"
	}
	return "info"
}

// logLabels are what log lines can be told apart and filtered by, as a JSON
// object.
func (c *Change) logLabels() json.RawMessage {
	labels := map[string]string{}
	for name, value := range c.Labels {
		labels[name] = value
	}
	for name, value := range map[string]string{
		"kind": c.Kind, "status": c.Status, "service": c.Service, "environment": c.Environment, "version": c.Version, "who": c.Who.Name,
	} {
		if value != "" {
			labels[name] = value
		}
	}
	b, err := json.Marshal(labels)
	if err != nil { // strings can always be written
		return json.RawMessage("{}")
	}
	return b
}
