package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/internal/client"
	"github.com/tidemark/tidemark/internal/client/table"
)

type changeCmd struct {
	connection
	Timeout time.Duration `default:"10s" help:"How long the server may take for each answer."`

	Add    changeAddCmd    `cmd:"" help:"Record a change."`
	List   changeListCmd   `cmd:"" help:"List changes, newest first."`
	Show   changeShowCmd   `cmd:"" help:"Show one change."`
	Follow changeFollowCmd `cmd:"" help:"Show changes as they come in."`
	Finish changeFinishCmd `cmd:"" help:"Say how a change ended."`
	Flush  changeFlushCmd  `cmd:"" help:"Send the reports that wait in the spool."`
}

func (c *changeCmd) client(io streams) (*client.Client, error) {
	return c.dial(c.Timeout, io)
}

// print writes one change.
func (f outputFlag) print(io streams, change annotate.Change) error {
	if f.table(io) {
		return table.Record(io.Out, change, time.Now())
	}
	return table.JSON(io.Out, change)
}

type changeShowCmd struct {
	outputFlag
	ID        string `arg:"" help:"The change's id."`
	Revisions bool   `help:"Show each state that the change had."`
}

// Run shows the change.
func (c *changeShowCmd) Run(ctx context.Context, io streams, parent *changeCmd) error {
	to, err := parent.client(io)
	if err != nil {
		return err
	}
	change, err := to.Change(ctx, c.ID)
	if err != nil {
		return err
	}
	if !c.Revisions {
		return c.print(io, change)
	}
	revisions, err := to.Revisions(ctx, c.ID)
	if err != nil {
		return err
	}
	if !c.table(io) {
		return table.JSON(io.Out, struct {
			Change    annotate.Change     `json:"change"`
			Revisions []annotate.Revision `json:"revisions"`
		}{change, revisions})
	}
	now := time.Now()
	if err := table.Record(io.Out, change, now); err != nil {
		return err
	}
	fmt.Fprintln(io.Out)
	return table.Revisions(io.Out, revisions, now)
}

type changeFinishCmd struct {
	outputFlag
	ID     string   `arg:"" help:"The change's id."`
	Status string   `default:"succeeded" enum:"succeeded,failed,cancelled,lost" help:"How it ended: ${enum}."`
	End    pastTime `placeholder:"TIME" help:"When it ended, such as '10m ago' (now)."`
	Text   string   `help:"What there is to say of it; replaces what was said."`
}

// Run says how the change ended.
func (c *changeFinishCmd) Run(ctx context.Context, io streams, parent *changeCmd) error {
	to, err := parent.client(io)
	if err != nil {
		return err
	}
	change, err := to.Amend(ctx, c.ID, annotate.Patch{Set: annotate.Report{
		Status: annotate.Status(c.Status), End: c.End.Time, Text: c.Text,
	}})
	if err != nil {
		return err
	}
	return c.print(io, change)
}

type changeFlushCmd struct{}

// Run sends what waits for the server, and fails while anything does.
func (c *changeFlushCmd) Run(ctx context.Context, io streams, parent *changeCmd) error {
	to, err := parent.client(io)
	if err != nil {
		return err
	}
	s, err := parent.openSpool()
	if err != nil {
		return err
	}
	done, err := client.NewOutbox(to, s, io.warn).Flush(ctx)
	if done.Lost > 0 {
		io.warn(fmt.Sprintf("%d changes had lost the process that was to report their end", done.Lost))
	}
	fmt.Fprintf(io.Out, "sent %d, refused %d, waiting %d\n", done.Sent, len(done.Problems), done.Waiting)
	if err == nil && len(done.Problems) > 0 {
		err = errors.New("not all reports could be sent; see above")
	}
	return err
}
