package annotate

import (
	"maps"
	"slices"
	"strings"
)

// Change is one alteration of the running system: a deploy, a flag flip, a
// configuration push, an incident. It is the newest revision of what the log
// knows about it.
type Change struct {
	// ID is a UUIDv7 (RFC 9562), given by the log.
	ID string `json:"id" format:"uuid" doc:"UUIDv7, given by the log"`
	// Source and ExternalID are the sender's own identity for the change,
	// unique together. Both are empty for a change that has none.
	Source     string `json:"source,omitempty" doc:"Who reported it: the sender's name for itself"`
	ExternalID string `json:"external_id,omitempty" doc:"The sender's own id for it, unique within its source"`

	Kind  string `json:"kind" doc:"deploy, flag, config, incident, maintenance, drill, restart, or a word of your own"`
	Title string `json:"title,omitempty" doc:"One line"`
	Text  string `json:"text,omitempty" doc:"As much as needed"`

	// Start and End have millisecond precision and are in UTC. End is nil while
	// the change goes on; an instant change has both equal.
	Start Time  `json:"start" doc:"When it began, RFC 3339 with milliseconds, UTC"`
	End   *Time `json:"end,omitempty" doc:"When it ended; absent while it goes on; equal to start for an instant"`

	Status Status `json:"status" doc:"planned, running, succeeded, failed, cancelled or lost"`
	Who    *Who   `json:"who,omitempty" doc:"Who made the change: the one who can help"`

	Service     string            `json:"service,omitempty" doc:"What was changed"`
	Environment string            `json:"environment,omitempty" doc:"Where: production, staging, …"`
	Labels      map[string]string `json:"labels,omitempty" doc:"Anything else to select by"`

	Version         string      `json:"version,omitempty" doc:"The version that the change brings"`
	PreviousVersion string      `json:"previous_version,omitempty" doc:"The version that it replaces"`
	Commit          string      `json:"commit,omitempty" doc:"The source commit of the version"`
	Flag            *FlagChange `json:"flag,omitempty" doc:"The flag that changed, and its values before and after"`

	Links  []Link        `json:"links,omitempty" doc:"Diff, run, ticket, dashboard"`
	Expect []Expectation `json:"expect,omitempty" doc:"Which metrics should move, and how"`

	Risk        string `json:"risk,omitempty" doc:"What may go wrong"`
	Contingency string `json:"contingency,omitempty" doc:"What to do then"`
	Undoes      string `json:"undoes,omitempty" format:"uuid" doc:"The id of the change that this one takes back"`

	Evidence []Evidence `json:"evidence,omitempty" doc:"What each source said, and when"`

	// Revision counts from 1; Recorded and Updated are the log's clock at the
	// first and the newest revision.
	Revision int  `json:"revision" doc:"Counts from 1; each correction adds one"`
	Recorded Time `json:"recorded" doc:"When the log first heard of it"`
	Updated  Time `json:"updated" doc:"When the log last heard something new"`
}

// Who is the person or machine that made a change.
type Who struct {
	Name string `json:"name" doc:"Name, as their colleagues know it"`
	Type string `json:"type,omitempty" enum:"person,machine" doc:"person or machine"`
}

// FlagChange is a flag's value before and after a change.
type FlagChange struct {
	Key  string `json:"key" doc:"The flag's key"`
	From any    `json:"from,omitempty" doc:"Its value or variant before, or how many per cent each variation had: {on: 10, off: 90}"`
	To   any    `json:"to,omitempty" doc:"The same after; left out where the flag was deleted"`
}

// Link points from a change to something about it.
type Link struct {
	Rel   string `json:"rel,omitempty" doc:"diff, run, ticket, dashboard, …"`
	Title string `json:"title,omitempty" doc:"What to show for it"`
	Href  string `json:"href" format:"uri" doc:"Absolute http or https URL"`
}

// Expectation says how a metric should move after the change.
type Expectation struct {
	Expr      string `json:"expr" doc:"PromQL"`
	Direction string `json:"direction" enum:"up,down,same" doc:"up, down or same"`
	Within    string `json:"within,omitempty" doc:"How soon, as a Prometheus duration such as 10m"`
	Note      string `json:"note,omitempty" doc:"Why"`
}

// Evidence is what one source said of the change at one time.
type Evidence struct {
	Source string `json:"source" doc:"Who said it"`
	Time   Time   `json:"time" doc:"When"`
	Text   string `json:"text" doc:"What"`
}

// Clone returns a copy of c that shares nothing with it.
func (c Change) Clone() Change {
	if c.End != nil {
		end := *c.End
		c.End = &end
	}
	if c.Who != nil {
		who := *c.Who
		c.Who = &who
	}
	if c.Flag != nil {
		flag := *c.Flag
		c.Flag = &flag
	}
	c.Labels = maps.Clone(c.Labels)
	c.Links = slices.Clone(c.Links)
	c.Expect = slices.Clone(c.Expect)
	c.Evidence = slices.Clone(c.Evidence)
	return c
}

// Revision is one state that a change had in the log.
type Revision struct {
	Revision int    `json:"revision" doc:"Counts from 1"`
	Time     Time   `json:"time" doc:"When the log learned it"`
	By       string `json:"by" doc:"Who reported it: the token's name, or how the caller was known"`
	Change   Change `json:"change" doc:"The change as it stood"`
}

// Headline says in one line what changed: the title where there is one, and
// otherwise the kind with what it touched.
func (c Change) Headline() string {
	if c.Title != "" {
		return c.Title
	}
	parts := []string{c.Kind}
	for _, part := range []string{c.Service, c.Version} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if c.Flag != nil {
		parts = append(parts, c.Flag.headline())
	}
	return strings.Join(parts, " ")
}
