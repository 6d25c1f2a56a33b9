package table

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

func now() time.Time {
	return time.Date(2026, 5, 6, 12, 0, 0, 0, time.FixedZone("", 2*3600))
}

func at(ago time.Duration) annotate.Time { return annotate.At(now().Add(-ago)) }

func end(ago time.Duration) *annotate.Time {
	t := at(ago)
	return &t
}

func changes() []annotate.Change {
	return []annotate.Change{
		{Kind: "deploy", Start: at(3 * time.Minute), Status: annotate.Running, Service: "web", Environment: "production", Version: "v42", PreviousVersion: "v41", Who: &annotate.Who{Name: "Ada"}, Title: "Faster search"},
		{Kind: "flag", Start: at(time.Hour), End: end(time.Hour), Status: annotate.Succeeded, Flag: &annotate.FlagChange{Key: "search", From: false, To: true}},
		{Kind: "incident", Start: at(26 * time.Hour), End: end(2 * time.Hour), Status: annotate.Failed, Service: "検索", Title: "evil \x1b[2J\u202etitle\nof two lines"},
	}
}

func write(t *testing.T, table *Table, b *strings.Builder, rows []annotate.Change) string {
	t.Helper()
	for _, row := range rows {
		require.NoError(t, table.Write(row))
	}
	return "\n" + b.String()
}

func TestTable(t *testing.T) {
	var b strings.Builder
	require.Equal(t, `
WHEN                 LASTED      KIND      SERVICE  ENVIRONMENT  VERSION       WHO  STATUS     TITLE
2026-05-06 11:57:00  running 3m  deploy    web      production   v41 → v42     Ada  running    Faster search
2026-05-06 11:00:00              flag                            false → true       succeeded  flag search: false → true
2026-05-05 10:00:00  1d          incident  検索                                     failed     evil �[2J�title of two lines
`, write(t, New(&b, 200, now, changes()), &b, changes()))
}

func TestTableFitsTheTerminal(t *testing.T) {
	for _, width := range []int{100, 90, 80, 70, 50} {
		for name, table := range map[string]func(io.Writer) *Table{
			"closed": func(w io.Writer) *Table { return New(w, width, now, changes()) },
			"open":   func(w io.Writer) *Table { return NewOpen(w, width+20, now) },
		} {
			var b strings.Builder
			out := write(t, table(&b), &b, changes())
			limit := width
			if name == "open" {
				limit += 20
			}
			for _, line := range strings.Split(out, "\n") {
				require.LessOrEqual(t, textWidth(line), limit, line)
			}
			require.Contains(t, out, "2026-05-06 11:57:00", "the time stays whole")
			require.Contains(t, out, "Faster search")
			require.Contains(t, out, "web")
		}
	}
}

func TestTableLeavesOutEmptyColumns(t *testing.T) {
	var b strings.Builder
	rows := []annotate.Change{{Kind: "drill", Start: at(0), End: end(0), Status: annotate.Succeeded}}
	require.Equal(t, `
WHEN                 KIND   STATUS     TITLE
2026-05-06 12:00:00  drill  succeeded  drill
`, write(t, New(&b, 80, now, rows), &b, rows))
}

func TestTableOfNothing(t *testing.T) {
	var b strings.Builder
	require.Equal(t, "\n", write(t, New(&b, 80, now, nil), &b, nil))
}

func TestSpan(t *testing.T) {
	f := func(d time.Duration, want string) {
		t.Helper()
		require.Equal(t, want, Span(d))
	}
	f(-time.Second, "0s")
	f(250*time.Millisecond, "250ms")
	f(1250*time.Millisecond, "1.2s")
	f(12*time.Second+999*time.Millisecond, "12s")
	f(3*time.Minute, "3m")
	f(3*time.Minute+5*time.Second, "3m5s")
	f(2*time.Hour+30*time.Minute+5*time.Second, "2h30m")
	f(49*time.Hour, "2d1h")
}

func TestRecord(t *testing.T) {
	var b strings.Builder
	c := changes()[2]
	c.ID, c.Revision, c.Updated, c.Recorded = "0192", 2, at(0), at(time.Hour)
	c.Labels = map[string]string{"b": "2", "a": "1"}
	c.Links = []annotate.Link{{Rel: "run", Href: "https://ci.example/1"}}
	c.Text = "first\nsecond"
	require.NoError(t, Record(&b, c, now()))
	require.Equal(t, `
id           0192
kind         incident
title        evil �[2J�title of two lines
status       failed
start        2026-05-05 10:00:00.000 +0200
end          2026-05-06 10:00:00.000 +0200
lasted       1d
service      検索
label        a=1
label        b=2
link         run https://ci.example/1
recorded     2026-05-06 11:00:00.000 +0200
updated      2026-05-06 12:00:00.000 +0200, revision 2
text         first
text         second
`, "\n"+b.String())
}

func TestJSONEscapesWhatATerminalObeys(t *testing.T) {
	var b strings.Builder
	in := map[string]string{"a": "<\x1b[2J\u009b2J\x7f\u202e>検"}
	require.NoError(t, JSON(&b, in))
	require.Equal(t, `{"a":"<\u001b[2J\u009b2J\u007f\u202e>検"}`+"\n", b.String())
	var out map[string]string
	require.NoError(t, json.Unmarshal([]byte(b.String()), &out))
	require.Equal(t, in, out)
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b]0;title\x07b", 10)
	f.Add("検索\u0301", 3)
	f.Add("\xff\xfe", 1)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = max(0, min(limit, 1000))
		out := cut(Clean(s), limit)
		require.LessOrEqual(t, textWidth(out), limit)
		for _, r := range out {
			require.False(t, isHostile(r), "%q", out)
		}
	})
}

func BenchmarkTable(b *testing.B) {
	rows := changes()
	b.ReportAllocs()
	for b.Loop() {
		table := New(io.Discard, 120, now, rows)
		for _, row := range rows {
			if err := table.Write(row); err != nil {
				b.Fatal(err)
			}
		}
	}
}
