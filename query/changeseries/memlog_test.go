package changeseries_test

import (
	"cmp"
	"context"
	"slices"
	"sort"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/query/changeseries"
)

// memLog is a change log in memory.
type memLog struct {
	byStart []annotate.Span
	byEnd   []annotate.Span // deploys of a version that succeeded
	flips   flips
}

// flips are the changes that are about a flag, by their ids.
type flips map[string]annotate.FlagChange

var _ changeseries.Log = (*memLog)(nil)

func newMemLog(spans []annotate.Span) *memLog {
	l := &memLog{byStart: slices.Clone(spans)}
	slices.SortFunc(l.byStart, func(a, b annotate.Span) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.ID, b.ID))
	})
	for _, s := range l.byStart {
		if s.Kind == annotate.KindDeploy && s.Status == annotate.Succeeded && s.Version != "" && s.End != annotate.Ongoing {
			l.byEnd = append(l.byEnd, s)
		}
	}
	slices.SortStableFunc(l.byEnd, func(a, b annotate.Span) int { return cmp.Compare(a.End, b.End) })
	return l
}

// newFlagLog is a log with flips among its changes.
func newFlagLog(spans []annotate.Span, flips flips) *memLog {
	l := newMemLog(spans)
	l.flips = flips
	return l
}

func selects(f annotate.SpanFilter, s annotate.Span) bool {
	in := func(values []string, v string) bool { return len(values) == 0 || slices.Contains(values, v) }
	return in(f.IDs, s.ID) && in(f.Kinds, s.Kind) && in(f.Services, s.Service) && in(f.Environments, s.Environment) &&
		in(f.Versions, s.Version) && in(f.Statuses, string(s.Status))
}

func each(ctx context.Context, f annotate.SpanFilter, spans []annotate.Span, fn func(annotate.Span) error) error {
	for _, s := range spans {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !selects(f, s) {
			continue
		}
		if err := fn(s); err != nil {
			return err
		}
	}
	return nil
}

// started returns the changes that started in (from, to].
func (l *memLog) started(from, to int64) []annotate.Span {
	i := sort.Search(len(l.byStart), func(i int) bool { return l.byStart[i].Start > from })
	j := sort.Search(len(l.byStart), func(i int) bool { return l.byStart[i].Start > to })
	return l.byStart[i:max(i, j)]
}

func (l *memLog) Spans(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.Span) error) error {
	j := sort.Search(len(l.byStart), func(i int) bool { return l.byStart[i].Start > to })
	return each(ctx, f, l.byStart[:j], func(s annotate.Span) error {
		if s.End < from {
			return nil
		}
		return fn(s)
	})
}

func (l *memLog) Starts(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.Span) error) error {
	return each(ctx, f, l.started(from, to), fn)
}

func (l *memLog) NewestStarts(ctx context.Context, f annotate.SpanFilter, t int64) ([]annotate.Span, error) {
	newest := map[annotate.Group]annotate.Span{}
	err := each(ctx, f, l.started(-1<<62, t), func(s annotate.Span) error {
		newest[annotate.Group{Kind: s.Kind, Service: s.Service, Environment: s.Environment}] = s
		return nil
	})
	return values(newest), err
}

func (l *memLog) Versions(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.Span) error) error {
	return each(ctx, f, l.byEnd, func(s annotate.Span) error {
		if s.End <= from || s.End > to {
			return nil
		}
		return fn(s)
	})
}

func (l *memLog) NewestVersions(ctx context.Context, f annotate.SpanFilter, t int64) ([]annotate.Span, error) {
	newest := map[annotate.Group]annotate.Span{}
	err := l.Versions(ctx, f, -1<<62, t, func(s annotate.Span) error {
		newest[annotate.Group{Service: s.Service, Environment: s.Environment}] = s
		return nil
	})
	return values(newest), err
}

func (l *memLog) FlagStates(ctx context.Context, f annotate.SpanFilter, from, to int64, fn func(annotate.FlagState) error) error {
	type place struct{ flag, service, environment string }
	states := map[place][]annotate.FlagState{}
	err := each(ctx, f, l.started(-1<<62, to), func(s annotate.Span) error {
		flip := l.flips[s.ID]
		if flip.State() == "" || s.Status != annotate.Succeeded && s.Status != annotate.Running ||
			len(f.Flags) > 0 && !slices.Contains(f.Flags, flip.Key) {
			return nil
		}
		at := place{flip.Key, s.Service, s.Environment}
		list := states[at]
		if n := len(list); n > 0 && list[n-1].Start == s.Start {
			list = list[:n-1]
		}
		states[at] = append(list, annotate.FlagState{Flag: flip.Key, Service: s.Service, Environment: s.Environment, Start: s.Start, Value: flip.State()})
		return nil
	})
	if err != nil {
		return err
	}
	for _, list := range states {
		before := sort.Search(len(list), func(i int) bool { return list[i].Start > from })
		for _, s := range list[max(0, before-2):] {
			if err := fn(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *memLog) Counts(ctx context.Context, f annotate.SpanFilter, t int64) (map[annotate.Group]int64, error) {
	counts := map[annotate.Group]int64{}
	err := each(ctx, f, l.started(-1<<62, t), func(s annotate.Span) error {
		counts[groupOf(s)]++
		return nil
	})
	return counts, err
}

func (l *memLog) CountsBetween(ctx context.Context, f annotate.SpanFilter, edges []int64, fn func(int, annotate.Group, int64) error) error {
	for i := 0; i+1 < len(edges); i++ {
		counts := map[annotate.Group]int64{}
		if err := each(ctx, f, l.started(edges[i], edges[i+1]), func(s annotate.Span) error {
			counts[groupOf(s)]++
			return nil
		}); err != nil {
			return err
		}
		for g, n := range counts {
			if err := fn(i, g, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func groupOf(s annotate.Span) annotate.Group {
	return annotate.Group{Kind: s.Kind, Service: s.Service, Environment: s.Environment, Status: s.Status}
}

func values[K comparable, V any](m map[K]V) []V {
	list := make([]V, 0, len(m))
	for _, v := range m {
		list = append(list, v)
	}
	return list
}
