package changes

import (
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// Change is what is read of a change in the log.
type Change struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Title string `json:"title"`
	// Headline says in one line what changed: the title where there is one.
	Headline string     `json:"headline"`
	Text     string     `json:"text"`
	Start    time.Time  `json:"start"`
	End      *time.Time `json:"end"` // nil while it goes on
	Status   string     `json:"status"`

	Who struct {
		Name string `json:"name"`
		Type string `json:"type"`
	} `json:"who"`

	Service         string            `json:"service"`
	Environment     string            `json:"environment"`
	Labels          map[string]string `json:"labels"`
	Version         string            `json:"version"`
	PreviousVersion string            `json:"previous_version"`
	Commit          string            `json:"commit"`
	Flag            *Flag             `json:"flag"`
	Links           []Link            `json:"links"`
	Risk            string            `json:"risk"`
	Contingency     string            `json:"contingency"`
	Undoes          string            `json:"undoes"`
}

// Flag is a flag's value before and after a change.
type Flag struct {
	Key  string    `json:"key"`
	From FlagValue `json:"from"`
	To   FlagValue `json:"to"`
}

// FlagValue is a flag's value in words; empty where there is none.
type FlagValue string

// UnmarshalJSON implements json.Unmarshaler.
func (v *FlagValue) UnmarshalJSON(b []byte) (err error) {
	*v, err = flagValueOf(b)
	return err
}

// Link points from a change to something about it.
type Link struct {
	Rel   string `json:"rel"`
	Title string `json:"title"`
	Href  string `json:"href"`
}

// safe reports whether l leads to a web page, and not to a script.
func (l Link) safe() bool {
	u, err := url.Parse(l.Href)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// name is what to show for l.
func (l Link) name() string {
	switch {
	case l.Title != "":
		return l.Title
	case l.Rel != "":
		return l.Rel
	}
	return l.Href
}

// The statuses of a change.
const (
	planned   = "planned"
	running   = "running"
	succeeded = "succeeded"
	failed    = "failed"
	cancelled = "cancelled"
	lost      = "lost"
)

// The kinds of change that are drawn in a colour of their own.
const (
	deploy      = "deploy"
	flagFlip    = "flag"
	configPush  = "config"
	incident    = "incident"
	maintenance = "maintenance"
	drill       = "drill"
	restart     = "restart"
)

// step says what f went from and to.
func (f *Flag) step() string {
	if f.To == "" && f.From == "" {
		return f.Key
	}
	return f.Key + ": " + transition(string(f.From), string(f.To))
}

// transition writes a step between two values, either of which may be unknown.
func transition(from, to string) string {
	switch {
	case from == "":
		return to
	case to == "":
		return from + " → ?"
	}
	return from + " → " + to
}

// duration is how long c lasted, or has lasted up to now.
func (c *Change) duration(now time.Time) time.Duration {
	end := now
	if c.End != nil {
		end = *c.End
	}
	return max(0, end.Sub(c.Start))
}

// safeLinks returns the links of c that lead to web pages.
func (c *Change) safeLinks() []Link {
	var safe []Link
	for _, l := range c.Links {
		if l.safe() {
			safe = append(safe, l)
		}
	}
	return safe
}

// excerpt returns text cut to about limit bytes.
func excerpt(text string, limit int) string {
	text = strings.TrimSpace(text)
	if len(text) <= limit {
		return text
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strings.TrimSpace(text[:cut]) + "…"
}
