package changes

import (
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// linker makes links to the server's pages.
type linker struct{ base string } // empty for none

// change returns the page of one change, or nothing.
func (l linker) change(id string) string {
	if l.base == "" || id == "" {
		return ""
	}
	return l.base + "/changes/" + url.PathEscape(id)
}

// list returns the page of the changes during s, or nothing.
func (l linker) list(s span, service string) string {
	if l.base == "" {
		return ""
	}
	p := url.Values{"from": {timeParam(s.from)}, "to": {timeParam(s.to)}}
	if service != "" {
		p.Set("service", service)
	}
	return l.base + "/changes?" + p.Encode()
}

// The bounds of a tooltip.
const (
	maxListed   = 5   // changes of a cluster
	maxNoted    = 280 // bytes of a change's text
	maxLinkName = 60
)

// tooltip writes the text of markers as HTML. All that was reported is escaped.
type tooltip struct {
	strings.Builder
	link linker
	now  time.Time
}

// hover returns what to read when pointing at m: the title, and what is below
// it.
func (m *marker) hover(link linker, now time.Time) (title, text string) {
	t := &tooltip{link: link, now: now}
	t.Grow(512)
	if m.count == 1 {
		c := &m.marks[0].Change
		t.whole(c)
		return html.EscapeString(c.Headline), t.String()
	}
	t.several(m)
	return html.EscapeString(m.summary()), t.String()
}

// whole writes all that matters of one change.
func (t *tooltip) whole(c *Change) {
	t.line(c.what())
	t.line(c.news())
	t.line(c.outcome(t.now))
	t.line(c.when())
	t.line(excerpt(c.Text, maxNoted))
	if c.Status == failed || c.Status == running || c.Status == lost {
		t.line(labelled("If it goes wrong: ", excerpt(c.Contingency, maxNoted)))
	}
	t.links(c)
}

// several writes the newest changes of a cluster, those that failed first.
func (t *tooltip) several(m *marker) {
	listed := slices.SortedStableFunc(slices.Values(m.marks), func(a, b *mark) int {
		switch {
		case a.Status == failed && b.Status != failed:
			return -1
		case b.Status == failed && a.Status != failed:
			return 1
		}
		return b.Change.Start.Compare(a.Change.Start)
	})
	listed = listed[:min(len(listed), maxListed)]
	for _, mk := range listed {
		t.item(mk, m.start)
	}
	if rest := m.count - len(listed); rest > 0 {
		t.next()
		t.anchor(t.link.list(m.during(), m.service()), "and "+strconv.Itoa(rest)+" more")
	}
}

// item writes one change of several, which begin at start, in a line.
func (t *tooltip) item(mk *mark, start time.Time) {
	c := &mk.Change
	t.next()
	layout := "15:04:05 UTC "
	if c.Start.UTC().YearDay() != start.UTC().YearDay() {
		layout = "Jan 2 15:04:05 UTC "
	}
	t.WriteString(c.Start.UTC().Format(layout))
	t.anchor(t.link.change(c.ID), c.Headline)
	var notes []string
	if c.Title != "" {
		notes = append(notes, c.what())
	}
	if news := c.news(); news != "" {
		notes = append(notes, news)
	}
	if c.Status != succeeded {
		notes = append(notes, c.Status)
	}
	if c.Who.Name != "" {
		notes = append(notes, "by "+c.Who.Name)
	}
	if mk.Count > 1 {
		notes = append(notes, "newest of "+strconv.Itoa(mk.Count))
	}
	if len(notes) > 0 {
		t.WriteString(html.EscapeString(", " + strings.Join(notes, ", ")))
	}
}

// links writes where to read more, on one line.
func (t *tooltip) links(c *Change) {
	links := make([]Link, 0, len(c.Links)+2)
	links = append(links, Link{Title: "Details", Href: t.link.change(c.ID)}, Link{Title: "What it takes back", Href: t.link.change(c.Undoes)})
	between := t.next
	for _, l := range append(links, c.Links...) {
		if l.safe() {
			between()
			t.anchor(l.Href, excerpt(l.name(), maxLinkName))
			between = func() { t.WriteString(" · ") }
		}
	}
}

func (t *tooltip) next() {
	if t.Len() > 0 {
		t.WriteString("<br>")
	}
}

// line writes a line of plain text, and none for nothing.
func (t *tooltip) line(text string) {
	if text == "" {
		return
	}
	t.next()
	t.WriteString(strings.ReplaceAll(html.EscapeString(text), "\n", "<br>"))
}

// anchor writes a link, or its text alone where it leads nowhere.
func (t *tooltip) anchor(href, text string) {
	if href != "" {
		t.WriteString(`<a href="`)
		t.WriteString(html.EscapeString(href))
		t.WriteString(`" target="_blank" rel="noopener noreferrer">`)
		defer t.WriteString("</a>")
	}
	t.WriteString(html.EscapeString(text))
}
