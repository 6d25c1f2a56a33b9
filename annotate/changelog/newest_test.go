package changelog_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

func TestNewest(t *testing.T) {
	l := fresh(t)
	record(t, l, annotate.Report{Title: "a", Service: "web", Start: ago(time.Hour)})
	record(t, l, annotate.Report{Title: "b", Service: "web", Start: ago(2 * time.Hour)})
	record(t, l, annotate.Report{Title: "c", Service: "api", Start: ago(3 * time.Hour), Status: annotate.Failed})
	record(t, l, annotate.Report{Title: "planned", Service: "api", Start: annotate.At(time.Now().Add(time.Hour)), Status: annotate.Planned})
	flip := func(title, service, environment, key string, hours int) annotate.Change {
		return record(t, l, annotate.Report{
			Kind: "flag", Title: title, Service: service, Environment: environment, Start: ago(time.Duration(hours) * time.Hour),
			Flag: &annotate.FlagChange{Key: key},
		})
	}
	flip("d", "web", "production", "cart", 5)
	flip("e", "web", "production", "cart", 4)
	flip("f", "web", "test", "cart", 6)
	flip("g", "web", "test", "dark", 7)
	corrected := flip("h", "web", "test", "drak", 8)

	f := func(filter annotate.Filter, per annotate.Per, want ...string) {
		t.Helper()
		answer, err := l.Newest(t.Context(), filter, per)
		require.NoError(t, err)
		require.NotNil(t, answer.Changes)
		var got []string
		for _, c := range answer.Changes {
			got = append(got, c.Title)
		}
		require.Equal(t, want, got)
	}
	at := func(hours int) annotate.Filter { return annotate.Filter{To: ago(time.Duration(hours) * time.Hour)} }
	f(annotate.Filter{}, annotate.PerNothing, "a")
	f(annotate.Filter{Services: []string{"api"}}, annotate.PerNothing, "c")
	f(annotate.Filter{Statuses: []annotate.Status{annotate.Failed}}, annotate.PerNothing, "c")
	f(annotate.Filter{Statuses: []annotate.Status{annotate.Planned}}, annotate.PerNothing)
	f(at(2), annotate.PerNothing, "b")
	f(at(-2), annotate.PerNothing, "a")
	f(annotate.Filter{}, annotate.PerService, "a", "c")
	f(at(3), annotate.PerService, "c", "e")
	f(annotate.Filter{Services: []string{"none"}}, annotate.PerService)
	f(annotate.Filter{}, annotate.PerFlag, "e", "f", "g", "h")
	f(at(5), annotate.PerFlag, "d", "f", "g", "h")
	f(annotate.Filter{Environments: []string{"test"}}, annotate.PerFlag, "f", "g", "h")

	_, err := l.Amend(t.Context(), "test", corrected.ID, annotate.Patch{Set: annotate.Report{Flag: &annotate.FlagChange{Key: "dark"}}})
	require.NoError(t, err)
	f(annotate.Filter{}, annotate.PerFlag, "e", "f", "g")

	_, err = l.Newest(t.Context(), annotate.Filter{}, "host")
	require.Equal(t, annotate.Invalid, annotate.CodeOf(err))
}

func TestNewestSaysWhatItOmits(t *testing.T) {
	l := fresh(t)
	reports := make([]annotate.Report, annotate.MaxNewest+7)
	for i := range reports {
		name := fmt.Sprint(i)
		reports[i] = annotate.Report{Kind: "flag", Service: name, Flag: &annotate.FlagChange{Key: name}, Start: ago(time.Duration(i) * time.Minute)}
	}
	_, err := l.RecordBatch(t.Context(), "test", append(reports, reports...))
	require.NoError(t, err)
	for _, per := range []annotate.Per{annotate.PerService, annotate.PerFlag} {
		answer, err := l.Newest(t.Context(), annotate.Filter{}, per)
		require.NoError(t, err)
		require.Equal(t, 7, answer.Omitted)
		require.Len(t, answer.Changes, annotate.MaxNewest)
		require.Equal(t, "0", answer.Changes[0].Service, "the newest stay")
	}
}
