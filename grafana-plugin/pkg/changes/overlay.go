package changes

import (
	"context"
	"fmt"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// overlay answers with what to draw on a panel of metrics. Where the changes
// cannot be had, the panel keeps its metrics and says so.
func (l *Log) overlay(ctx context.Context, q query) (data.Frames, error) {
	if !l.opts.Overlay.Enabled {
		return data.Frames{l.draw(q, 0, nil)}, nil
	}
	wanted := l.overlayOf(q)
	drawn, all := l.drawWanted(ctx, q, wanted)
	frames := data.Frames{drawn}
	if all == nil || !q.Logs {
		return frames, nil
	}
	if lines, err := l.overlayLines(ctx, q, all, wanted); err != nil {
		drawn.AppendNotices(data.Notice{Severity: data.NoticeSeverityWarning, Text: "The changes are not listed: " + err.Error()})
	} else {
		frames = append(frames, lines)
	}
	return frames, nil
}

// drawWanted draws the wanted groups, and returns what they were picked from.
// Without that, which is nil then, the frame says why.
func (l *Log) drawWanted(ctx context.Context, q query, wanted func(group) bool) (*data.Frame, *marks) {
	picked, all, err := l.pick(ctx, q, wanted)
	if err != nil {
		f := l.draw(q, 0, nil)
		f.AppendNotices(data.Notice{Severity: data.NoticeSeverityWarning, Text: "The changes are not drawn: " + err.Error()})
		return f, nil
	}
	return l.draw(q, all.Omitted, picked), all
}

// overlayOf returns which groups of changes a panel has drawn on it.
func (l *Log) overlayOf(q query) func(group) bool {
	var followed selectors
	if l.opts.Overlay.Follow {
		followed = l.follow.selectorsOf(q.Exprs)
	}
	o := l.opts.Overlay
	return func(g group) bool {
		if !anyOf(o.Kinds, g.kind) || !anyOfOrGlobal(o.Services, g.service) || !anyOfOrGlobal(o.Environments, g.environment) {
			return false
		}
		for _, f := range q.Except {
			if f.byGroup() && f.selects(g) {
				return false
			}
		}
		return followed.accepts(g.service, g.environment)
	}
}

// pick returns the marks to draw for q, oldest start first, and all that they
// were picked from.
func (l *Log) pick(ctx context.Context, q query, wanted func(group) bool) ([]*mark, *marks, error) {
	all, err := l.marksOf(ctx, q.span, Filter{Kinds: l.opts.Overlay.Kinds}.params())
	if err != nil {
		return nil, nil, err
	}
	picked := all.during(q.span, wanted)
	for _, f := range q.Except {
		if f.byGroup() {
			continue
		}
		p := f.params()
		p.Set("resolution", fmt.Sprint(all.ResolutionMS))
		drawn, err := l.marksOf(ctx, q.span, p)
		if err != nil {
			return nil, nil, err
		}
		picked = all.without(picked, drawn)
	}
	return picked, all, nil
}

// annotations answers with what to draw on every panel of a dashboard.
func (l *Log) annotations(ctx context.Context, q query) (data.Frames, error) {
	all, err := l.marksOf(ctx, q.span, q.Filter.params())
	if err != nil {
		return nil, err
	}
	// Grafana asks once for all panels, with 100 data points whatever their
	// widths.
	q.width = max(q.width, dashboardWidth)
	return data.Frames{l.draw(q, all.Omitted, all.during(q.span, everything))}, nil
}

// dashboardWidth is how wide a panel may well be, in pixels.
const dashboardWidth = 1600

func everything(group) bool { return true }

// during returns the marks of the wanted groups that were going on in s.
func (m *marks) during(s span, wanted func(group) bool) []*mark {
	takes := make([]bool, len(m.groups))
	for i, g := range m.groups {
		takes[i] = wanted(g)
	}
	picked := make([]*mark, 0, len(m.List))
	for i := range m.List {
		if mk := &m.List[i]; takes[mk.group] && mk.overlaps(s) {
			picked = append(picked, mk)
		}
	}
	return picked
}
