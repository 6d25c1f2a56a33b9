package changeseries

import (
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
	cut, err := r.list(ctx, sel, func(id identity) bool {
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
func (r *reader) list(ctx context.Context, sel selection, fn func(identity) bool) (cut, err error) {
	limit, n := r.limitOf(sel.family), 0
	visit := func(id identity) error {
		if n++; n > limit {
			return r.tooMany(sel.family, limit)
		}
		if !fn(id) {
			return errEnough
		}
		return nil
	}
	switch sel.family {
	case inChange:
		err = r.visitChanges(ctx, sel, func(id identity, _ timeline) error { return visit(id) })
	case inVersionInfo:
		err = r.visitVersions(ctx, sel, visit)
	case inFlagState:
		err = r.visitFlags(ctx, sel, visit)
	default:
		err = r.visitGroups(ctx, sel, visit)
	}
	switch {
	case errors.Is(err, errEnough):
		return nil, nil
	case annotate.CodeOf(err) == annotate.TooMany:
		return fmt.Errorf("%w; the answer was cut there", err), nil
	}
	return nil, err
}

// visitGroups calls visit for each group that sel selects.
func (r *reader) visitGroups(ctx context.Context, sel selection, visit func(identity) error) error {
	counts, err := r.log.Counts(ctx, sel.filter, sel.window.to)
	if err != nil {
		return err
	}
	f := &families[sel.family]
	groups := map[identity]bool{}
	for g, n := range counts {
		if id := f.groupIdentity(g); n > 0 && f.selects(sel.matchers, id) {
			groups[id] = true
		}
	}
	return visitAll(groups, visit)
}

// visitVersions calls visit for each version that sel selects.
func (r *reader) visitVersions(ctx context.Context, sel selection, visit func(identity) error) error {
	lines, err := r.versionLines(ctx, sel)
	if err != nil {
		return err
	}
	return visitAll(lines, visit)
}

// visitFlags calls visit for each variation that a flag which sel selects had a
// share of, also where a limit ended the reading.
func (r *reader) visitFlags(ctx context.Context, sel selection, visit func(identity) error) error {
	lines, limited := r.flagLines(ctx, sel)
	if limited != nil && annotate.CodeOf(limited) != annotate.TooMany {
		return limited
	}
	if err := visitAll(lines, visit); err != nil {
		return err
	}
	return limited
}

// visitAll calls visit for each key in an order that does not change from query
// to query, so that what a limit cuts does not either.
func visitAll[V any](found map[identity]V, visit func(identity) error) error {
	ids := make([]identity, 0, len(found))
	for id := range found {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, identity.compare)
	for _, id := range ids {
		if err := visit(id); err != nil {
			return err
		}
	}
	return nil
}
