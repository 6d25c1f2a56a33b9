package table

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// column is one column of a table of changes.
type column struct {
	title string
	// fixed is its width in a table of which the rows are not known yet, and
	// its greatest in one of which they are.
	fixed int
	// drop is how early the column is left out where not all fit; 0 for never.
	drop int
	cell func(annotate.Change, time.Time) string
}

// leastTitle and least are how narrow the title and other columns may become
// before a column is left out instead.
const (
	leastTitle = 16
	least      = 8
)

// gap is how far columns are apart.
const gap = 2

func columns() []column {
	return []column{
		{"WHEN", 19, 0, func(c annotate.Change, now time.Time) string { return c.Start.In(now.Location()).Format(time.DateTime) }},
		{"LASTED", 14, 2, lasted},
		{"KIND", 12, 6, func(c annotate.Change, _ time.Time) string { return c.Kind }},
		{"SERVICE", 20, 0, func(c annotate.Change, _ time.Time) string { return c.Service }},
		{"ENVIRONMENT", 14, 3, func(c annotate.Change, _ time.Time) string { return c.Environment }},
		{"VERSION", 24, 4, versions},
		{"WHO", 20, 1, who},
		{"STATUS", 9, 5, func(c annotate.Change, _ time.Time) string { return string(c.Status) }},
		{"TITLE", 80, 0, func(c annotate.Change, _ time.Time) string { return c.Headline() }},
	}
}

func who(c annotate.Change, _ time.Time) string {
	if c.Who == nil {
		return ""
	}
	return c.Who.Name
}

// versions returns the old version and the new, of a flag its values.
func versions(c annotate.Change, _ time.Time) string {
	if c.Flag != nil && c.Version == "" {
		return c.Flag.Step()
	}
	if c.PreviousVersion == "" {
		return c.Version
	}
	return c.PreviousVersion + " → " + c.Version
}

// lasted returns how long a change took, or has been going on.
func lasted(c annotate.Change, now time.Time) string {
	switch {
	case c.Status == annotate.Running:
		return "running " + Span(now.Sub(c.Start.Time))
	case c.End == nil || c.End.Equal(c.Start.Time):
		return ""
	}
	return Span(c.End.Sub(c.Start.Time))
}

// Span returns d in at most two units, as a person says it.
func Span(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return two(int(d/time.Minute), "m", int(d%time.Minute/time.Second), "s")
	case d < 24*time.Hour:
		return two(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "m")
	}
	return two(int(d/(24*time.Hour)), "d", int(d%(24*time.Hour)/time.Hour), "h")
}

func two(n int, unit string, m int, subunit string) string {
	if m == 0 {
		return fmt.Sprintf("%d%s", n, unit)
	}
	return fmt.Sprintf("%d%s%d%s", n, unit, m, subunit)
}

// Table writes changes in columns. Times are in the zone of now.
type Table struct {
	w       io.Writer
	columns []column
	widths  []int
	now     func() time.Time
	headed  bool
}

// New returns a Table that is as wide as its rows need, and at most width
// cells. Columns in which no row has anything are left out.
func New(w io.Writer, width int, now func() time.Time, rows []annotate.Change) *Table {
	t := &Table{w: w, now: now}
	at := now()
	for _, col := range columns() {
		need := 0
		for _, row := range rows {
			need = max(need, textWidth(Clean(col.cell(row, at))))
		}
		if need == 0 {
			continue
		}
		if col.title != "TITLE" {
			need = min(need, col.fixed)
		}
		t.columns = append(t.columns, col)
		t.widths = append(t.widths, max(need, len(col.title)))
	}
	t.fit(width)
	return t
}

// NewOpen returns a Table of rows that are still to come.
func NewOpen(w io.Writer, width int, now func() time.Time) *Table {
	t := &Table{w: w, columns: columns(), now: now}
	for _, col := range t.columns {
		t.widths = append(t.widths, col.fixed)
	}
	t.fit(width)
	return t
}

// fit narrows the columns until they fit into width, and leaves out the least
// important one as often as that is not enough. A terminal that is narrower
// still wraps the lines.
func (t *Table) fit(width int) {
	for {
		widths := slices.Clone(t.widths)
		if narrow(widths, width) {
			t.widths = widths
			return
		}
		first := -1
		for i, col := range t.columns {
			if col.drop > 0 && (first < 0 || col.drop < t.columns[first].drop) {
				first = i
			}
		}
		if first < 0 {
			t.widths = widths
			return
		}
		t.columns = slices.Delete(t.columns, first, first+1)
		t.widths = slices.Delete(t.widths, first, first+1)
	}
}

// narrow narrows columns of the widths given to fit into width: first the last,
// which has the title, then whichever is the widest. The first stays whole: it
// has the time. It reports whether they fit.
func narrow(widths []int, width int) bool {
	last := len(widths) - 1
	over := gap*last - width
	for _, w := range widths {
		over += w
	}
	if over <= 0 || last < 0 {
		return true
	}
	if room := widths[last] - leastTitle; room > 0 {
		taken := min(room, over)
		widths[last] -= taken
		over -= taken
	}
	for ; over > 0; over-- {
		widest := 0
		for i := 1; i < last; i++ {
			if widths[i] > least && (widest == 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest == 0 {
			return false
		}
		widths[widest]--
	}
	return true
}

// Write writes one row, and the head before the first.
func (t *Table) Write(c annotate.Change) error {
	if !t.headed {
		t.headed = true
		if err := t.line(func(col column) string { return col.title }); err != nil {
			return err
		}
	}
	at := t.now()
	return t.line(func(col column) string { return col.cell(c, at) })
}

func (t *Table) line(cell func(column) string) error {
	var b strings.Builder
	for i, col := range t.columns {
		text := cut(Clean(cell(col)), t.widths[i])
		b.WriteString(text)
		if i < len(t.columns)-1 {
			b.WriteString(strings.Repeat(" ", t.widths[i]-textWidth(text)+gap))
		}
	}
	_, err := fmt.Fprintln(t.w, strings.TrimRight(b.String(), " "))
	return err
}
