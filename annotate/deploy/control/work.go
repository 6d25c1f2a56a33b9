package control

import (
	"context"
	"errors"
	"net/url"
	"slices"
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

// dispatchTo begins the next run of a target, where nothing is in its way.
func (c *Control) dispatchTo(id deploy.ID) (time.Duration, error) {
	for {
		all := *c.runs.Load()
		queue := all.queue(id)
		if _, busy := all.running(id); busy || len(queue) == 0 {
			return time.Hour, nil
		}
		run := queue[0]
		target, there := c.settings.Load().targets[id]
		_, held := c.obstacles(id, run.Undoes != "", obstacleIDs(run.Overrides))
		never := ""
		switch {
		case !there:
			never = "never begun: " + id.String() + " is not in the configuration any more"
		case len(held) > 0 && run.Wait:
			wait := lookAgain
			for _, o := range held {
				if !o.Until.IsZero() {
					wait = min(wait, max(time.Second/10, o.Until.Sub(c.now())))
				}
			}
			return wait, nil
		case len(held) > 0:
			never = "never begun: when it was its turn, " + id.String() + " was " + describe(held)
		}
		if never != "" {
			if _, err := c.finish(c.ctx, run, source, deploy.Outcome{Status: annotate.Cancelled, Text: never}); err != nil {
				return 0, err
			}
			continue
		}
		return time.Hour, c.begin(run, target)
	}
}

func obstacleIDs(list []deploy.Obstacle) []string {
	ids := make([]string, len(list))
	for i, o := range list {
		ids[i] = o.ID
	}
	return ids
}

// begin keeps that a run begins, and only then has it begun: a Tidemark that is killed
// between the two finds it, and asks its driver.
func (c *Control) begin(run keptRun, target Target) error {
	changes, err := c.history(c.ctx, run.Target())
	if err != nil {
		return err
	}
	run.Status, run.Started = annotate.Running, annotate.At(c.now())
	run.Deadline = annotate.At(run.Started.Add(target.Timeout))
	run.Driver = target.Driver.Name()
	run.PreviousVersion = deploy.Current(slices.DeleteFunc(changes, func(ch annotate.Change) bool { return ch.ID == run.ID }))
	report := annotate.Report{Status: annotate.Running, Start: run.Started, PreviousVersion: run.PreviousVersion}
	if diff := diffLink(target, run.Run); diff != "" {
		run.DiffURL = diff
		report.Links = []annotate.Link{{Rel: "diff", Title: "diff", Href: diff}}
	}
	run, err = c.keep(c.ctx, source, run, &report)
	if err != nil {
		return err
	}
	c.carry(run, true)
	return nil
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
