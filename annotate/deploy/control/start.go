package control

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

// Request asks for a deploy.
type Request struct {
	Author
	// Service and Environment name the target; Environment may be empty where the
	// service has one target only.
	Service, Environment string
	Version              string
	Parameters           map[string]string
	// ExternalID is the caller's own id for the deploy, at most MaxExternalID bytes;
	// empty for none. Asked for twice with the same, it is deployed once.
	ExternalID string
	// Wait says to wait in the queue while the target is held or frozen.
	Wait bool
	// Overrides are the ids of holds, and the names of freezes, that it passes. They
	// take a reason.
	Overrides []string
}

// What a Request is bounded by.
const (
	MaxExternalID = 150
	MaxOverrides  = 50
)

// Target finds what can be deployed; environment may be empty where the service has
// only one. Its error is Invalid, and says which there are.
func (c *Control) Target(service, environment string) (deploy.ID, error) {
	targets := c.settings.Load().targets
	if _, ok := targets[deploy.ID{Service: service, Environment: environment}]; ok {
		return deploy.ID{Service: service, Environment: environment}, nil
	}
	var services, environments []string
	for id := range targets {
		services = append(services, id.Service)
		if id.Service == service {
			environments = append(environments, id.Environment)
		}
	}
	slices.Sort(services)
	slices.Sort(environments)
	services = slices.Compact(services)
	switch {
	case len(targets) == 0:
		return deploy.ID{}, invalid("service", service, "cannot be deployed: no targets are configured; they are the section deploys of the configuration")
	case service == "":
		return deploy.ID{}, invalid("service", nil, "is missing; there are %s", strings.Join(services, ", "))
	case len(environments) == 0:
		return deploy.ID{}, invalid("service", service, "is none that can be deployed; there are %s", strings.Join(services, ", "))
	case environment != "":
		return deploy.ID{}, invalid("environment", environment, "is none that %s can be deployed to; there are %s", service, strings.Join(environments, ", "))
	case len(environments) > 1:
		return deploy.ID{}, invalid("environment", nil, "is missing; %s can be deployed to %s", service, strings.Join(environments, ", "))
	}
	return deploy.ID{Service: service, Environment: environments[0]}, nil
}

// Start asks for a deploy, which begins once nothing is in its way. created is false
// where one with the same ExternalID was asked for before: then that one is returned.
// Its errors are *annotate.Error: Invalid names the field, Held says who holds the
// target, Conflict that the ExternalID is another deploy's, TooMany that MaxQueue wait already, Unavailable asks to try again.
func (c *Control) Start(ctx context.Context, r Request) (v View, created bool, err error) {
	id, err := c.Target(r.Service, r.Environment)
	if err != nil {
		return View{}, false, err
	}
	return c.start(ctx, id, r, "")
}

