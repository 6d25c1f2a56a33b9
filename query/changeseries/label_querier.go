package changeseries

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// labelQuerier lists the labels of the samples and of the change series.
type labelQuerier struct {
	samples storage.LabelQuerier
	changes reader
}

var errNoSearch = errors.New("the store of samples cannot be searched")

// Close implements storage.LabelQuerier.
func (q *labelQuerier) Close() error { return q.samples.Close() }

// LabelValues implements storage.LabelQuerier.
func (q *labelQuerier) LabelValues(ctx context.Context, name string, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	values, warnings, err := q.samples.LabelValues(ctx, name, hints, matchers...)
	if err != nil {
		return nil, warnings, err
	}
	more, cut, err := q.changes.labelValues(ctx, name, matchers)
	return union(values, more, hints), warnings.Merge(cut), err
}

// LabelNames implements storage.LabelQuerier.
func (q *labelQuerier) LabelNames(ctx context.Context, hints *storage.LabelHints, matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	names, warnings, err := q.samples.LabelNames(ctx, hints, matchers...)
	if err != nil {
		return nil, warnings, err
	}
	more, cut, err := q.changes.labelNames(ctx, matchers)
	return union(names, more, hints), warnings.Merge(cut), err
}

// SearchLabelValues implements storage.Searcher.
func (q *labelQuerier) SearchLabelValues(ctx context.Context, name string, hints *storage.SearchHints, matchers ...*labels.Matcher) storage.SearchResultSet {
	samples, ok := q.samples.(storage.Searcher)
	if !ok {
		return storage.ErrSearchResultSet(errNoSearch)
	}
	values, cut, err := q.changes.labelValues(ctx, name, matchers)
	if err != nil {
		return storage.ErrSearchResultSet(err, cut)
	}
	return joined(samples.SearchLabelValues(ctx, name, hints, matchers...), values, cut, hints)
}

// SearchLabelNames implements storage.Searcher.
func (q *labelQuerier) SearchLabelNames(ctx context.Context, hints *storage.SearchHints, matchers ...*labels.Matcher) storage.SearchResultSet {
	samples, ok := q.samples.(storage.Searcher)
	if !ok {
		return storage.ErrSearchResultSet(errNoSearch)
	}
	names, cut, err := q.changes.labelNames(ctx, matchers)
	if err != nil {
		return storage.ErrSearchResultSet(err, cut)
	}
	return joined(samples.SearchLabelNames(ctx, hints, matchers...), names, cut, hints)
}

func joined(samples storage.SearchResultSet, more []string, warnings annotations.Annotations, hints *storage.SearchHints) storage.SearchResultSet {
	if len(more) == 0 && len(warnings) == 0 {
		return samples
	}
	changes := storage.NewSearchResultSetFromSlice(storage.ApplySearchHints(more, hints), warnings)
	return storage.MergeSearchResultSets([]storage.SearchResultSet{samples, changes}, hints)
}

// union merges b into a; both are sorted.
func union(a, b []string, hints *storage.LabelHints) []string {
	if len(b) == 0 {
		return a
	}
	all := slices.Concat(a, b)
	slices.Sort(all)
	all, _ = hints.ApplyLimit(slices.Compact(all))
	return all
}

// labelNames returns the label names of the change series that the matchers
// select, sorted.
func (r *reader) labelNames(ctx context.Context, matchers []*labels.Matcher) ([]string, annotations.Annotations, error) {
	names := map[string]bool{}
	warnings, err := r.listAll(ctx, matching(matchers), matchers, func(f *family, id identity) bool {
		names[model.MetricNameLabel] = true
		all := true
		for _, name := range f.labels {
			if !names[name] && id.label(name) != "" {
				names[name] = true
			}
			all = all && names[name]
		}
		return !all
	})
	return slices.Sorted(maps.Keys(names)), warnings, err
}

// labelValues returns the values that the label with the name given has in the
// change series that the matchers select, sorted.
func (r *reader) labelValues(ctx context.Context, name string, matchers []*labels.Matcher) ([]string, annotations.Annotations, error) {
	values := map[string]bool{}
	warnings, err := r.listAll(ctx, valued(name, matching(matchers), matchers), matchers, func(f *family, id identity) bool {
		if name == model.MetricNameLabel {
			values[f.name] = true
			return false
		}
		if v := id.label(name); v != "" {
			values[v] = true
		}
		return true
	})
	return slices.Sorted(maps.Keys(values)), warnings, err
}

// valued returns those families of set that have to be read for all values of
// the label with the name given, where the matchers select.
func valued(name string, set familySet, matchers []*labels.Matcher) familySet {
	if name == model.MetricNameLabel {
		return set
	}
	for i := range families {
		if !slices.Contains(families[i].labels, name) {
			set &^= 1 << i
		}
	}
	if set.has(inChangesTotal) {
		set &^= 1 << inChange // each change is counted, so its labels are those of a counter
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return m.Name == "kind" || m.Name == "status" }) {
			set &^= 1 << inFlagState // and so is each that altered a flag
		}
	}
	return set
}

// listAll calls fn with each series of the families in set that the matchers
// select, family by family, until fn returns false for the family.
func (r *reader) listAll(ctx context.Context, set familySet, matchers []*labels.Matcher, fn func(*family, identity) bool) (annotations.Annotations, error) {
	if set == 0 {
		return nil, nil
	}
	var warnings annotations.Annotations
	for _, sel := range r.selected(set, newWindow(r.from, r.to, nil), matchers) {
		cut, err := r.list(ctx, sel, func(id identity) bool { return fn(&families[sel.family], id) })
		if err != nil {
			return warnings, err
		}
		if cut != nil {
			warnings.Add(cut)
		}
	}
	return warnings, nil
}
