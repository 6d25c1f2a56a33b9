package changes

import (
	"net/url"
	"slices"
	"time"
)

// Filter selects changes. Each part narrows the choice; within a list, any one
// of the values will do. The zero Filter selects all.
type Filter struct {
	Kinds        []string          `json:"kinds"`
	Services     []string          `json:"services"`
	Environments []string          `json:"environments"`
	Statuses     []string          `json:"statuses"`
	Who          []string          `json:"who"`
	Labels       map[string]string `json:"labels"`
	// Text selects the changes that have each of its words somewhere.
	Text string `json:"text"`

	// NoService and NoEnvironment select what names none as well.
	NoService     bool `json:"-"`
	NoEnvironment bool `json:"-"`
}

// params returns f as the server's query parameters. The server refuses empty
// values, which a variable without a choice leaves behind.
func (f Filter) params() url.Values {
	p := make(url.Values)
	add := func(name string, values []string) {
		for _, v := range values {
			if v != "" {
				p.Add(name, v)
			}
		}
	}
	add("kind", f.Kinds)
	add("service", f.Services)
	add("environment", f.Environments)
	if f.NoService {
		add("none", []string{"service"})
	}
	if f.NoEnvironment {
		add("none", []string{"environment"})
	}
	add("status", f.Statuses)
	add("who", f.Who)
	for name, value := range f.Labels {
		if name != "" {
			add("label."+name, []string{value})
		}
	}
	add("q", []string{f.Text})
	return p
}

// during returns f's parameters for what overlaps s.
func (f Filter) during(s span) url.Values {
	p := f.params()
	p.Set("from", timeParam(s.from))
	p.Set("to", timeParam(s.to))
	return p
}

// at returns f's parameters for what had begun at t.
func (f Filter) at(t time.Time) url.Values {
	p := f.params()
	p.Set("at", timeParam(t))
	return p
}

// byGroup reports whether the group of a change decides if f selects it.
func (f Filter) byGroup() bool {
	return len(f.Who) == 0 && len(f.Labels) == 0 && f.Text == ""
}

// selects reports whether f selects the changes of g, as far as their group
// says.
func (f Filter) selects(g group) bool {
	return anyOf(f.Kinds, g.kind) && anyOf(f.Services, g.service) &&
		anyOf(f.Environments, g.environment) && anyOf(f.Statuses, g.status)
}

// anyOf reports whether values hold value, or nothing that narrows.
func anyOf(values []string, value string) bool {
	narrows := false
	for _, v := range values {
		if v == value && v != "" {
			return true
		}
		narrows = narrows || v != ""
	}
	return !narrows
}

// anyOfOrGlobal is anyOf for a place, where none is everywhere.
func anyOfOrGlobal(places []string, place string) bool {
	return place == "" || len(places) == 0 || slices.Contains(places, place)
}

// timeParam returns t as the server reads it.
func timeParam(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
