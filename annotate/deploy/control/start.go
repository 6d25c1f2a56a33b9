package control

import (
	"context"
	"fmt"
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
// target, Conflict that the ExternalID is another deploy's, TooMany that MaxQueue wait
// already, Unavailable asks to try again.
func (c *Control) Start(ctx context.Context, r Request) (v View, created bool, err error) {
	id, err := c.Target(r.Service, r.Environment)
	if err != nil {
		return View{}, false, err
	}
	if err := c.lock(ctx); err != nil {
		return View{}, false, err
	}
	defer c.unlock()
	if same, err := c.again(r, id, ""); err != nil || same.ID != "" {
		return c.view(same), false, err
	}
	run, err := c.plan(ctx, id, r, "")
	if err != nil {
		return View{}, false, err
	}
	return c.view(run), true, nil
}

// plan keeps that a run of the target waits, which takes back the change undoes, if
// any. Whoever calls it holds writing.
func (c *Control) plan(ctx context.Context, id deploy.ID, r Request, undoes string) (keptRun, error) {
	target, ok := c.settings.Load().targets[id]
	if !ok {
		return keptRun{}, invalid("service", id.Service, "cannot be deployed to %s any more: the configuration has just changed", id.Environment)
	}
	parameters, err := target.Check(r.Version, r.Parameters)
	if err == nil {
		err = c.check(r, id)
	}
	if err != nil {
		return keptRun{}, err
	}
	if n := len((*c.runs.Load()).queue(id)); n >= MaxQueue {
		return keptRun{}, &annotate.Error{Code: annotate.TooMany, Message: fmt.Sprintf("%d deploys of %s wait already, the most there may be: cancel some", n, id)}
	}
	unique, err := uuid.NewV7()
	if err != nil {
		return keptRun{}, fmt.Errorf("making an id: %w", err)
	}
	overrides := slices.Clone(r.Overrides)
	for i, name := range overrides {
		if h, err := c.findHold(name); err == nil {
			overrides[i] = h.ID // however it was written
		}
	}
	if _, held := c.obstacles(id, undoes != "", overrides); len(held) > 0 && !r.Wait {
		return keptRun{}, errHeld(id, held)
	}
	who := r.owner()
	run := keptRun{LogID: "deploy/" + unique.String(), Run: deploy.Run{
		ExternalID: r.ExternalID, Service: id.Service, Environment: id.Environment,
		Version: r.Version, Parameters: parameters, Reason: r.Reason, Who: &who, Undoes: undoes, Wait: r.Wait, Override: overrides,
		Status: annotate.Planned, Queued: annotate.At(c.now()), Driver: target.Driver.Name(),
	}}
	return c.keep(ctx, r.By, run, &annotate.Report{
		Status: annotate.Planned, Start: run.Queued, Who: &who, Text: r.Reason,
		Service: id.Service, Environment: id.Environment, Version: r.Version, Undoes: undoes,
	})
}

// check returns what is wrong with r, beside what the target takes.
func (c *Control) check(r Request, id deploy.ID) error {
	if err := r.check(); err != nil {
		return err
	}
	settings := c.settings.Load()
	switch required := slices.Contains(settings.RequireReason, id.Environment); {
	case strings.TrimSpace(r.Reason) == "" && required:
		return invalid("reason", nil, "is missing; whoever deploys to %s says why", id.Environment)
	case strings.TrimSpace(r.Reason) == "" && len(r.Overrides) > 0:
		return invalid("reason", nil, "is missing; whoever passes a hold says why")
	case len(r.ExternalID) > MaxExternalID:
		return invalid("external_id", len(r.ExternalID), "is %d bytes long; at most %d are taken", len(r.ExternalID), MaxExternalID)
	case len(r.Overrides) > MaxOverrides:
		return invalid("override", len(r.Overrides), "has %d ids; at most %d are taken", len(r.Overrides), MaxOverrides)
	}
	for _, name := range r.Overrides {
		if _, err := c.findHold(name); err != nil && !slices.ContainsFunc(settings.Freezes, func(f deploy.Freeze) bool { return f.Name == name }) {
			return invalid("override", name, "is neither the id of a hold nor the name of a freeze; GET /api/v1/can_deploy tells them")
		}
	}
	return nil
}

// again returns the run that r asks for once more: one with its external id, or a
// rollback of the same change that has not ended; one without an id where there is
// none. Its error is a Conflict: the external id is another deploy's.
func (c *Control) again(r Request, id deploy.ID, undoes string) (keptRun, error) {
	all := *c.runs.Load()
	for _, run := range all {
		if r.ExternalID == "" || run.ExternalID != r.ExternalID {
			continue
		}
		if run.Target() != id || run.Undoes != undoes || undoes == "" && run.Version != r.Version {
			return keptRun{}, errTaken(r.ExternalID, fmt.Sprintf("that of the deploy %s, of %s %s", run.ID, run.Target(), run.Version))
		}
		return run, nil
	}
	for _, run := range all {
		if undoes == "" || run.Undoes != undoes || run.Target() != id || run.Status.Ended() {
			continue
		}
		if r.ExternalID != "" {
			return keptRun{}, &annotate.Error{Code: annotate.Conflict, Field: "id", Value: undoes, Message: "is being rolled back already, by " + run.ID}
		}
		return run, nil
	}
	return keptRun{}, nil
}

// errTaken says that an external id is another deploy's.
func errTaken(externalID, whose string) error {
	return &annotate.Error{Code: annotate.Conflict, Field: "external_id", Value: externalID, Message: "is " + whose + "; give another an id of its own"}
}

// obstacles returns what keeps a run of the target from beginning: what it passes by
// the ids, and what it does not.
func (c *Control) obstacles(id deploy.ID, back bool, ids []string) (passed, held []deploy.Obstacle) {
	return deploy.Pass(deploy.Obstacles(id, c.now(), back, c.Holds(), c.settings.Load().Freezes), ids)
}

// heldBy is what keeps a run from beginning, beside the queue.
func (c *Control) heldBy(run keptRun) (passed, held []deploy.Obstacle) {
	return c.obstacles(run.Target(), run.Undoes != "", run.Override)
}

func errHeld(id deploy.ID, held []deploy.Obstacle) error {
	return &annotate.Error{Code: annotate.Held, Message: fmt.Sprintf("%s is %s; wait for it with if_held: wait, or pass with override and a reason", id, deploy.Describe(held))}
}

// passed is what the log is told of the holds and freezes that a run passes.
func passed(run keptRun) []annotate.Evidence {
	var list []annotate.Evidence
	for _, o := range run.Overrides {
		list = append(list, annotate.Evidence{Source: source, Time: run.Started, Text: cut(fmt.Sprintf("passed what was %s (%s): %s", o, o.ID, run.Reason))})
	}
	return list
}
