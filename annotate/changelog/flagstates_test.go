package changelog_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
)

// flagPlace is where a flag has states of its own.
type flagPlace struct{ flag, service, environment string }

func placeOf(s annotate.FlagState) flagPlace { return flagPlace{s.Flag, s.Service, s.Environment} }

// flagStates returns what FlagStates must: by place, the newest two states not
// after from, and those until to.
func (m *model) flagStates(f annotate.SpanFilter, from, to int64) map[flagPlace][]annotate.FlagState {
	changes := slices.Clone(m.changes)
	slices.SortFunc(changes, func(a, b annotate.Change) int { return newestFirst(b, a) })
	before, all := map[flagPlace][]annotate.FlagState{}, map[flagPlace][]annotate.FlagState{}
	add := func(to map[flagPlace][]annotate.FlagState, s annotate.FlagState) {
		list := to[placeOf(s)]
		if n := len(list); n > 0 && list[n-1].Start == s.Start {
			list = list[:n-1]
		}
		to[placeOf(s)] = append(list, s)
	}
	for _, c := range changes {
		if c.Flag == nil || c.Flag.From == nil && c.Flag.To == nil || c.Status != annotate.Succeeded && c.Status != annotate.Running ||
			!anyOf(f.Kinds, c.Kind) || !anyOf(f.Services, c.Service) || !anyOf(f.Statuses, string(c.Status)) || !anyOf(f.Versions, c.Version) ||
			!anyOf(f.IDs, c.ID) || !anyOf(f.Flags, c.Flag.Key) {
			continue
		}
		value, _ := json.Marshal(c.Flag.To)
		s := annotate.FlagState{Flag: c.Flag.Key, Service: c.Service, Environment: c.Environment, Start: c.Start.UnixMilli(), Value: string(value)}
		switch {
		case s.Start <= from:
			add(before, s)
		case s.Start <= to:
			add(all, s)
		}
	}
	for at, states := range before {
		all[at] = append(states[max(0, len(states)-2):], all[at]...)
	}
	return all
}

func collectStates(t *testing.T, l *changelog.Log, f annotate.SpanFilter, from, to int64) map[flagPlace][]annotate.FlagState {
	t.Helper()
	got := map[flagPlace][]annotate.FlagState{}
	require.NoError(t, l.FlagStates(context.Background(), f, from, to, func(s annotate.FlagState) error {
		got[placeOf(s)] = append(got[placeOf(s)], s)
		return nil
	}))
	return got
}

func TestFlagStatesAgainstAModel(t *testing.T) {
	m := newModel(t, 300)
	for range 200 {
		f, from, to := m.spanFilter(), m.time().UnixMilli(), m.time().UnixMilli()
		if from > to {
			from, to = to, from
		}
		if m.random.IntN(8) == 0 {
			from = -1 << 61
		}
		switch m.random.IntN(3) {
		case 0:
			f.Flags = []string{m.one("blue", "none")}
		case 1:
			f.Flags = []string{"new-cart", m.one("new-cart", "blue")}
		}
		require.Equal(t, m.flagStates(f, from, to), collectStates(t, m.log, f, from, to), "%+v from %d to %d", f, from, to)
	}
}

func TestFlagStatesFollowCorrections(t *testing.T) {
	l := fresh(t)
	now := time.Now().UnixMilli()
	c := record(t, l, annotate.Report{Kind: "flag", Service: "web", Flag: &annotate.FlagChange{Key: "k", From: "off", To: "on"}})
	at := flagPlace{"k", "web", ""}
	value := func() string {
		t.Helper()
		states := collectStates(t, l, annotate.SpanFilter{}, now-1, now+1000_000)[at]
		if len(states) == 0 {
			return ""
		}
		return states[0].Value
	}
	require.Equal(t, `"on"`, value())
	amend := func(want string, p annotate.Patch) {
		t.Helper()
		_, err := l.Amend(t.Context(), "test", c.ID, p)
		require.NoError(t, err)
		require.Equal(t, want, value())
	}
	amend(`{"off":95,"on":5}`, annotate.Patch{Set: annotate.Report{Flag: &annotate.FlagChange{Key: "k", To: map[string]int{"on": 5, "off": 95}}}})
	amend("", annotate.Patch{Set: annotate.Report{Status: annotate.Failed}})
	amend("null", annotate.Patch{Set: annotate.Report{Status: annotate.Succeeded, Flag: &annotate.FlagChange{Key: "k", From: "on"}}})
	amend("", annotate.Patch{Clear: []string{"flag"}})
}
