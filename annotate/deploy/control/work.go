package control

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

// lookAgain is how long a run that waits for a hold or a freeze waits at the most until
// it is looked whether it may begin.
const lookAgain = time.Minute

// dispatch begins the runs whose turn it is, and returns how long it is until there may
// be another. Whoever calls it holds writing.
func (c *Control) dispatch() time.Duration {
	next := time.Hour
	seen := map[deploy.ID]bool{}
	for _, run := range *c.runs.Load() {
		id := run.Target()
		if run.Status != annotate.Planned || seen[id] {
			continue
		}
		seen[id] = true
		wait, err := c.dispatchTo(id)
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				c.logger.Error("a deploy that waits could not begin, and is tried again", "service", id.Service, "environment", id.Environment, "err", err)
			}
			wait = retryAfter
		}
		next = min(next, wait)
	}
	return next
}

// dispatchTo begins the next run of a target, where nothing is in its way. What waits
// for a hold lets those pass that need not.
func (c *Control) dispatchTo(id deploy.ID) (time.Duration, error) {
	all := *c.runs.Load()
	if _, busy := all.running(id); busy {
		return time.Hour, nil
	}
	next := time.Hour
	for _, run := range all.queue(id) {
		target, there := c.settings.Load().targets[id]
		passes, held := c.heldBy(run)
		never := ""
		switch {
		case !there:
			never = "never begun: " + id.String() + " is not in the configuration any more"
		case len(held) > 0 && run.Wait:
			next = min(next, lookAgain)
			for _, o := range held {
				if !o.Until.IsZero() {
					next = min(next, max(time.Second/10, o.Until.Sub(c.now())))
				}
			}
			continue
		case len(held) > 0:
			never = "never begun: when it was its turn, " + id.String() + " was " + deploy.Describe(held)
		default:
			run.Overrides = passes
			began, err := c.begin(run, target)
			if began || err != nil {
				return next, err
			}
			continue
		}
		if _, err := c.finish(c.ctx, run, source, deploy.Outcome{Status: annotate.Cancelled, Text: never}); err != nil {
			return 0, err
		}
	}
	return next, nil
}

// begin keeps that a run begins, and only then has it begun: a Tidemark that is killed
// between the two finds it, and asks its driver. It returns false for a rollback that
// makes no sense any more, which is cancelled.
func (c *Control) begin(run keptRun, target Target) (bool, error) {
	changes, err := c.history(c.ctx, run.Target())
	if err != nil {
		return false, err
	}
	if run.Undoes != "" {
		if why := stillBack(changes, run); why != "" {
			_, err := c.finish(c.ctx, run, source, deploy.Outcome{Status: annotate.Cancelled, Text: why})
			return false, err
		}
	}
	if err := os.MkdirAll(c.folderOf(run.ID), 0o700); err != nil {
		return false, fmt.Errorf("making the folder of a deploy: %w", err)
	}
	run.Status, run.Started = annotate.Running, annotate.At(c.now())
	run.Deadline = annotate.At(run.Started.Add(target.Timeout))
	run.Driver = target.Driver.Name()
	run.PreviousVersion = deploy.Current(slices.DeleteFunc(changes, func(ch annotate.Change) bool { return ch.ID == run.ID }))
	report := annotate.Report{Status: annotate.Running, Start: run.Started, PreviousVersion: run.PreviousVersion, Evidence: passed(run)}
	if diff := diffLink(target, run.Run); diff != "" {
		run.DiffURL = diff
		report.Links = []annotate.Link{{Rel: "diff", Title: "diff", Href: diff}}
	}
	run, err = c.keep(c.ctx, source, run, &report)
	if err != nil {
		return false, err
	}
	c.carry(run, true)
	return true, nil
}

// diffLink is the URL of what a run alters; empty where its target has none, or where
// it is not known what was there before.
func diffLink(t Target, run deploy.Run) string {
	if t.Diff == "" || run.PreviousVersion == "" {
		return ""
	}
	link := t.Diff.Fill(run.Values(), url.PathEscape)
	if len(link) > annotate.MaxHref {
		return ""
	}
	return link
}

// finish keeps how a run ended, and lets go of the oldest that are too many. Whoever
// calls it holds writing.
func (c *Control) finish(ctx context.Context, run keptRun, by string, outcome deploy.Outcome) (keptRun, error) {
	run.Status, run.Outcome, run.Ended = outcome.Status, outcome.Text, annotate.At(c.now())
	if outcome.Status == annotate.Cancelled && run.Cancel != nil {
		run.Outcome += "; " + asked(run.Cancel)
	}
	run.Outcome = cut(run.Outcome)
	for _, before := range []annotate.Time{run.Queued, run.Started} { // whatever the clock says
		if run.Ended.Before(before.Time) {
			run.Ended = before
		}
	}
	over := (*c.runs.Load()).over(run.Target())
	var gone []string
	for _, old := range over[min(len(over), c.settings.Load().KeepRuns-1):] {
		gone = append(gone, old.ID)
	}
	run, err := c.keep(ctx, by, run, &annotate.Report{
		Status: run.Status, End: run.Ended, Evidence: []annotate.Evidence{{Source: source, Time: run.Ended, Text: run.Outcome}},
	}, gone...)
	if err != nil {
		return keptRun{}, err
	}
	c.ended(run.Status).Inc()
	for _, id := range gone {
		c.discard(id)
	}
	return run, nil
}

// maxOutcome is how much is kept of what others say, in bytes: far less than the log
// takes.
const maxOutcome = 4 << 10

// cut makes of a text what the log takes, whoever wrote it.
func cut(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == 0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if len(text) <= maxOutcome {
		return text
	}
	return strings.ToValidUTF8(text[:maxOutcome], "") + "…"
}
