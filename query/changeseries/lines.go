package changeseries

import (
	"context"
	"maps"

	"github.com/tidemark/tidemark/annotate"
)

// lines are the timelines of a family's series, by what tells them apart.
type lines map[identity]*timeline

// of returns the timeline of the series id.
func (l lines) of(id identity) *timeline {
	line := l[id]
	if line == nil {
		line = &timeline{}
		l[id] = line
	}
	return line
}

// visitChanges calls fn with the identity and the timeline of each change that
// sel selects and that shows in its window.
func (r *reader) visitChanges(ctx context.Context, sel selection, fn func(identity, timeline) error) error {
	f, now := &families[inChange], r.opts.Now().UnixMilli()
	return r.log.Spans(ctx, sel.filter, sel.window.from, sel.window.to, func(s annotate.Span) error {
		id := f.identity(s)
		if !f.selects(sel.matchers, id) {
			return nil
		}
		line := lasting(s, now)
		if !line.showsIn(sel.window.from, sel.window.to) {
			return nil
		}
		return fn(id, line)
	})
}

// changeLines returns the timelines of tidemark_change.
func (r *reader) changeLines(ctx context.Context, sel selection) (lines, error) {
	found := lines{}
	err := r.visitChanges(ctx, sel, func(id identity, line timeline) error {
		if len(found) == r.opts.MaxChanges {
			return r.tooMany(inChange, r.opts.MaxChanges)
		}
		found[id] = &line
		return nil
	})
	return found, err
}

// lastChangeLines returns the timelines of tidemark_last_change_timestamp_seconds.
func (r *reader) lastChangeLines(ctx context.Context, sel selection) (lines, error) {
	f, found := &families[inLastChange], lines{}
	set := func(s annotate.Span) error {
		if id := f.identity(s); f.selects(sel.matchers, id) {
			found.of(id).set(s.Start, float64(s.Start)/1e3)
		}
		return nil
	}
	before := sel.window.from - 1
	newest, err := r.log.NewestStarts(ctx, sel.filter, before)
	if err != nil {
		return nil, err
	}
	for _, s := range newest {
		_ = set(s)
	}
	err = r.starts(ctx, inLastChange, sel.filter, before, sel.window.to, set)
	return found, err
}

// counterLines returns the timelines of tidemark_changes_total.
func (r *reader) counterLines(ctx context.Context, sel selection) (lines, error) {
	f, found := &families[inChangesTotal], lines{}
	before := sel.window.from - 1
	counts, err := r.log.Counts(ctx, sel.filter, before)
	if err != nil {
		return nil, err
	}
	for g, n := range counts {
		if id := f.groupIdentity(g); n > 0 && f.selects(sel.matchers, id) {
			found.of(id).set(before, float64(n))
		}
	}
	err = r.starts(ctx, inChangesTotal, sel.filter, before, sel.window.to, func(s annotate.Span) error {
		if id := f.identity(s); f.selects(sel.matchers, id) {
			line := found.of(id)
			line.set(s.Start, line.last()+1)
		}
		return nil
	})
	return found, err
}

// versionLines returns the timelines of tidemark_version_info.
func (r *reader) versionLines(ctx context.Context, sel selection) (lines, error) {
	type place struct{ service, environment string }
	f, found, running := &families[inVersionInfo], lines{}, map[place]identity{}
	set := func(s annotate.Span) error {
		at, id := place{s.Service, s.Environment}, f.identity(s)
		old, ok := running[at]
		if ok && old == id {
			return nil
		}
		if ok {
			found.of(old).set(s.End, ended)
		}
		found.of(id).set(s.End, 1)
		running[at] = id
		return nil
	}
	before := sel.window.from - 1
	newest, err := r.log.NewestVersions(ctx, sel.filter, before)
	if err != nil {
		return nil, err
	}
	for _, s := range newest {
		_ = set(s)
	}
	if err := r.log.Versions(ctx, sel.filter, before, sel.window.to, set); err != nil {
		return nil, err
	}
	maps.DeleteFunc(found, func(id identity, line *timeline) bool {
		return !f.selects(sel.matchers, id) || !line.showsIn(sel.window.from, sel.window.to)
	})
	return found, nil
}
