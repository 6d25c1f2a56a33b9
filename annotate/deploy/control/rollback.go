package control

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

// Rollback asks for the last good version before the deploy with the id, which may be
// any deploy of the target in the change log that r names. It goes before all that wait, no
// freeze stops it, and the deploy is cancelled where it is still under way. Of r, Version is
// not read; Parameters are those with which that version was deployed, as far as that
// is known, where r has none. created is false where it is being rolled back already, or
// was by the same ExternalID. Its errors are those of Start, NotFound for an id that the
// log does not have, and Conflict where there is nothing to take back, or to go back to.
func (c *Control) Rollback(ctx context.Context, id string, r Request) (v View, created bool, err error) {
	target, err := c.Target(r.Service, r.Environment)
	if err != nil {
		return View{}, false, err
	}
	if err := c.lock(ctx); err != nil {
		return View{}, false, err
	}
	defer c.unlock()
	undone, err := c.log.Get(ctx, id)
	if err != nil {
		return View{}, false, err
	}
	run, err := c.again(r, target, undone.ID)
	if err == nil && run.ID == "" {
		created = true
		run, err = c.planRollback(ctx, target, r, undone)
	}
	if err != nil {
		return View{}, false, err
	}
	// Last, when nothing can refuse the rollback any more. Asked for again, it is done
	// again.
	by := r.Author
	by.Reason = strings.TrimSuffix("rolled back: "+by.Reason, ": ")
	if bad, ok := (*c.runs.Load())[undone.ID]; ok && bad.Status == annotate.Running && !run.Status.Ended() {
		if _, err := c.cancel(ctx, bad, by); err != nil {
			return View{}, false, err
		}
	}
	return c.view(run), created, nil
}

// planRollback keeps that a run waits which takes undone back. Whoever calls it holds
// writing.
func (c *Control) planRollback(ctx context.Context, target deploy.ID, r Request, undone annotate.Change) (keptRun, error) {
	if undone.Kind != KindDeploy || undone.Service != target.Service || undone.Environment != target.Environment {
		return keptRun{}, errBack(undone, "is no deploy of %s, but %s of %s in %s", target, undone.Kind, undone.Service, undone.Environment)
	}
	changes, err := c.history(ctx, target)
	if err != nil {
		return keptRun{}, err
	}
	good, err := goodBefore(changes, undone)
	if err != nil {
		return keptRun{}, err
	}
	if _, ours := (*c.runs.Load())[undone.ID]; undone.Status == annotate.Running && !ours {
		return keptRun{}, errBack(undone, "is still under way, and Tidemark does not carry it out: stop it where it runs, and roll it back then")
	}
	r.Version = good.Version
	if r.Parameters == nil {
		r.Parameters = c.parametersOf(good, target)
	}
	return c.plan(ctx, target, r, undone.ID)
}

// history returns the newest deploys of a target by the log, newest start first, those
// included that Tidemark did not carry out.
func (c *Control) history(ctx context.Context, id deploy.ID) ([]annotate.Change, error) {
	page, err := c.log.List(ctx, annotate.List{
		Filter: annotate.Filter{Kinds: []string{KindDeploy}, Services: []string{id.Service}, Environments: []string{id.Environment}},
		Limit:  annotate.MaxPage,
	})
	return page.Changes, err
}

// goodBefore returns the deploy to go back to. Its error is a Conflict.
func goodBefore(changes []annotate.Change, undone annotate.Change) (annotate.Change, error) {
	switch {
	case !deploy.Begun(undone):
		return annotate.Change{}, errBack(undone, "has not begun, and takes no rollback")
	case undone.Undoes != "" && undone.Status != annotate.Succeeded:
		return annotate.Change{}, errBack(undone, "is a rollback that did not succeed: roll %s back again", undone.Undoes)
	}
	for _, c := range changes {
		if c.ID == undone.ID || c.Start.Before(undone.Start.Time) {
			continue
		}
		switch {
		case c.Undoes == undone.ID && c.Status == annotate.Succeeded:
			return annotate.Change{}, errBack(undone, "was rolled back already, to %s by %s", c.Version, c.ID)
		case c.Status == annotate.Succeeded, c.Status == annotate.Running:
			return annotate.Change{}, errBack(undone, "is not the newest: %s followed with %s; roll that back, or deploy the version that you want", c.Version, c.ID)
		}
	}
	good, ok := deploy.LastGood(changes, undone)
	if !ok {
		return annotate.Change{}, errBack(undone, "has nothing to go back to: the log has no other version of it that succeeded before")
	}
	return good, nil
}

// errBack says why a change is not rolled back.
func errBack(undone annotate.Change, format string, args ...any) error {
	return &annotate.Error{Code: annotate.Conflict, Field: "id", Value: undone.ID, Message: fmt.Sprintf(format, args...)}
}

// parametersOf are those of a deploy, as far as the target still has them; nil where
// they are not known.
func (c *Control) parametersOf(good annotate.Change, id deploy.ID) map[string]string {
	run, ok := (*c.runs.Load())[good.ID]
	if !ok {
		return nil
	}
	parameters := maps.Clone(run.Parameters)
	maps.DeleteFunc(parameters, func(name, _ string) bool {
		_, ok := c.settings.Load().targets[id].Parameters[name]
		return !ok
	})
	return parameters
}

// stillBack returns why a rollback that waited makes no sense any more; "" where it
// does.
func stillBack(changes []annotate.Change, run keptRun) string {
	for _, c := range changes {
		if c.ID == run.Undoes {
			if _, err := goodBefore(changes, c); err != nil {
				return "never begun: what it takes back " + err.(*annotate.Error).Message //nolint:errorlint,forcetypeassert // goodBefore has no other
			}
		}
	}
	return ""
}
