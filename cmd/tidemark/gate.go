package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/internal/client"
)

// codeHeld is the exit code of a deploy that did not run because somebody holds it:
// EX_TEMPFAIL of sysexits.h, to be tried again later.
const codeHeld = 75

// lookEvery is how often a deploy that waits asks whether it may begin.
const lookEvery = 5 * time.Second

// gateFlags say what becomes of a deploy that somebody holds.
type gateFlags struct {
	IfHeld         string   `enum:"fail,wait" default:"fail" env:"TIDEMARK_IF_HELD" help:"What to do while somebody holds the deploy: fail with exit code 75, or wait."`
	Override       []string `sep:"none" placeholder:"ID" help:"Pass the hold with this id, for a reason that is recorded; may be repeated."`
	OverrideReason string   `placeholder:"TEXT" help:"Why a hold is passed."`
}

// gate is what a deploy passes before it begins.
type gate struct {
	gateFlags
	// ask returns what keeps the deploy from beginning.
	ask   func(context.Context) ([]deploy.Obstacle, error)
	every time.Duration
	now   func() time.Time
	warn  func(string)
}

// pass returns once the deploy may begin, with what is to be recorded of the holds
// that it overrode. Its error says that it may not. A server that cannot answer stops
// no deploy, but for a hold that it told of before, until that is over.
func (g gate) pass(ctx context.Context) ([]annotate.Evidence, error) {
	if len(g.Override) > 0 && strings.TrimSpace(g.OverrideReason) == "" {
		return nil, &exitError{codeUsage, errors.New("--override needs --override-reason: say why the hold is passed")}
	}
	told := ""
	var held, passed []deploy.Obstacle // as they were when they were last known
	for {
		obstacles, err := g.ask(ctx)
		if err == nil {
			passed, held = deploy.Pass(obstacles, g.Override)
		}
		switch {
		case err != nil && slices.ContainsFunc(held, g.lasts):
			// It is held still, as far as anybody knows.
		case err != nil:
			g.unanswered(err, told != "")
			return g.evidence(passed), nil
		case len(held) == 0:
			return g.evidence(passed), nil
		case g.IfHeld != "wait":
			return nil, &exitError{codeHeld, fmt.Errorf("not deployed: %s; --if-held=wait waits, and --override ID with --override-reason passes", deploy.Describe(held))}
		default:
			if now := deploy.Describe(held); now != told {
				told = now
				g.warn("waiting, for the deploy is " + told)
			}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(g.every):
		}
	}
}

// unanswered tells why nobody knows whether the deploy is held, where nothing else
// does: that the server cannot be reached, its report will say, and a server without
// holds holds nothing.
func (g gate) unanswered(err error, waited bool) {
	e, answered := errors.AsType[*client.Error](err)
	if answered && e.Status != http.StatusNotFound || waited {
		g.warn(fmt.Sprintf("whether somebody holds the deploy is not known, so it goes on: %v", err))
	}
}

// evidence is what is recorded of holds that were overridden.
func (g gate) evidence(passed []deploy.Obstacle) []annotate.Evidence {
	var list []annotate.Evidence
	for _, o := range passed {
		list = append(list, annotate.Evidence{
			Source: "tidemark deploy", Time: annotate.At(g.now()),
			Text: fmt.Sprintf("Passed what was %s (%s). %s", o, o.ID, g.OverrideReason),
		})
	}
	return list
}

// lasts reports whether o holds still, by what is known of it.
func (g gate) lasts(o deploy.Obstacle) bool { return o.Until.After(g.now()) }
