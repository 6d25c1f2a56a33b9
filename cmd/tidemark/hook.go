package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/intake/hooks"
	"github.com/tidemark/tidemark/internal/client"
	"github.com/tidemark/tidemark/internal/client/table"
)

type hookCmd struct {
	connection
	Timeout time.Duration `default:"10s" help:"How long the server may take to answer."`

	List       hookListCmd       `cmd:"" help:"List the webhooks, and what became of what was sent to them."`
	Deliveries hookDeliveriesCmd `cmd:"" help:"List the deliveries that a webhook did not understand."`
	Show       hookShowCmd       `cmd:"" help:"Show one of them as it came, such as for tidemark check hook."`
	Replay     hookReplayCmd     `cmd:"" help:"Have them read again, as the webhook is set up now."`
	Drop       hookDropCmd       `cmd:"" help:"Let go of one that nobody needs."`
}

type hookListCmd struct{ outputFlag }

// Run lists the hooks.
func (c *hookListCmd) Run(ctx context.Context, io streams, parent *hookCmd) error {
	to, err := parent.dial(parent.Timeout, io)
	if err != nil {
		return err
	}
	list, err := to.Hooks(ctx)
	if err != nil {
		return err
	}
	if c.table(io) {
		return table.Hooks(io.Out, list)
	}
	for _, h := range list {
		if err := table.JSON(io.Out, h); err != nil {
			return err
		}
	}
	return nil
}

type hookDeliveriesCmd struct {
	outputFlag
	Name  string `arg:"" help:"The hook's name."`
	Limit int    `default:"50" help:"How many to list at the most."`
}

// Run lists the deliveries that were not understood.
func (c *hookDeliveriesCmd) Run(ctx context.Context, io streams, parent *hookCmd) error {
	if c.Limit < 1 || c.Limit > annotate.MaxPage {
		return &exitError{codeUsage, fmt.Errorf("--limit: %d must be from 1 to %d", c.Limit, annotate.MaxPage)}
	}
	to, err := parent.dial(parent.Timeout, io)
	if err != nil {
		return err
	}
	list, err := to.Deliveries(ctx, c.Name, 0, c.Limit)
	if err != nil {
		return err
	}
	if c.table(io) {
		return table.Deliveries(io.Out, list)
	}
	for _, d := range list {
		if err := table.JSON(io.Out, d); err != nil {
			return err
		}
	}
	return nil
}

type hookShowCmd struct {
	Name string `arg:"" help:"The hook's name."`
	ID   int64  `arg:"" help:"The delivery's number."`
	JSON bool   `help:"All that is kept of it, as JSON, and not the body alone."`
}

// Run writes the body as it came: to a file byte for byte, so that it can be tried. The
// headers that say what it is go beside it, as tidemark check hook takes them.
func (c *hookShowCmd) Run(ctx context.Context, io streams, parent *hookCmd) error {
	to, err := parent.dial(parent.Timeout, io)
	if err != nil {
		return err
	}
	d, err := to.Delivery(ctx, c.Name, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return table.JSON(io.Out, d)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Header)) {
		fmt.Fprintf(io.Err, "-H '%s: %s'\n", name, table.Clean(d.Header[name]))
	}
	body := append([]byte(d.Body), d.Bytes...)
	if io.isTerminal() {
		body = []byte(table.CleanText(string(body)) + "\n")
	}
	_, err = io.Out.Write(body)
	return err
}

type hookReplayCmd struct {
	outputFlag
	Name string  `arg:"" help:"The hook's name."`
	IDs  []int64 `arg:"" optional:"" name:"id" help:"The deliveries' numbers."`
	All  bool    `help:"All that are kept."`
}

// Run has deliveries read again. It fails where one is not understood still.
func (c *hookReplayCmd) Run(ctx context.Context, io streams, parent *hookCmd) error {
	if c.All == (len(c.IDs) > 0) {
		return &exitError{codeUsage, errors.New("say which deliveries to read again: their numbers, or --all")}
	}
	to, err := parent.dial(parent.Timeout, io)
	if err != nil {
		return err
	}
	ids := c.IDs
	if c.All {
		if ids, err = allDeliveries(ctx, to, c.Name); err != nil {
			return err
		}
	}
	var failed int
	var errs []error
	for _, id := range ids { // each by itself: what is wrong with one keeps no other
		receipt, err := to.Replay(ctx, c.Name, id)
		if err != nil {
			errs = append(errs, fmt.Errorf("delivery %d: %w", id, err))
			continue
		}
		if receipt.Kept != 0 {
			failed++
		}
		if err := c.tellReceipt(io, id, receipt); err != nil {
			return err
		}
	}
	if failed > 0 {
		errs = append(errs, fmt.Errorf("%d of %d deliveries are not understood still, and stay", failed, len(ids)))
	}
	return errors.Join(errs...)
}

// allDeliveries are the numbers of all that a hook keeps, oldest first.
func allDeliveries(ctx context.Context, to *client.Client, hook string) ([]int64, error) {
	list, err := to.Deliveries(ctx, hook, 0, annotate.MaxDeliveries)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(list))
	for i, d := range list {
		ids[len(list)-1-i] = d.ID
	}
	return ids, nil
}

// tellReceipt says what became of one delivery.
func (f outputFlag) tellReceipt(io streams, id int64, r hooks.ReceiptView) error {
	if !f.table(io) {
		return table.JSON(io.Out, r)
	}
	say := func(format string, args ...any) error {
		_, err := fmt.Fprintf(io.Out, "%d: "+format+"\n", append([]any{id}, args...)...)
		return err
	}
	switch {
	case r.Kept != 0:
		return say("not understood still: %s", table.Clean(r.Why))
	case r.Ignored != "":
		return say("no change: %s", table.Clean(r.Ignored))
	}
	for _, change := range r.Changes {
		if err := say("%s %s, %s", change.Outcome, change.ID, change.Status); err != nil {
			return err
		}
	}
	return nil
}

type hookDropCmd struct {
	Name string `arg:"" help:"The hook's name."`
	ID   int64  `arg:"" help:"The delivery's number."`
}

// Run lets go of a delivery.
func (c *hookDropCmd) Run(ctx context.Context, io streams, parent *hookCmd) error {
	to, err := parent.dial(parent.Timeout, io)
	if err != nil {
		return err
	}
	return to.DropDelivery(ctx, c.Name, c.ID)
}
