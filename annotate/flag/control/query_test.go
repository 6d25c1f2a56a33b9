package control_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
)

func keysOf(flags []flag.Flag) []string {
	keys := []string{}
	for _, f := range flags {
		keys = append(keys, f.Key)
	}
	return keys
}

func TestListSelectsAndPages(t *testing.T) {
	w := open(t, control.Options{})
	for i := range 5 {
		w.put(fmt.Sprintf("flag-%d", i), fmt.Sprintf(`{"variations":{"on":true,"off":false},"defaultRule":{"variation":"off"},
			"metadata":{"service":"s%d","owner":"Ann","description":"The Flag No %d"}}`, i%2, i))
	}
	_, err := w.Sync(t.Context(), control.File{Environment: production, Path: "/f.yaml", Flags: map[string]flag.Definition{"filed": definition(t, boolean)}})
	require.NoError(t, err)
	f := func(q control.Query, want ...string) {
		t.Helper()
		q.Environment = production
		for limit := 1; limit < 8; limit++ {
			got := []string{}
			q.Limit, q.Cursor = limit, ""
			for {
				page, err := w.List(q)
				require.NoError(t, err)
				got = append(got, keysOf(page.Flags)...)
				if page.Next == nil {
					break
				}
				require.Len(t, page.Flags, limit)
				q.Cursor = *page.Next
			}
			require.Equal(t, want, got)
		}
	}
	f(control.Query{}, "filed", "flag-0", "flag-1", "flag-2", "flag-3", "flag-4")
	f(control.Query{Service: "s1"}, "flag-1", "flag-3")
	f(control.Query{Text: "ann flag NO 4"}, "flag-4")
	f(control.Query{Text: "s0 ann"}, "flag-0", "flag-2", "flag-4")
	f(control.Query{Origin: control.OriginFile}, "filed")
	f(control.Query{Origin: "/f.yaml"}, "filed")
	f(control.Query{Origin: control.OriginAPI, Service: "s0"}, "flag-0", "flag-2", "flag-4")
	f(control.Query{Service: "shop", Origin: control.OriginAPI}, []string{}...)
	for _, q := range []control.Query{{Environment: production}, {Environment: production, Limit: 5000}, {Environment: production, Limit: 1, Cursor: "%"}} {
		_, err := w.List(q)
		require.Equal(t, annotate.Invalid, code(err))
	}
	_, err = w.List(control.Query{Environment: "test", Limit: 1})
	require.Equal(t, annotate.NotFound, code(err))
}

func TestSubscribersHearOfEachChange(t *testing.T) {
	w := open(t, control.Options{})
	sub, err := w.Subscribe(production)
	require.NoError(t, err)
	slow, err := w.Subscribe(production)
	require.NoError(t, err)
	elsewhere, err := w.Subscribe("staging")
	require.NoError(t, err)
	before, _ := w.Version(production)
	seen := map[string]bool{before.ETag: true}
	for range 3 {
		for _, to := range []string{"on", "off"} {
			w.put("new", boolean)
			w.write(by("ann", "new", ""), flip(to))
		}
	}
	w.write(by("ann", "new", ""), rollout("on", 10))
	for len(sub.C) > 0 {
		<-sub.C
	}
	for i := range 5 {
		w.write(by("ann", "new", ""), rollout("on", 20+float64(i)))
		v := <-sub.C
		require.False(t, seen[v.ETag])
		seen[v.ETag] = true
		require.WithinDuration(t, time.Now(), v.Modified, time.Minute)
		now, _ := w.Version(production)
		require.Equal(t, now, v)
	}
	now, _ := w.Version(production)
	require.Equal(t, now, <-slow.C, "the newest, once")
	require.Empty(t, slow.C)
	require.Empty(t, elsewhere.C)
	sub.Close()
	w.write(by("ann", "new", ""), kill())
	require.Empty(t, sub.C)
	_, err = w.Subscribe("test")
	require.Equal(t, annotate.NotFound, code(err))

	last, _ := w.Version(production)
	again := w.reopen()
	same, _ := again.Version(production)
	require.Equal(t, last, same, "a restart changes nothing")
	_, open := <-elsewhere.C
	require.False(t, open, "it ends with the Control")
	_, err = w.Write(t.Context(), by("ann", "new", ""), kill())
	require.Equal(t, annotate.Unavailable, code(err))
	require.Nil(t, w.value("new", "u"), "what is closed still answers")
}

func TestActionsAreCounted(t *testing.T) {
	set := metrics.NewSet()
	b := &broken{}
	w := open(t, control.Options{Metrics: set, Log: b})
	f := func(action, outcome string, n uint64) {
		t.Helper()
		require.Equal(t, n, set.GetOrCreateCounter(fmt.Sprintf("tidemark_flag_control_actions_total{action=%q,outcome=%q}", action, outcome)).Get())
	}
	w.put("new", boolean)
	f("put", "changed", 1)
	w.put("new", boolean)
	f("put", "unchanged", 1)
	_, _ = w.Write(t.Context(), by("ann", "x", ""), flip("on"))
	f("flip", "refused", 1)
	b.fails.Store(true)
	_, _ = w.Write(t.Context(), by("ann", "new", ""), kill())
	f("kill", "failed", 1)
	require.InDelta(t, 1, set.GetOrCreateGauge(`tidemark_flags{environment="production"}`, nil).Get(), 0)
	require.InDelta(t, 0, set.GetOrCreateGauge(`tidemark_flags{environment="staging"}`, nil).Get(), 0)
}
