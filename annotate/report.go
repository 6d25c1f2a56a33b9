package annotate

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Report is what a sender says of a change. What it leaves empty it does not
// speak of: a new change takes the default, a known one stays as it was.
type Report struct {
	Source     string `json:"source,omitempty" doc:"Your name for yourself; the token's name where it is not given"`
	ExternalID string `json:"external_id,omitempty" doc:"Your own id for the change: a second report with the same source and external_id updates the first"`

	// At is when the sender said it; zero for now. What is said of a change with an
	// ExternalID is put in the order of it, however late it comes.
	At Time `json:"-"`
	// Seq orders what was said at the same At, where the sender counts; 0 where it does not.
	Seq int64 `json:"-"`

	Kind  string `json:"kind,omitempty" doc:"deploy, flag, config, incident, maintenance, drill, restart, or a word of your own"`
	Title string `json:"title,omitempty" doc:"One line"`
	Text  string `json:"text,omitempty" doc:"As much as needed"`

	Start Time `json:"start,omitzero" doc:"When it began; now where it is not given"`
	End   Time `json:"end,omitzero" doc:"When it ended"`

	Status Status `json:"status,omitempty" doc:"Where it is not given: planned if start is to come, running if end is, and else succeeded"`
	Who    *Who   `json:"who,omitempty" doc:"Who made the change"`

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
	Undoes      string `json:"undoes,omitempty" doc:"The id of the change that this one takes back"`

	Evidence []Evidence `json:"evidence,omitempty" doc:"What a source said, and when; added to what is there"`
}

// UnmarshalJSON implements json.Unmarshaler: a plain string is a name.
func (w *Who) UnmarshalJSON(b []byte) error {
	*w = Who{}
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &w.Name)
	}
	type plain Who
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	return dec.Decode((*plain)(w))
}

// New returns the change that r begins when it arrives at now. The id and the
// log's own account of it are the log's to fill in.
func (r Report) New(now time.Time) Change {
	return r.Update(Change{}, now)
}

// Update returns c as it stands once r was heard at now; c itself stays as it
// is. A report moves a change onward and never back: the retry of an opening
// report does not reopen a change that has ended. To do that, amend it.
func (r Report) Update(c Change, now time.Time) Change {
	known := !c.Start.IsZero()
	c = c.Clone()
	r.Start, r.End = At(r.Start.Time), At(r.End.Time)
	r.say(&c)
	if known {
		r.progress(&c, now)
	} else {
		r.begin(&c, now)
	}
	return c
}

// say puts into c all that r says, but for its status and times.
func (r Report) say(c *Change) {
	set := func(field *string, said string) {
		if said != "" {
			*field = said
		}
	}
	set(&c.Source, r.Source)
	set(&c.ExternalID, r.ExternalID)
	set(&c.Kind, r.Kind)
	set(&c.Title, r.Title)
	set(&c.Text, r.Text)
	set(&c.Service, r.Service)
	set(&c.Environment, r.Environment)
	set(&c.Version, r.Version)
	set(&c.PreviousVersion, r.PreviousVersion)
	set(&c.Commit, r.Commit)
	set(&c.Risk, r.Risk)
	set(&c.Contingency, r.Contingency)
	set(&c.Undoes, r.Undoes)
	if r.Who != nil {
		who := *r.Who
		c.Who = &who
	}
	if r.Flag != nil {
		flag := *r.Flag
		c.Flag = &flag
	}
	if len(r.Labels) > 0 {
		if c.Labels == nil {
			c.Labels = make(map[string]string, len(r.Labels))
		}
		maps.Copy(c.Labels, r.Labels)
	}
	for _, link := range r.Links {
		if at := slices.IndexFunc(c.Links, func(l Link) bool { return l.Href == link.Href }); at >= 0 {
			c.Links[at] = link
		} else {
			c.Links = append(c.Links, link)
		}
	}
	if len(r.Expect) > 0 {
		c.Expect = slices.Clone(r.Expect)
	}
	for _, e := range r.Evidence {
		e.Time = At(e.Time.Time)
		if !slices.Contains(c.Evidence, e) {
			c.Evidence = append(c.Evidence, e)
		}
	}
}

// begin sets the status and times of a change that the log did not know.
func (r Report) begin(c *Change, now time.Time) {
	c.Start, c.Status = r.Start, r.Status
	if c.Start.IsZero() {
		c.Start = At(now)
		if !r.End.IsZero() && r.End.Before(now) {
			c.Start = r.End // a report that speaks of the end alone
		}
	}
	if !r.End.IsZero() {
		c.End = &r.End
	}
	if c.Status == "" {
		switch {
		case c.Start.After(now):
			c.Status = Planned
		case c.End != nil && c.End.After(now):
			c.Status = Running
		default:
			c.Status = Succeeded
		}
	}
	if c.End == nil && c.Status.Ended() {
		end := c.Start
		c.End = &end
	}
}

// progress moves the status and times of a change that the log knows.
func (r Report) progress(c *Change, now time.Time) {
	if !r.Start.IsZero() {
		c.Start = r.Start
	}
	if r.Status != "" && rank(r.Status) < rank(c.Status) {
		return
	}
	if !r.End.IsZero() {
		c.End = &r.End
		if r.Status == "" && !c.Status.Ended() && !r.End.After(now) {
			c.Status = Succeeded
		}
	}
	if r.Status != "" {
		moveTo(c, r.Status, !r.Start.IsZero(), !r.End.IsZero(), now)
	}
}

// moveTo gives c the status to, and now as the time of what thereby happened,
// where nobody said when it did.
func moveTo(c *Change, to Status, startSaid, endSaid bool, now time.Time) {
	from := c.Status
	c.Status = to
	if from == Planned && to == Running && !startSaid && c.Start.After(now) {
		c.Start = At(now)
	}
	if !to.Ended() || endSaid {
		return
	}
	if c.End == nil || c.End.After(now) {
		end := At(now)
		if end.Before(c.Start.Time) {
			end = c.Start // cancelled before it began
		}
		c.End = &end
	}
}

// rank orders the statuses by how far along they are. Lost comes before the
// ends that somebody saw: whoever did see it knows better.
func rank(s Status) int {
	switch s {
	case Planned:
		return 0
	case Running:
		return 1
	case Lost:
		return 2
	default:
		return 3
	}
}
