package changes

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var testLink = linker{base: "https://tidemark.example"}

// several returns a marker of many changes.
func several(changes ...Change) *marker {
	m := &marker{start: changes[0].Start, end: changes[0].Start}
	for _, mk := range marksFor(changes...) {
		m.add(mk)
	}
	return m
}

func TestAClusterListsWhatFailedAndWhatIsNew(t *testing.T) {
	var changes []Change
	for i := range 11 {
		c := lasting(deploy, "web", "production", succeeded, time.Hour-time.Duration(i)*time.Second, time.Hour-time.Duration(i)*time.Second)
		c.Version = fmt.Sprintf("v%d", i)
		if i == 10 {
			c.PreviousVersion = "v9"
		}
		if i == 0 {
			c.Status, c.Who.Name = failed, "ann"
		}
		changes = append(changes, c)
	}
	m := several(changes...)
	title, text := m.hover(testLink, noon)
	require.Equal(t, "11 deploys of web, 1 failed", title)
	lines := strings.Split(regexp.MustCompile(`</?a[^>]*>`).ReplaceAllString(text, ""), "<br>")
	require.Equal(t, []string{
		"11:00:00 UTC deploy web v0, failed, by ann",
		"11:00:10 UTC deploy web v10, v9 → v10", "11:00:09 UTC deploy web v9", "11:00:08 UTC deploy web v8", "11:00:07 UTC deploy web v7",
		"and 6 more",
	}, lines)
	require.Contains(t, text, `<a href="https://tidemark.example/changes?from=2026-11-23T11%3A00%3A00.000Z&amp;service=web&amp;to=2026-11-23T11%3A00%3A10.000Z"`)

	_, text = m.hover(linker{}, noon)
	require.NotContains(t, text, "<a ")
	require.Contains(t, text, "<br>and 6 more")

	// A mark that is several itself counts as all of them.
	merged := several(changes[1], changes[2])
	merged.marks[1].Count = 9
	merged.count = 10
	_, text = merged.hover(linker{}, noon)
	require.Contains(t, text, "newest of 9")
}

func TestOutcomes(t *testing.T) {
	f := func(status string, began, ended time.Duration, want string) {
		t.Helper()
		c := lasting(deploy, "web", "", status, began, ended)
		if status == running || status == planned {
			c.End = nil
		}
		require.Equal(t, want, c.outcome(noon))
	}
	f(succeeded, time.Hour, time.Hour, "succeeded")
	f(succeeded, time.Hour, 56*time.Minute+40*time.Second, "succeeded in 3m 20s")
	f(failed, 50*time.Hour, time.Hour, "failed after 2d 1h")
	f(cancelled, time.Minute, 0, "cancelled after 1m")
	f(lost, time.Second, 750*time.Millisecond, "lost after 250ms")
	f(running, 90*time.Minute, 0, "running for 1h 30m")
	f(planned, -time.Hour, 0, "planned")
}

func TestWhen(t *testing.T) {
	f := func(began, ended time.Duration, want string) {
		t.Helper()
		c := lasting(deploy, "", "", succeeded, began, ended)
		require.Equal(t, want, c.when())
	}
	f(time.Hour, time.Hour, "2026-11-23 11:00:00 UTC")
	f(time.Hour, 0, "2026-11-23 11:00:00 to 12:00:00 UTC")
	f(24*time.Hour, 0, "2026-11-22 12:00:00 to 2026-11-23 12:00:00 UTC")
}

// allowed is all that a tooltip may hold besides plain text.
var allowed = regexp.MustCompile(`<br>|</a>|<a href="https?://[^"<>]*" target="_blank" rel="noopener noreferrer">`)

// FuzzHover: whatever was reported, a tooltip holds no markup but its own.
func FuzzHover(f *testing.F) {
	f.Add("<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "javascript:alert(1)", "&lt;")
	f.Add("a", "b", `https://x.example/"onclick="alert(1)`, "\x00\xff")
	f.Add("a", "b", "https://x.example/?a=1&b=<2>", "data:text/html,x")
	f.Fuzz(func(t *testing.T, title, text, href, value string) {
		c := lasting(deploy, value, text, failed, time.Hour, 0)
		c.Title, c.Headline, c.Text, c.Contingency, c.Version, c.ID, c.Undoes, c.Who.Name = title, title, text, value, text, value, text, title
		c.Links = []Link{{Title: title, Href: href}, {Rel: value, Href: "https://x.example/" + href}}
		c.Flag = &Flag{Key: text, From: FlagValue(value), To: FlagValue(title)}
		for _, m := range []*marker{several(c), several(c, c)} {
			title, text := m.hover(testLink, noon)
			for _, part := range []string{title, text} {
				require.NotContains(t, allowed.ReplaceAllString(part, ""), "<")
				require.NotContains(t, allowed.ReplaceAllString(part, ""), ">")
			}
			require.NotContains(t, title, "<")
		}
	})
}
