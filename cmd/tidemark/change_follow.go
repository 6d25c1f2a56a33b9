package main

import (
	"context"
	"fmt"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/internal/client"
	"github.com/tidemark/tidemark/internal/client/table"
)

// openWidth is the width of a table whose rows are still to come, where no
// terminal says how wide it is.
const openWidth = 160

type changeFollowCmd struct {
	outputFlag
	filterFlags
}

// Run shows the changes as they come in, until the process is told to stop.
func (c *changeFollowCmd) Run(ctx context.Context, io streams, parent *changeCmd) error {
	to, err := parent.client(io)
	if err != nil {
		return err
	}
	write := func(e annotate.Event) error { return table.JSON(io.Out, e.Change) }
	if c.table(io) {
		t := table.NewOpen(io.Out, min(io.width(), openWidth), time.Now)
		write = func(e annotate.Event) error { return t.Write(e.Change) }
	}
	follower := client.Follower{
		Client: to,
		Filter: c.filter(),
		Broken: func(err error, wait time.Duration) {
			io.warn(fmt.Sprintf("%v; connecting again in %s", err, table.Span(wait)))
		},
	}
	return follower.Run(ctx, write)
}
