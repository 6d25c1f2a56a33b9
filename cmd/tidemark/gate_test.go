package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/internal/client"
)

// answers are what a server says, one after the other, and the last for ever.
type answers []func() ([]deploy.Obstacle, error)

func TestAHeldDeployFailsWaitsOrPasses(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	hold := func(id string, left time.Duration) deploy.Obstacle {
		return deploy.Obstacle{Kind: deploy.ObstacleHold, ID: id, Who: "ann", Reason: "the database moves", Until: annotate.At(now.Add(left))}
	}
	held := func(list ...deploy.Obstacle) func() ([]deploy.Obstacle, error) {
		return func() ([]deploy.Obstacle, error) { return list, nil }
	}
	fails := func(err error) func() ([]deploy.Obstacle, error) {
		return func() ([]deploy.Obstacle, error) { return nil, err }
	}
	unreachable := errors.New("the server cannot be reached")
	for _, test := range []struct {
		name    string
		flags   gateFlags
		answers answers
		// code is the exit code; 0 for a deploy that begins.
		code               int
		says, warns, notes string
	}{
		{name: "nobody holds it", answers: answers{held()}},
		{name: "fail", answers: answers{held(hold("1", time.Hour))}, code: codeHeld,
			says: "not deployed: held by ann until 2026-11-27 13:00 UTC: the database moves (1)"},
		{name: "wait", flags: gateFlags{IfHeld: "wait"}, answers: answers{held(hold("1", time.Hour)), held(hold("1", time.Hour)), held()},
			warns: "waiting, for the deploy is held by ann until 2026-11-27 13:00 UTC: the database moves (1)"},
		{name: "wait while the server is away", flags: gateFlags{IfHeld: "wait"}, answers: answers{held(hold("1", time.Hour)), fails(unreachable), held()},
			warns: "waiting, for the deploy is held by ann until 2026-11-27 13:00 UTC: the database moves (1)"},
		{name: "until what was told is over", flags: gateFlags{IfHeld: "wait"}, answers: answers{held(hold("1", -time.Hour)), fails(unreachable)},
			warns: "waiting, for the deploy is held by ann until 2026-11-27 11:00 UTC: the database moves (1)\n" +
				"whether somebody holds the deploy is not known, so it goes on: the server cannot be reached"},
		{name: "an override is told of whatever becomes of the server", flags: gateFlags{IfHeld: "wait", Override: []string{"2"}, OverrideReason: "a fix"},
			answers: answers{held(hold("1", -time.Hour), hold("2", time.Hour)), fails(unreachable)},
			warns: "waiting, for the deploy is held by ann until 2026-11-27 11:00 UTC: the database moves (1)\n" +
				"whether somebody holds the deploy is not known, so it goes on: the server cannot be reached",
			notes: "Passed what was held by ann until 2026-11-27 13:00 UTC: the database moves (2). a fix"},
		{name: "override", flags: gateFlags{Override: []string{"1"}, OverrideReason: "a fix"}, answers: answers{held(hold("1", time.Hour))},
			notes: "Passed what was held by ann until 2026-11-27 13:00 UTC: the database moves (1). a fix"},
		{name: "override one of two", flags: gateFlags{Override: []string{"1"}, OverrideReason: "a fix"},
			answers: answers{held(hold("1", time.Hour), hold("2", time.Hour))}, code: codeHeld, says: "(2)"},
		{name: "override without a reason", flags: gateFlags{Override: []string{"1"}}, answers: answers{held()}, code: codeUsage, says: "--override-reason"},
		{name: "a server that is away stops nothing", answers: answers{fails(unreachable)}},
		{name: "nor one without holds", answers: answers{fails(&client.Error{Status: http.StatusNotFound})}},
		{name: "nor one that is broken", answers: answers{fails(&client.Error{Status: http.StatusInternalServerError})},
			warns: "whether somebody holds the deploy is not known, so it goes on: the server answered 500: Internal Server Error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var warnings []string
			asked := 0
			g := gate{
				gateFlags: test.flags, every: time.Millisecond,
				now:  func() time.Time { return now },
				warn: func(s string) { warnings = append(warnings, s) },
				ask: func(context.Context) ([]deploy.Obstacle, error) {
					answer := test.answers[min(asked, len(test.answers)-1)]
					asked++
					return answer()
				},
			}
			evidence, err := g.pass(t.Context())
			if test.code == 0 {
				require.NoError(t, err)
				require.Equal(t, len(test.answers), asked)
			} else {
				exit, ok := errors.AsType[*exitError](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, test.code, exit.code)
				require.ErrorContains(t, err, test.says)
			}
			require.Equal(t, test.warns, strings.Join(warnings, "\n"))
			var notes []string
			for _, e := range evidence {
				notes = append(notes, e.Text)
			}
			require.Equal(t, test.notes, strings.Join(notes, "\n"))
		})
	}
}
