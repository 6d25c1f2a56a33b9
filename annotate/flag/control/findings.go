package control

import (
	"time"

	"github.com/tidemark/tidemark/annotate/flag"
)

// Findings returns what is to be said about the flags of an environment, by key,
// or a NotFound error. How long a flag has been as it is counts from its newest
// revision, and whether it was asked for from the start of this Control.
func (c *Control) Findings(environment string) ([]flag.Finding, error) {
	e, err := c.find(environment)
	if err != nil {
		return nil, err
	}
	now := c.clock()
	var findings []flag.Finding
	for _, f := range e.set.Load().Flags() {
		h := flag.History{Settled: f.Updated.Time, Evaluated: c.LastEvaluated(idOf(f)), Counted: c.started}
		if f.Updated.After(h.Counted) {
			h.Counted = f.Updated.Time
		}
		findings = append(findings, flag.Lint(f, h, now)...)
	}
	return findings, nil
}

// LastEvaluated returns when a flag was last asked for; the zero time for one that
// was not since the start.
func (c *Control) LastEvaluated(id ID) time.Time {
	return c.tally.LastEvaluated(id.Environment, id.Key)
}
