package control

import (
	"context"
	"fmt"

	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/driver"
)

// driverOf returns what carries a run out, as the configuration has it. For one that is
// not there any more it is an orphan, but for a local command, which needs no
// configuration once it was begun.
func (c *Control) driverOf(run keptRun) driver.Driver {
	if d := c.configured(run.Target(), run.Driver); d != nil {
		return d
	}
	if command := (&driver.Command{}); run.Driver == command.Name() {
		return command
	}
	return orphan{c, run.Target(), run.Driver}
}

// configured returns the driver of a target, where it has the name; else nil.
func (c *Control) configured(id deploy.ID, name string) driver.Driver {
	if target, ok := c.settings.Load().targets[id]; ok && target.Driver.Name() == name {
		return target.Driver
	}
	return nil
}

// orphan is the driver of a run whose target was taken out of the configuration. It can
// tell nothing, until that is there again.
type orphan struct {
	c    *Control
	id   deploy.ID
	name string
}

func (o orphan) ask() (driver.Driver, error) {
	if d := o.c.configured(o.id, o.name); d != nil {
		return d, nil
	}
	return nil, fmt.Errorf("the configuration does not have %s by %s any more, so nobody can tell how it goes: put it back", o.id, o.name)
}

// Name implements driver.Driver.
func (o orphan) Name() string { return o.name }

// Begin implements driver.Driver. Nobody begins a run that is not in the configuration.
func (o orphan) Begin(context.Context, driver.Job) (deploy.Ref, error) {
	_, err := o.ask()
	return deploy.Ref{}, err
}

// Find implements driver.Driver.
func (o orphan) Find(ctx context.Context, job driver.Job) (deploy.Ref, bool, error) {
	d, err := o.ask()
	if err != nil {
		return deploy.Ref{}, false, err
	}
	return d.Find(ctx, job)
}

// Follow implements driver.Driver.
func (o orphan) Follow(ctx context.Context, job driver.Job) (deploy.Outcome, error) {
	d, err := o.ask()
	if err != nil {
		return deploy.Outcome{}, err
	}
	return d.Follow(ctx, job)
}

// Cancel implements driver.Driver.
func (o orphan) Cancel(ctx context.Context, job driver.Job) error {
	d, err := o.ask()
	if err != nil {
		return err
	}
	return d.Cancel(ctx, job)
}
