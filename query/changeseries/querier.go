package changeseries

import (
	"context"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// querier selects from the samples and, where the matchers allow for a change,
// from the log.
type querier struct {
	labelQuerier
	samples storage.Querier
}

var (
	_ storage.Querier  = (*querier)(nil)
	_ storage.Searcher = (*querier)(nil)
)

// Select implements storage.Querier.
func (q *querier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	set := matching(matchers)
	if set == 0 {
		return q.samples.Select(ctx, sorted, hints, matchers...)
	}
	changes, err := q.changes.selectSeries(ctx, set, newWindow(q.changes.from, q.changes.to, hints), matchers)
	if err != nil {
		return storage.ErrSeriesSet(err)
	}
	if changes.empty() {
		return q.samples.Select(ctx, sorted, hints, matchers...)
	}
	// A querier may reorder the matchers it is given.
	samples := q.samples.Select(ctx, true, hints, slices.Clone(matchers)...)
	return storage.NewMergeSeriesSet([]storage.SeriesSet{samples, changes}, limitOf(hints), storage.ChainedSeriesMerge)
}

// chunkQuerier is a querier of encoded samples.
type chunkQuerier struct {
	labelQuerier
	samples storage.ChunkQuerier
}

var _ storage.ChunkQuerier = (*chunkQuerier)(nil)

// Select implements storage.ChunkQuerier.
func (q *chunkQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.ChunkSeriesSet {
	set := matching(matchers)
	if set == 0 {
		return q.samples.Select(ctx, sorted, hints, matchers...)
	}
	w := newWindow(q.changes.from, q.changes.to, hints)
	w.encode()
	changes, err := q.changes.selectSeries(ctx, set, w, matchers)
	if err != nil {
		return storage.ErrChunkSeriesSet(err)
	}
	if changes.empty() {
		return q.samples.Select(ctx, sorted, hints, matchers...)
	}
	samples := q.samples.Select(ctx, true, hints, slices.Clone(matchers)...)
	return storage.NewMergeChunkSeriesSet([]storage.ChunkSeriesSet{samples, storage.NewSeriesSetToChunkSet(changes)},
		limitOf(hints), storage.NewCompactingChunkSeriesMerger(storage.ChainedSeriesMerge))
}

func limitOf(hints *storage.SelectHints) int {
	if hints == nil {
		return 0
	}
	return hints.Limit
}
