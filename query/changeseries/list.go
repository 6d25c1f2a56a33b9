package changeseries

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/tidemark/tidemark/annotate"
)

// errEnough stops a reading where what was asked for is found.
var errEnough = errors.New("enough")

// addNames adds the series that sel selects, without samples. Past the limit it
// cuts them, and warns.
func (r *reader) addNames(ctx context.Context, found *seriesSet, sel selection) error {
	b := labels.NewScratchBuilder(8)
	cut, err := r.list(ctx, sel, func(id annotate.Span) bool {
		found.series = append(found.series, &timelineSeries{labels: families[sel.family].labelSet(&b, id)})
		return true
	})
	if cut != nil {
		found.warnings.Add(cut)
	}
	return err
}

// list calls fn with what tells apart each series that sel selects, until fn
// returns false. Where the limit cut the list, cut is a warning that says so.
func (r *reader) list(ctx context.Context, sel selection, fn func(annotate.Span) bool) (cut, err error) {
	limit, n := r.limitOf(sel.family), 0
	visit := func(id annotate.Span) error {
		if n++; n > limit {
			cut = fmt.Errorf("%w; the answer was cut there", r.tooMany(sel.family, limit))
			return errEnough
		}
		if !fn(id) {
			return errEnough
		}
		return nil
	}
	switch sel.family {
	case inChange:
		err = r.visitChanges(ctx, sel, func(s annotate.Span, _ timeline) error { return visit(s) })
	case inVersionInfo:
		err = r.visitVersions(ctx, sel, visit)
	default:
		err = r.visitGroups(ctx, sel, visit)
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	return cut, err
}

// visitGroups calls visit for each group that sel selects.
func (r *reader) visitGroups(ctx context.Context, sel selection, visit func(annotate.Span) error) error {
	counts, err := r.log.Counts(ctx, sel.filter, sel.window.to)
	if err != nil {
		return err
	}
	f := &families[sel.family]
	groups := map[annotate.Span]bool{}
	for g, n := range counts {
		if id := f.identity(spanOf(g)); n > 0 && f.selects(sel.matchers, id) {
			groups[id] = true
		}
	}
	return visitAll(groups, visit)
}

// visitVersions calls visit for each version that sel selects.
func (r *reader) visitVersions(ctx context.Context, sel selection, visit func(annotate.Span) error) error {
	lines, err := r.versionLines(ctx, sel)
	if err != nil {
		return err
	}
	return visitAll(lines, visit)
}

// visitAll calls visit for each key in an order that does not change from query
// to query, so that what a limit cuts does not either.
func visitAll[V any](found map[annotate.Span]V, visit func(annotate.Span) error) error {
	ids := make([]annotate.Span, 0, len(found))
	for id := range found {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b annotate.Span) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Environment, b.Environment),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Status, b.Status), cmp.Compare(a.Version, b.Version))
	})
	for _, id := range ids {
		if err := visit(id); err != nil {
			return err
		}
	}
	return nil
}
