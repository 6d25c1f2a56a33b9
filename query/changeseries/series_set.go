package changeseries

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// seriesSet is the series that a select found in the log.
type seriesSet struct {
	series   []storage.Series
	warnings annotations.Annotations
	// next is the number of the series after the current one.
	next int
}

var _ storage.SeriesSet = (*seriesSet)(nil)

func (s *seriesSet) empty() bool { return len(s.series) == 0 && len(s.warnings) == 0 }

// sort puts the series into the order of their labels.
func (s *seriesSet) sort() {
	slices.SortFunc(s.series, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
}

// Next implements storage.SeriesSet.
func (s *seriesSet) Next() bool {
	s.next++
	return s.next <= len(s.series)
}

// At implements storage.SeriesSet.
func (s *seriesSet) At() storage.Series { return s.series[s.next-1] }

// Err implements storage.SeriesSet: what failed, failed before.
func (s *seriesSet) Err() error { return nil }

// Warnings implements storage.SeriesSet.
func (s *seriesSet) Warnings() annotations.Annotations { return s.warnings }