// start asks for a deploy of the target, which takes back the change undoes, if any.
func (c *Control) start(ctx context.Context, id deploy.ID, r Request, undoes string) (v View, created bool, err error) {
	target, ok := c.settings.Load().targets[id]
	if !ok {
		return View{}, false, invalid("service", id.Service, "cannot be deployed to %s any more: the configuration has just changed", id.Environment)
	}
	parameters, err := target.Check(r.Version, r.Parameters)
	if err == nil {
		err = c.check(r, id)
	}
	if err != nil {
		return View{}, false, err
	}
	logID, err := newLogID(r.ExternalID)
	if err != nil {
		return View{}, false, err
	}
	if err := c.lock(ctx); err != nil {
		return View{}, false, err
	}
	defer c.unlock()
	all := *c.runs.Load()
	if same, ok := all.same(r, id, undoes); ok {
		if same.Target() != id || same.Version != r.Version {
			return View{}, false, &annotate.Error{
				Code: annotate.Conflict, Field: "external_id", Value: r.ExternalID,
				Message: fmt.Sprintf("is that of the deploy %s, of %s %s; give another an id of its own", same.ID, same.Target(), same.Version),
			}
		}
		return c.view(same), false, nil
	}
	if n := len(all.queue(id)); n >= MaxQueue {
		return View{}, false, &annotate.Error{Code: annotate.TooMany, Message: fmt.Sprintf("%d deploys of %s wait already, the most there may be: cancel some", n, id)}
	}
	overrides, held := c.obstacles(id, undoes != "", r.Overrides)
	if len(held) > 0 && !r.Wait {
		return View{}, false, errHeld(id, held)
	}
	who := r.owner()
	run := keptRun{LogID: logID, Run: deploy.Run{
		ExternalID: r.ExternalID, Service: id.Service, Environment: id.Environment,
		Version: r.Version, Parameters: parameters, Reason: r.Reason, Who: &who, Undoes: undoes, Wait: r.Wait,
		Status: annotate.Planned, Queued: annotate.At(c.now()), Driver: target.Driver.Name(), Overrides: overrides,
	}}
	run, err = c.keep(ctx, r.By, run, &annotate.Report{
		Status: annotate.Planned, Start: run.Queued, Who: &who, Text: r.Reason,
		Service: id.Service, Environment: id.Environment, Version: r.Version, Undoes: undoes, Evidence: passed(overrides, r.Author, run.Queued),
	})
	if err != nil {
		return View{}, false, err
	}
	return c.view(run), true, nil
}

// newLogID is the external id that a run's change has in the log.
func newLogID(externalID string) (string, error) {
	if externalID != "" {
		return "deploy/of/" + externalID, nil
	}
	unique, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("making an id: %w", err)
	}
	return "deploy/" + unique.String(), nil
}

// check returns what is wrong with r, beside what the target takes.
func (c *Control) check(r Request, id deploy.ID) error {
	if err := r.check(); err != nil {
		return err
	}
	switch required := slices.Contains(c.settings.Load().RequireReason, id.Environment); {
	case strings.TrimSpace(r.Reason) == "" && required:
		return invalid("reason", nil, "is missing; whoever deploys to %s says why", id.Environment)
	case strings.TrimSpace(r.Reason) == "" && len(r.Overrides) > 0:
		return invalid("reason", nil, "is missing; whoever passes a hold says why")
	case len(r.ExternalID) > MaxExternalID:
		return invalid("external_id", len(r.ExternalID), "is %d bytes long; at most %d are taken", len(r.ExternalID), MaxExternalID)
	case len(r.Overrides) > MaxOverrides:
		return invalid("override", len(r.Overrides), "has %d ids; at most %d are taken", len(r.Overrides), MaxOverrides)
	}
	return nil
}

// same returns the run that r asks for again: one with its external id, or a rollback
// of the same change that has not ended.
func (all runs) same(r Request, id deploy.ID, undoes string) (keptRun, bool) {
	for _, run := range all {
		switch {
		case r.ExternalID != "" && run.ExternalID == r.ExternalID,
			undoes != "" && run.Undoes == undoes && run.Target() == id && !run.Status.Ended():
			return run, true
		}
	}
	return keptRun{}, false
}

// obstacles returns what keeps a run of the target from beginning: what it passes by
// the ids, and what it does not.
func (c *Control) obstacles(id deploy.ID, back bool, ids []string) (passed, held []deploy.Obstacle) {
	for _, o := range deploy.Obstacles(id, c.now(), back, c.Holds(), c.settings.Load().Freezes) {
		if slices.Contains(ids, o.ID) {
			passed = append(passed, o)
		} else {
			held = append(held, o)
		}
	}
	return passed, held
}

func errHeld(id deploy.ID, held []deploy.Obstacle) error {
	return &annotate.Error{Code: annotate.Held, Message: fmt.Sprintf("%s is %s; wait for it with if_held: wait, or pass with override and a reason", id, describe(held))}
}

// describe says what keeps a deploy from beginning, and by which ids it could pass.
func describe(held []deploy.Obstacle) string {
	parts := make([]string, len(held))
	for i, o := range held {
		parts[i] = fmt.Sprintf("%s (%s)", o, o.ID)
	}
	return strings.Join(parts, "; ")
}

