package table

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
)

// FlagRow is what a list of flags shows of one.
type FlagRow struct {
	Flag   flag.Flag
	Shares flag.Shares
}

// Flags writes flags in columns.
func Flags(w io.Writer, rows []FlagRow, now time.Time) error {
	if len(rows) == 0 {
		return nil
	}
	t := columnsOf(w, "KEY", "ENVIRONMENT", "GIVES", "RULES", "OWNER", "CHANGED", "BY")
	for _, row := range rows {
		f, about := row.Flag, flag.MetadataOf(row.Flag.Definition)
		rules := 0
		if f.Definition.Rules != nil {
			rules = len(*f.Definition.Rules)
		}
		t.row(f.Key, f.Environment, Shares(row.Shares)+plans(f, now), fmt.Sprint(rules), about.Owner,
			f.Updated.In(now.Location()).Format(time.DateTime), f.By)
	}
	return t.Flush()
}

// Shares says who gets what: one variation, or the percentage of each.
func Shares(s flag.Shares) string { return annotate.FlagChange{To: s.LogValue()}.Step() }

// plans says what is yet to happen to a flag.
func plans(f flag.Flag, now time.Time) string {
	var said []string
	if r := f.Ramp; r != nil {
		said = append(said, fmt.Sprintf("ramp of %s to %v%% until %s", r.Variation, r.To, r.End.In(now.Location()).Format(time.DateTime)))
	}
	if n := len(f.Schedule); n > 0 {
		said = append(said, fmt.Sprintf("%d planned", n))
	}
	if len(said) == 0 {
		return ""
	}
	return " (" + strings.Join(said, ", ") + ")"
}

// Plans writes what is planned for a flag, with the ids by which it is taken back.
func Plans(w io.Writer, f flag.Flag, now time.Time) error {
	if len(f.Schedule) == 0 {
		return nil
	}
	t := columnsOf(w, "PLANNED", "WHAT", "BY", "ID")
	for _, s := range f.Schedule {
		t.row(s.At.In(now.Location()).Format(time.DateTime), s.Do.String(), s.By, s.ID)
	}
	return t.Flush()
}

// FlagHistory writes the revisions of a flag, as they are given.
func FlagHistory(w io.Writer, revisions []control.Revision, now time.Time) error {
	t := columnsOf(w, "REVISION", "WHEN", "BY", "GIVES", "CHANGE")
	for _, r := range revisions {
		gives := "deleted"
		if !r.Deleted {
			gives = Shares(r.Flag.Shares(r.Flag.Updated.Time)) + plans(r.Flag, now)
		}
		t.row(fmt.Sprint(r.Flag.Revision), r.Flag.Updated.In(now.Location()).Format(time.DateTime), r.Flag.By, gives, r.Flag.Change)
	}
	return t.Flush()
}

// Findings writes what is to be said about flags.
func Findings(w io.Writer, findings []flag.Finding) error {
	t := columnsOf(w, "FLAG", "ENVIRONMENT", "FINDING", "WHAT TO DO")
	for _, f := range findings {
		t.row(f.Key, f.Environment, f.Code, f.Message)
	}
	return t.Flush()
}

// plain is a table of texts, whose columns are as wide as they need.
type plain struct{ *tabwriter.Writer }

func columnsOf(w io.Writer, titles ...string) plain {
	t := plain{tabwriter.NewWriter(w, 0, 0, gap, ' ', tabwriter.StripEscape)}
	t.row(titles...)
	return t
}

func (p plain) row(cells ...string) {
	for i := range cells {
		cells[i] = strings.ReplaceAll(Clean(cells[i]), "\t", " ")
	}
	fmt.Fprintln(p.Writer, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
}
