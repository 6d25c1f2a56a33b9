package changeseries_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/teststorage"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/query/changeseries"
)

// seen is a store whose queries see the changes too.
type seen struct {
	storage.Storage
	queryable *changeseries.Queryable
}

func (s seen) Querier(mint, maxt int64) (storage.Querier, error) {
	return s.queryable.Querier(mint, maxt)
}

func TestScripts(t *testing.T) {
	span := func(id, kind, service, version string, status annotate.Status, start, end int64) annotate.Span {
		return annotate.Span{ID: id, Kind: kind, Service: service, Version: version, Status: status, Start: start * minute, End: end * minute}
	}
	spans := []annotate.Span{
		span("1", "deploy", "web", "v1", annotate.Succeeded, 10, 12),
		span("2", "flag", "web", "", annotate.Succeeded, 20, 20),
		span("3", "deploy", "web", "v2", annotate.Failed, 30, 31),
		span("4", "deploy", "web", "v2", annotate.Succeeded, 40, 42),
		span("5", "incident", "api", "", annotate.Running, 50, 60),
	}
	spans[0].Who, spans[4].End = "ann", annotate.Ongoing
	runScript(t, "testdata/changes.test", newMemLog(spans), 60)
}

func TestFlagScripts(t *testing.T) {
	var spans []annotate.Span
	found := flips{}
	flip := func(start int64, environment string, status annotate.Status, from, to any) {
		id := fmt.Sprint(len(spans))
		spans = append(spans, annotate.Span{
			ID: id, Kind: "flag", Service: "web", Environment: environment, Status: status, Start: start * minute, End: start * minute,
		})
		found[id] = annotate.FlagChange{Key: "cart", From: from, To: to}
	}
	shares := func(on, off float64) any { return map[string]float64{"on": on, "off": off} }
	flip(10, "", annotate.Succeeded, nil, "off")
	flip(10, "staging", annotate.Succeeded, nil, true)
	flip(20, "", annotate.Succeeded, "off", shares(10, 90))
	flip(20, "staging", annotate.Succeeded, true, nil)
	flip(30, "", annotate.Running, shares(10, 90), shares(50, 50))
	flip(35, "", annotate.Failed, shares(50, 50), shares(100, 0))
	flip(40, "", annotate.Succeeded, shares(50, 50), "on")
	flip(50, "", annotate.Succeeded, "on", "off")
	flip(60, "", annotate.Succeeded, "off", "blue")
	flip(70, "", annotate.Succeeded, "blue", annotate.CodeDefault)
	flip(80, "", annotate.Succeeded, annotate.CodeDefault, nil)
	flip(90, "", annotate.Succeeded, nil, "on")
	flip(105, "", annotate.Planned, "on", "off")
	runScript(t, "testdata/flags.test", newFlagLog(spans, found), 100)
}

// runScript runs a script over log, at so many minutes from the start.
func runScript(t *testing.T, path string, log changeseries.Log, clock int64) {
	script, err := os.ReadFile(path)
	require.NoError(t, err)
	promqltest.RunTestWithStorage(t, string(script), newEngine(t), func(t testing.TB) storage.Storage {
		store := teststorage.New(t)
		return seen{store, changeseries.New(store, log, changeseries.Options{
			Now: func() time.Time { return time.UnixMilli(clock * minute) },
		})}
	})
}
