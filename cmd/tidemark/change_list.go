package main

import (
	"context"
	"fmt"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/internal/client/table"
)

type changeListCmd struct {
	outputFlag
	filterFlags
	From  pastTime `placeholder:"TIME" help:"Only changes that lasted to this time or longer, such as '1d ago'."`
	To    pastTime `placeholder:"TIME" help:"Only changes that began by this time."`
	Limit int      `default:"100" help:"How many changes to list at the most."`
}

// Run lists the changes, and says so where there are more.
func (c *changeListCmd) Run(ctx context.Context, io streams, parent *changeCmd) error {
	if c.Limit < 1 {
		return &exitError{codeUsage, fmt.Errorf("--limit: %d must be at least 1", c.Limit)}
	}
	to, err := parent.client(io)
	if err != nil {
		return err
	}
	ask := annotate.List{Filter: c.filter()}
	ask.From, ask.To = c.From.Time, c.To.Time
	var rows []annotate.Change
	asTable := c.table(io)
	for listed := 0; ; {
		ask.Limit = min(c.Limit-listed, annotate.MaxPage)
		page, err := to.List(ctx, ask)
		if err != nil {
			return err
		}
		listed += len(page.Changes)
		if asTable {
			rows = append(rows, page.Changes...)
		} else if err := writeLines(io, page.Changes); err != nil {
			return err
		}
		more := page.Next != nil && *page.Next != "" && len(page.Changes) > 0
		if more && listed < c.Limit {
			ask.Cursor = *page.Next
			continue
		}
		if err := writeTable(io, rows); err != nil {
			return err
		}
		if more {
			io.warn(fmt.Sprintf("there are more than these %d changes; ask for them with --limit, or for fewer with --from and --to", listed))
		}
		return nil
	}
}

func writeLines(io streams, changes []annotate.Change) error {
	for _, change := range changes {
		if err := table.JSON(io.Out, change); err != nil {
			return err
		}
	}
	return nil
}

func writeTable(io streams, rows []annotate.Change) error {
	t := table.New(io.Out, io.width(), time.Now, rows)
	for _, row := range rows {
		if err := t.Write(row); err != nil {
			return err
		}
	}
	return nil
}
