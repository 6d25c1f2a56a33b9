package annotate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

func TestValidateNamesTheFieldAndWhatWouldBeRight(t *testing.T) {
	f := func(field, hint string, spoil func(*annotate.Report)) {
		t.Helper()
		r := annotate.Report{Kind: "deploy", Source: "ci", Service: "web"}
		spoil(&r)
		err := r.New(now).Validate(now)
		var e *annotate.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, annotate.Invalid, e.Code)
		require.Equal(t, field, e.Field)
		require.Contains(t, e.Message, hint)
	}
	long := strings.Repeat("x", 20_000)
	f("kind", "is missing; say deploy", func(r *annotate.Report) { r.Kind = "" })
	f("kind", "one lower-case word", func(r *annotate.Report) { r.Kind = "Big Bang" })
	f("status", "planned, running", func(r *annotate.Report) { r.Status = "done" })
	f("source", "together with its source", func(r *annotate.Report) { r.Source, r.ExternalID = "", "1" })
	f("start", "more than a year ahead", func(r *annotate.Report) { r.Start = at(2 * 366 * 24 * time.Hour) })
	f("start", "before 1990", func(r *annotate.Report) { r.Start = annotate.At(time.Unix(1, 0)) })
	f("start", "still to come", func(r *annotate.Report) { r.Start, r.Status = at(time.Hour), annotate.Running })
	f("end", "is before start", func(r *annotate.Report) { r.Start, r.End = at(-time.Minute), at(-time.Hour) })
	f("end", "still to come", func(r *annotate.Report) { r.End, r.Status = at(time.Hour), annotate.Succeeded })
	f("end", "in the past", func(r *annotate.Report) {
		r.Start, r.End, r.Status = at(-2*time.Hour), at(-time.Hour), annotate.Running
	})
	f("title", "at most 300", func(r *annotate.Report) { r.Title = long })
	f("title", "one line", func(r *annotate.Report) { r.Title = "a\nb" })
	f("text", "at most 16384", func(r *annotate.Report) { r.Text = long })
	f("text", "UTF-8", func(r *annotate.Report) { r.Text = "\xff" })
	f("service", "one line", func(r *annotate.Report) { r.Service = "a\x1b[31m" })
	f("who.name", "is empty", func(r *annotate.Report) { r.Who = &annotate.Who{} })
	f("who.type", "person or machine", func(r *annotate.Report) { r.Who = &annotate.Who{Name: "a", Type: "robot"} })
	f("labels.two words", "no label name", func(r *annotate.Report) { r.Labels = map[string]string{"two words": "1"} })
	f("labels.a", "at most 1000", func(r *annotate.Report) { r.Labels = map[string]string{"a": long} })
	f("labels", "at most 50", func(r *annotate.Report) {
		r.Labels = map[string]string{}
		for i := range 51 {
			r.Labels["a"+strings.Repeat("b", i)] = "1"
		}
	})
	f("flag.key", "which flag", func(r *annotate.Report) { r.Flag = &annotate.FlagChange{} })
	f("flag.to", "at most 4096", func(r *annotate.Report) { r.Flag = &annotate.FlagChange{Key: "a", To: long} })
	f("links[1].href", "absolute http", func(r *annotate.Report) {
		r.Links = []annotate.Link{{Href: "https://a/"}, {Href: "javascript:alert(1)"}}
	})
	f("links", "at most 20", func(r *annotate.Report) {
		for i := range 21 {
			r.Links = append(r.Links, annotate.Link{Href: "https://a/" + strings.Repeat("b", i)})
		}
	})
	f("expect[0].expr", "PromQL", func(r *annotate.Report) { r.Expect = []annotate.Expectation{{Direction: "up"}} })
	f("expect[0].direction", "up, down or same", func(r *annotate.Report) { r.Expect = []annotate.Expectation{{Expr: "up", Direction: "left"}} })
	f("expect[0].within", "10m", func(r *annotate.Report) {
		r.Expect = []annotate.Expectation{{Expr: "up", Direction: "up", Within: "soon"}}
	})
	f("undoes", "a UUID", func(r *annotate.Report) { r.Undoes = "the last one" })
}

func TestValidateTakesAClockThatIsAFewMinutesOff(t *testing.T) {
	r := annotate.Report{Kind: "deploy", Status: annotate.Running, Start: at(5 * time.Minute)}
	require.NoError(t, r.New(now).Validate(now))
}
