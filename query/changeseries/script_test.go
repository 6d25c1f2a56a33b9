package changeseries_test

import (
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
	script, err := os.ReadFile("testdata/changes.test")
	require.NoError(t, err)
	promqltest.RunTestWithStorage(t, string(script), newEngine(t), func(t testing.TB) storage.Storage {
		store := teststorage.New(t)
		return seen{store, changeseries.New(store, newMemLog(spans), changeseries.Options{
			Now: func() time.Time { return time.UnixMilli(60 * minute) },
		})}
	})
}
