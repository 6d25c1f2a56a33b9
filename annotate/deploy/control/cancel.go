package control

import (
	"context"
	"fmt"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

// Cancel ends a run that waits, and asks one that runs to end: the wish is kept, and
// told to what carries it out, also after a restart. A run that has ended is a Conflict
// error, one that is not there NotFound.
func (c *Control) Cancel(ctx context.Context, id string, by Author) (View, error) {
	if err := by.check(); err != nil {
		return View{}, err
	}
	if err := c.lock(ctx); err != nil {
		return View{}, err
	}
	defer c.unlock()
	run, err := c.find(id)
	if err != nil {
		return View{}, err
	}
	if run, err = c.cancel(ctx, run, by); err != nil {
		return View{}, err
	}
	return c.view(run), nil
}

// cancel keeps somebody's wish that a run ends, and tells whoever follows it. Whoever
// calls it holds writing.
func (c *Control) cancel(ctx context.Context, run keptRun, by Author) (keptRun, error) {
	wish := &deploy.Cancel{By: by.name(), Reason: by.Reason, Time: annotate.At(c.now())}
	err := error(nil)
	switch {
	case run.Status.Ended():
		return keptRun{}, &annotate.Error{Code: annotate.Conflict, Field: "id", Value: run.ID, Message: fmt.Sprintf("has ended: %s, %s", run.Status, run.Outcome)}
	case run.Status == annotate.Planned:
		run.Cancel = wish
		run, err = c.finish(ctx, run, by.By, deploy.Outcome{Status: annotate.Cancelled, Text: "never begun"})
	case run.Cancel == nil:
		run.Cancel = wish
		run, err = c.keep(ctx, by.By, run, &annotate.Report{Evidence: []annotate.Evidence{{Source: source, Time: wish.Time, Text: cut(asked(wish))}}})
	}
	if err != nil {
		return keptRun{}, err
	}
	c.carrying.Lock()
	if carried := c.carried[run.ID]; carried != nil {
		carried.wish()
	}
	c.carrying.Unlock()
	return run, nil
}

// asked says who wants a run to end.
func asked(wish *deploy.Cancel) string {
	text := "cancelled by " + wish.By
	if wish.Reason != "" {
		text += ": " + wish.Reason
	}
	return text
}
