package changeseries

import (
	"context"
	"maps"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/tidemark/tidemark/annotate"
)

// horizon is how far ahead of now the series go on at the most. Nothing can be
// planned for later, and a series without an end must have one.
const horizon = 10 * 366 * 24 * time.Hour

// beginning is how far back they go, in milliseconds: far enough for any time
// that a change can have, and near enough to count with.
const beginning = -1 << 61

// reader reads the log for one querier, of the time from from to to.
type reader struct {
	*Queryable
	from, to int64
}

// selection is what a select asks of one family.
type selection struct {
	family   int
	filter   annotate.SpanFilter
	matchers []*labels.Matcher
	window   window
}

// selected returns what is asked of each of the families in set.
func (r *reader) selected(set familySet, w window, matchers []*labels.Matcher) []selection {
	w.from = max(w.from, beginning)
	w.to = min(w.to, r.opts.Now().Add(horizon).UnixMilli())
	var selections []selection
	for i := range families {
		if !set.has(i) || w.to < w.from {
			continue
		}
		if filter, ok := families[i].filter(matchers); ok {
			selections = append(selections, selection{i, filter, matchers, w})
		}
	}
	return selections
}

// selectSeries returns the series of the families in set that the matchers
// select.
func (r *reader) selectSeries(ctx context.Context, set familySet, w window, matchers []*labels.Matcher) (*seriesSet, error) {
	r.selects.Inc()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found := &seriesSet{}
	for _, sel := range r.selected(set, w, matchers) {
		if err := r.add(ctx, found, sel); err != nil {
			return nil, err
		}
	}
	found.sort()
	return found, nil
}

// add adds the series that sel selects to found.
func (r *reader) add(ctx context.Context, found *seriesSet, sel selection) error {
	if sel.window.listing() {
		return r.addNames(ctx, found, sel)
	}
	var lines lines
	var err error
	switch {
	case sel.family == inChange:
		lines, err = r.changeLines(ctx, sel)
	case sel.family == inLastChange:
		lines, err = r.lastChangeLines(ctx, sel)
	case sel.family == inVersionInfo:
		lines, err = r.versionLines(ctx, sel)
	case sel.family == inFlagState:
		lines, err = r.flagLines(ctx, sel)
	case countable(sel.window):
		return r.addRestarts(ctx, found, sel)
	default:
		lines, err = r.counterLines(ctx, sel)
	}
	if err != nil {
		return err
	}
	if max := r.limitOf(sel.family); len(lines) > max {
		return r.tooMany(sel.family, max)
	}
	b := labels.NewScratchBuilder(8)
	for id, line := range lines {
		found.series = append(found.series, &timelineSeries{
			labels: families[sel.family].labelSet(&b, id),
			line:   *line,
			from:   sel.window.from, to: sel.window.to, spacing: sel.window.spacing,
		})
	}
	return nil
}

// addRestarts adds the counters that sel selects, made for increase and rate.
func (r *reader) addRestarts(ctx context.Context, found *seriesSet, sel selection) error {
	f, grids := &families[inChangesTotal], evaluations(sel.window)
	totals, err := r.log.Counts(ctx, sel.filter, sel.window.to)
	if err != nil {
		return err
	}
	maps.DeleteFunc(totals, func(g annotate.Group, n int64) bool {
		return n == 0 || !f.selects(sel.matchers, f.groupIdentity(g))
	})
	if len(totals) > r.opts.MaxGroups {
		return r.tooMany(inChangesTotal, r.opts.MaxGroups)
	}
	shared := &tallies{take: func(grids []grid) (map[annotate.Group]*tally, error) {
		return r.takeTallies(ctx, sel, grids, totals)
	}}
	b := labels.NewScratchBuilder(8)
	for g := range totals {
		found.series = append(found.series, &restartSeries{
			labels: f.labelSet(&b, f.groupIdentity(g)),
			group:  g, window: sel.window, grids: grids, tallies: shared,
		})
	}
	return nil
}
