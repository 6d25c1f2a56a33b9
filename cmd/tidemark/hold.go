package main

import (
	"context"
	"fmt"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/internal/client"
	"github.com/tidemark/tidemark/internal/client/table"
)

type holdCmd struct {
	connection
	Timeout time.Duration `default:"10s" help:"How long the server may take to answer."`

	Add     holdAddCmd     `cmd:"" help:"Hold deploys for a while."`
	List    holdListCmd    `cmd:"" help:"List the holds."`
	Release holdReleaseCmd `cmd:"" help:"End a hold now."`
}

type holdAddCmd struct {
	outputFlag
	Service     string    `help:"The service to hold; every one where it is not given."`
	Environment string    `aliases:"env" help:"The environment to hold; every one where it is not given."`
	For         string    `xor:"end" required:"" placeholder:"DURATION" help:"How long it lasts, unless it is released before: 90m, 2h, 3d."`
	Until       time.Time `xor:"end" required:"" format:"2006-01-02T15:04:05Z07:00" placeholder:"TIME" help:"When it ends by itself, in RFC 3339: 2026-03-04T09:00:00Z."`
	Reason      string    `short:"m" required:"" placeholder:"TEXT" help:"Why, for whoever is stopped by it."`
	Who         string    `placeholder:"NAME" env:"TIDEMARK_WHO" help:"Who holds it, where the token is not theirs."`
}

// Run makes the hold, and says its id.
func (c *holdAddCmd) Run(ctx context.Context, io streams, parent *holdCmd) error {
	to, err := parent.dial(parent.Timeout, io)
	if err != nil {
		return err
	}
	h, err := to.Hold(ctx, client.HoldRequest{
		Service: c.Service, Environment: c.Environment, Reason: c.Reason, For: c.For, Until: annotate.At(c.Until), Who: c.Who,
	})
	if err != nil {
		return err
	}
	return c.tellHold(io, h)
}

type holdListCmd struct{ outputFlag }

// Run lists the holds.
func (c *holdListCmd) Run(ctx context.Context, io streams, parent *holdCmd) error {
	to, err := parent.dial(parent.Timeout, io)
	if err != nil {
		return err
	}
	holds, err := to.Holds(ctx)
	if err != nil {
		return err
	}
	for _, h := range holds {
		if err := c.tellHold(io, h); err != nil {
			return err
		}
	}
	return nil
}

type holdReleaseCmd struct {
	outputFlag
	ID     string `arg:"" help:"The hold's id."`
	Reason string `short:"m" placeholder:"TEXT" help:"Why, for whoever reads the log."`
	Who    string `placeholder:"NAME" env:"TIDEMARK_WHO" help:"Who releases it, where the token is not theirs."`
}

// Run ends the hold.
func (c *holdReleaseCmd) Run(ctx context.Context, io streams, parent *holdCmd) error {
	to, err := parent.dial(parent.Timeout, io)
	if err != nil {
		return err
	}
	h, err := to.Release(ctx, c.ID, c.Reason, c.Who)
	if err != nil {
		return err
	}
	if !c.table(io) {
		return table.JSON(io.Out, h)
	}
	_, err = fmt.Fprintf(io.Out, "%s are not held by %s any more\n", table.Clean(h.What()), table.Clean(h.Owner.Name))
	return err
}

// tellHold writes one hold, on one line.
func (f outputFlag) tellHold(io streams, h deploy.Hold) error {
	if !f.table(io) {
		return table.JSON(io.Out, h)
	}
	_, err := fmt.Fprintf(io.Out, "%s  %s held by %s until %s: %s\n", h.ID, table.Clean(h.What()), table.Clean(h.Owner.Name),
		h.Until.Local().Format("2006-01-02 15:04 MST"), table.Clean(h.Reason))
	return err
}
