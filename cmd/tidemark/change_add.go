package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/internal/client"
)

type changeAddCmd struct {
	outputFlag
	whatFlags
	Kind    string   `required:"" help:"deploy, flag, config, incident, maintenance, drill, restart, or a word of your own."`
	Start   pastTime `placeholder:"TIME" help:"When it began: RFC 3339, Unix time, or such as '10m ago' (now)."`
	End     pastTime `placeholder:"TIME" help:"When it ended."`
	Status  string   `help:"planned, running, succeeded, failed, cancelled or lost."`
	Flag    string   `sep:"none" placeholder:"KEY=FROM:TO" help:"The flag that changed, and its values before and after."`
	NoSpool bool     `help:"Fail when the server cannot take the change now, rather than keep it for later."`

	Words []string `arg:"" optional:"" name:"title" help:"The title."`
}

// Run records the change and prints it. When the server cannot be reached it
// keeps the change for later, and prints nothing.
func (c *changeAddCmd) Run(ctx context.Context, io streams, parent *changeCmd) error {
	r, err := c.reported(time.Now())
	if err != nil {
		return &exitError{codeUsage, err}
	}
	to, err := parent.client(io)
	if err != nil {
		return err
	}
	outbox := client.NewOutbox(to, nil, io.warn)
	if !c.NoSpool {
		outbox = parent.outbox(to, io)
	}
	change, err := outbox.Send(ctx, r)
	if errors.Is(err, client.ErrSpooled) {
		return nil // Send told so
	}
	if err != nil {
		return err
	}
	if err := c.print(io, change); err != nil {
		return err
	}
	// What waited longer than this change is not this command's to fail for.
	waiting, cancel := context.WithTimeout(ctx, parent.Timeout)
	defer cancel()
	_, _ = outbox.Flush(waiting)
	return nil
}

// reported returns what the flags say, as it was at now. Whatever a log would
// refuse is an error here already: a report may have to wait in the spool, and
// then nobody would see the refusal.
func (c *changeAddCmd) reported(now time.Time) (annotate.Report, error) {
	r, err := c.report("tidemark-change")
	if err != nil {
		return annotate.Report{}, err
	}
	r.Kind, r.Start, r.End, r.Status = c.Kind, c.Start.Time, c.End.Time, annotate.Status(c.Status)
	if len(c.Words) > 0 {
		if r.Title != "" {
			return annotate.Report{}, errors.New("the title is given twice; say it with --title or without")
		}
		r.Title = strings.Join(c.Words, " ")
	}
	if c.Flag != "" {
		if r.Flag, err = parseFlagChange(c.Flag); err != nil {
			return annotate.Report{}, err
		}
	}
	// Said now, for the report may arrive later.
	as := r.New(now)
	r.Start, r.Status = as.Start, as.Status
	if as.End != nil {
		r.End = *as.End
	}
	return r, as.Validate(now)
}