// passed is what the log is told of the holds and freezes that a run passes.
func passed(overrides []deploy.Obstacle, by Author, at annotate.Time) []annotate.Evidence {
	var list []annotate.Evidence
	for _, o := range overrides {
		list = append(list, annotate.Evidence{Source: source, Time: at, Text: fmt.Sprintf("%s passed what was %s (%s). %s", by.name(), o, o.ID, by.Reason)})
	}
	return list
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

// Rollback asks for the last good version before the deploy with the id, which may be
// any deploy of a target in the change log. It goes before all that wait, no freeze
// stops it, and the deploy is cancelled where it is still under way. Of r, Service,
// Environment and Version are not read; Parameters are those with which that version was deployed,
// as far as that is known, where r has none. created is false where it is being rolled
// back already. Its errors are those of Start, NotFound for an id that the log does not
// have, and Conflict where there is nothing to take back, or to go back to.
func (c *Control) Rollback(ctx context.Context, id string, r Request) (v View, created bool, err error) {
	undone, err := c.log.Get(ctx, id)
	if err != nil {
		return View{}, false, err
	}
	if undone.Kind != KindDeploy {
		return View{}, false, &annotate.Error{Code: annotate.Conflict, Field: "id", Value: id, Message: fmt.Sprintf("is a change of kind %s, and only a deploy can be rolled back", undone.Kind)}
	}
	target, err := c.Target(undone.Service, undone.Environment)
	if err != nil {
		return View{}, false, err
	}
	if same, ok := (*c.runs.Load()).same(Request{}, target, undone.ID); ok {
		return c.view(same), false, nil
	}
	changes, err := c.history(ctx, target)
	if err != nil {
		return View{}, false, err
	}
	good, err := goodBefore(changes, undone)
	if err != nil {
		return View{}, false, err
	}
	r.Version = good.Version
	if r.Parameters == nil {
		r.Parameters = c.parametersOf(good, target)
	}
	if undone.Status == annotate.Running {
		if err := c.cancelFor(ctx, undone.ID, r.Author); err != nil {
			return View{}, false, err
		}
	}
	return c.start(ctx, target, r, undone.ID)
}

// goodBefore returns the deploy to go back to. Its error is a Conflict.
func goodBefore(changes []annotate.Change, undone annotate.Change) (annotate.Change, error) {
	conflict := func(format string, args ...any) error {
		return &annotate.Error{Code: annotate.Conflict, Field: "id", Value: undone.ID, Message: fmt.Sprintf(format, args...)}
	}
	if undone.Status == annotate.Planned {
		return annotate.Change{}, conflict("has not begun, and takes no rollback: cancel it")
	}
	for _, c := range changes {
		if c.ID == undone.ID || c.Status == annotate.Planned || c.Start.Before(undone.Start.Time) {
			continue
		}
		switch {
		case c.Undoes == undone.ID && c.Status == annotate.Succeeded:
			return annotate.Change{}, conflict("was rolled back already, to %s by %s", c.Version, c.ID)
		case c.Status == annotate.Succeeded, c.Status == annotate.Running:
			return annotate.Change{}, conflict("is not the newest: %s followed with %s; roll that back, or deploy the version that you want", c.Version, c.ID)
		}
	}
	good, ok := deploy.LastGood(changes, undone)
	if !ok {
		return annotate.Change{}, conflict("has nothing to go back to: the log has no other version of it that succeeded before")
	}
	return good, nil
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

// cancelFor cancels what is rolled back. What has ended meanwhile, and what Tidemark does
// not carry out, stays as it is.
func (c *Control) cancelFor(ctx context.Context, id string, by Author) error {
	by.Reason = strings.TrimSuffix("rolled back: "+by.Reason, ": ")
	_, err := c.Cancel(ctx, id, by)
	switch annotate.CodeOf(err) {
	case annotate.NotFound, annotate.Conflict:
		return nil
	}
	return err
}
