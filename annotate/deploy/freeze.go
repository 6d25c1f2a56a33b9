package deploy

import (
	"slices"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"

	"github.com/tidemark/tidemark/annotate"
)

// Freeze is a time in which nothing is deployed, by the configuration.
type Freeze struct {
	Name   string
	Reason string
	// Services and Environments are what is frozen; empty for all.
	Services, Environments []string
	// Times are when, in Alertmanager's time intervals. From and To are one span
	// of time, To excluded; with Times, the two together.
	Times    []timeinterval.TimeInterval
	From, To time.Time
}

// Covers reports whether f is about the target.
func (f Freeze) Covers(id ID) bool {
	return (len(f.Services) == 0 || slices.Contains(f.Services, id.Service)) &&
		(len(f.Environments) == 0 || slices.Contains(f.Environments, id.Environment))
}

// Holds reports whether now is in the freeze.
func (f Freeze) Holds(now time.Time) bool {
	if !f.From.IsZero() && now.Before(f.From) || !f.To.IsZero() && !now.Before(f.To) {
		return false
	}
	return len(f.Times) == 0 || slices.ContainsFunc(f.Times, func(t timeinterval.TimeInterval) bool { return t.ContainsTime(now.UTC()) })
}

// lookAhead is how far the end of a freeze is looked for.
const lookAhead = 31 * 24 * time.Hour

// End returns when a freeze that holds at now ends; the zero time where that is
// more than a month ahead. Time intervals change on full minutes only.
func (f Freeze) End(now time.Time) time.Time {
	if len(f.Times) == 0 {
		return f.To
	}
	for t := now.Truncate(time.Minute).Add(time.Minute); t.Before(now.Add(lookAhead)); t = t.Add(time.Minute) {
		if !f.Holds(t) {
			return t
		}
	}
	return time.Time{}
}

func (f Freeze) obstacle(now time.Time) Obstacle {
	o := Obstacle{Kind: ObstacleFreeze, ID: f.Name, Reason: f.Reason}
	if end := f.End(now); !end.IsZero() {
		o.Until = annotate.At(end)
	}
	return o
}
