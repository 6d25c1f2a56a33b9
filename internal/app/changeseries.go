package app

import (
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/storage"

	"github.com/tidemark/tidemark/annotate/changelog"
	"github.com/tidemark/tidemark/internal/config"
	"github.com/tidemark/tidemark/query/changeseries"
)

// changeSeries is the change log's series beside samples, within limits that a
// reload can change for the queries that are yet to come.
type changeSeries struct {
	samples storage.SampleAndChunkQueryable
	changes *changelog.Log
	metrics *metrics.Set
	current atomic.Pointer[changeseries.Queryable]
}

var _ storage.SampleAndChunkQueryable = (*changeSeries)(nil)

// newChangeSeries returns the series beside samples, within the limits of cfg.
func (a *App) newChangeSeries(samples storage.SampleAndChunkQueryable, cfg *config.Config) *changeSeries {
	s := &changeSeries{samples: samples, changes: a.changes, metrics: a.telemetry.set}
	s.apply(cfg)
	return s
}

// apply takes over the limits of cfg.
func (s *changeSeries) apply(cfg *config.Config) {
	s.current.Store(changeseries.New(s.samples, s.changes, changeseries.Options{
		MaxChanges: cfg.Changes.Series.MaxChanges,
		MaxGroups:  cfg.Changes.Series.MaxGroups,
		Metrics:    s.metrics,
	}))
}

// Querier implements storage.Queryable.
func (s *changeSeries) Querier(mint, maxt int64) (storage.Querier, error) {
	return s.current.Load().Querier(mint, maxt)
}

// ChunkQuerier implements storage.ChunkQueryable.
func (s *changeSeries) ChunkQuerier(mint, maxt int64) (storage.ChunkQuerier, error) {
	return s.current.Load().ChunkQuerier(mint, maxt)
}
