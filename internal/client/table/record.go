package table

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// Record writes one change whole, a line for each thing that is known of it.
// Times are in the zone of now.
func Record(w io.Writer, c annotate.Change, now time.Time) error {
	var lines [][2]string
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, [2]string{name, value})
		}
	}
	local := func(t annotate.Time) string {
		return t.In(now.Location()).Format("2006-01-02 15:04:05.000 -0700")
	}
	add("id", c.ID)
	add("kind", c.Kind)
	add("title", c.Title)
	add("status", string(c.Status))
	add("start", local(c.Start))
	if c.End != nil {
		add("end", local(*c.End))
	}
	add("lasted", lasted(c, now))
	add("who", who(c, now))
	add("service", c.Service)
	add("environment", c.Environment)
	add("version", c.Version)
	add("replaces", c.PreviousVersion)
	add("commit", c.Commit)
	if c.Flag != nil {
		add("flag", c.Flag.String())
	}
	for _, name := range slices.Sorted(maps.Keys(c.Labels)) {
		add("label", name+"="+c.Labels[name])
	}
	for _, link := range c.Links {
		add("link", strings.TrimSpace(link.Rel+" "+link.Href+" "+link.Title))
	}
	for _, e := range c.Expect {
		within := ""
		if e.Within != "" {
			within = " within " + e.Within
		}
		add("expect", strings.TrimSpace(e.Expr+" "+e.Direction+within+" "+e.Note))
	}
	add("risk", c.Risk)
	add("contingency", c.Contingency)
	add("undoes", c.Undoes)
	if c.Source != "" {
		add("source", strings.TrimSpace(c.Source+" "+c.ExternalID))
	}
	for _, e := range c.Evidence {
		add("evidence", local(e.Time)+" "+e.Source+": "+e.Text)
	}
	add("recorded", local(c.Recorded))
	if c.Revision > 1 {
		add("updated", fmt.Sprintf("%s, revision %d", local(c.Updated), c.Revision))
	}
	for _, line := range strings.Split(c.Text, "\n") {
		add("text", line)
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(w, "%-12s %s\n", line[0], Clean(line[1])); err != nil {
			return err
		}
	}
	return nil
}

// Revisions writes the states that a change had, one a line. Times are in the
// zone of now.
func Revisions(w io.Writer, revisions []annotate.Revision, now time.Time) error {
	for _, r := range revisions {
		_, err := fmt.Fprintf(w, "%-4d %s  %-9s  by %s: %s\n", r.Revision, r.Time.In(now.Location()).Format(time.DateTime),
			Clean(string(r.Change.Status)), Clean(r.By), Clean(r.Change.Headline()))
		if err != nil {
			return err
		}
	}
	return nil
}
