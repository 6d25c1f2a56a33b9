package changes

import (
	"context"
	"fmt"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// query is one target, as the front end writes it.
type query struct {
	QueryType string `json:"queryType"`
	Filter    Filter `json:"filter"`
	// Limit is how many changes, rows or timelines to answer with.
	Limit int `json:"limit"`
	// As is the form of changes: table, annotations or logs.
	As string `json:"as"`
	// Per is service, for a row of each.
	Per string `json:"per"`
	// Of is what a timeline shows: versions or flags.
	Of string `json:"of"`
	// Exprs are the expressions of the panel that the overlay is for.
	Exprs []string `json:"exprs"`
	// Except are the selections that the dashboard draws already.
	Except []Filter `json:"except"`
	// Logs asks the overlay for log lines as well.
	Logs bool `json:"logs"`

	span  span
	width int64 // of the panel, in data points
}

// The bounds of what one query answers with.
const (
	defaultLimit = 1000
	maxLimit     = 10000
)

func clampLimit(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return min(limit, maxLimit)
}

func (l *Log) answer(ctx context.Context, q query) (data.Frames, error) {
	switch q.QueryType {
	case "overlay":
		return l.overlay(ctx, q)
	case "changes":
		switch q.As {
		case "annotations":
			return l.annotations(ctx, q)
		case "logs":
			return l.logLines(ctx, q)
		case "", "table":
			return l.table(ctx, q)
		}
		return nil, fmt.Errorf("as %q %w: say table, annotations or logs", q.As, errNoQuery)
	case "last":
		return l.last(ctx, q)
	case "flags":
		return l.flags(ctx, q)
	case "timeline":
		switch q.Of {
		case "", "versions":
			return l.versionTimeline(ctx, q)
		case "flags":
			return l.flagTimeline(ctx, q)
		}
		return nil, fmt.Errorf("timeline of %q %w: say versions or flags", q.Of, errNoQuery)
	}
	return nil, fmt.Errorf("query type %q %w: say overlay, changes, last, flags or timeline", q.QueryType, errNoQuery)
}

// span is the time between two points, both included.
type span struct{ from, to time.Time }

func (s span) length() time.Duration { return s.to.Sub(s.from) }
