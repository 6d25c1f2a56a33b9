package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
	"github.com/tidemark/tidemark/internal/client"
	"github.com/tidemark/tidemark/internal/client/table"
)

type flagCmd struct {
	connection
	Environment string        `placeholder:"NAME" env:"TIDEMARK_ENVIRONMENT" help:"Which environment's flags; the server's default one."`
	Timeout     time.Duration `default:"10s" help:"How long the server may take for each answer."`

	List     flagListCmd     `cmd:"" help:"List flags, and what they give."`
	Show     flagShowCmd     `cmd:"" help:"Show one flag."`
	On       flagOnCmd       `cmd:"" help:"Switch a flag on."`
	Off      flagOffCmd      `cmd:"" help:"Switch a flag off."`
	Set      flagSetCmd      `cmd:"" help:"Give a variation to all, or to a percentage; or define the flag by a file."`
	Ramp     flagRampCmd     `cmd:"" help:"Move a percentage step by step; with --stop, end that where it is."`
	Kill     flagKillCmd     `cmd:"" help:"Disable a flag at once, for everyone."`
	Schedule flagScheduleCmd `cmd:"" help:"Plan a flip; with --cancel, take it back."`
	History  flagHistoryCmd  `cmd:"" help:"Show the revisions that a flag had."`
	Restore  flagRestoreCmd  `cmd:"" help:"Make a flag what it was at a revision, also one that was deleted."`
	Delete   flagDeleteCmd   `cmd:"" help:"Delete a flag."`
	Trigger  flagTriggerCmd  `cmd:"" help:"Make a URL that kills the flag, and can do nothing else."`
	Import   flagImportCmd   `cmd:"" help:"Take over flags of GO Feature Flag, flagd, Unleash or LaunchDarkly."`
	Export   flagExportCmd   `cmd:"" help:"Write flags as a file of GO Feature Flag."`
	Lint     flagLintCmd     `cmd:"" help:"Check files of flags; without one, find the server's flags that are stale."`
}

func (c *flagCmd) client(io streams) (*client.Client, error) { return c.dial(c.Timeout, io) }

func (c *flagCmd) id(key string) client.FlagID {
	return client.FlagID{Environment: c.Environment, Key: key}
}

// whyFlags are what every command takes that changes a flag.
type whyFlags struct {
	outputFlag
	Reason string `short:"m" placeholder:"TEXT" help:"Why, for whoever reads the log."`
	Who    string `placeholder:"NAME" help:"The person who does it, where the token is not theirs."`
	DryRun bool   `help:"Only tell what would be done."`
}

// change does something to a flag, and tells what became of it.
func (f whyFlags) change(ctx context.Context, io streams, c *flagCmd, key, method, verb string, body map[string]any) error {
	to, err := c.client(io)
	if err != nil {
		return err
	}
	if body == nil {
		body = map[string]any{}
	}
	if f.Reason != "" {
		body["reason"] = f.Reason
	}
	if f.Who != "" {
		body["who"] = f.Who
	}
	ch := client.FlagChange{FlagID: c.id(key), Method: method, Verb: verb, Body: body}
	if f.DryRun {
		preview, err := to.PreviewFlag(ctx, ch)
		if err != nil {
			return err
		}
		return f.previewed(io, preview)
	}
	written, err := to.ChangeFlag(ctx, ch)
	if err != nil {
		return err
	}
	return f.written(io, written)
}

// written tells what a write did.
func (f whyFlags) written(io streams, w control.Written) error {
	if !f.table(io) {
		return table.JSON(io.Out, w)
	}
	switch {
	case !w.Changed:
		fmt.Fprintf(io.Out, "%s in %s is so already\n", table.Clean(w.Flag.Key), table.Clean(w.Flag.Environment))
	case w.Change != nil:
		fmt.Fprintf(io.Out, "%s (%s, revision %d, change %s)\n", table.Clean(w.Change.Headline()), table.Clean(w.Flag.Environment), w.Flag.Revision, w.Change.ID)
	}
	told(io, w.Rules, w.Notes)
	return table.Plans(io.Out, w.Flag, time.Now())
}

func (f whyFlags) previewed(io streams, p control.Preview) error {
	if !f.table(io) {
		return table.JSON(io.Out, p)
	}
	if !p.Changed {
		fmt.Fprintln(io.Out, "nothing would change")
		return nil
	}
	step := annotate.FlagChange{From: p.From.LogValue(), To: p.To.LogValue()}
	fmt.Fprintf(io.Out, "would change %s in %s: %s\n", table.Clean(p.Flag.Key), table.Clean(p.Flag.Environment), table.Clean(step.Step()))
	told(io, p.Rules, p.Notes)
	return nil
}

// told says what else a person has to know of a change.
func told(io streams, rules int, notes []string) {
	switch {
	case rules == 1:
		io.warn("1 targeting rule still comes first")
	case rules > 1:
		io.warn(fmt.Sprintf("%d targeting rules still come first", rules))
	}
	for _, note := range notes {
		io.warn(note)
	}
}

type flagListCmd struct {
	outputFlag
	Service string   `placeholder:"NAME" help:"Only flags whose metadata name this service."`
	Words   []string `arg:"" optional:"" help:"Words that must be in key, description, owner or service."`
}

// Run lists flags.
func (c *flagListCmd) Run(ctx context.Context, io streams, parent *flagCmd) error {
	to, err := parent.client(io)
	if err != nil {
		return err
	}
	var rows []table.FlagRow
	asTable := c.table(io)
	err = to.Flags(ctx, client.FlagQuery{Environment: parent.Environment, Service: c.Service, Text: joined(c.Words)}, func(f client.Flag) error {
		if asTable {
			rows = append(rows, table.FlagRow{Flag: f.Flag, Shares: f.Shares})
			return nil
		}
		return table.JSON(io.Out, f)
	})
	if err != nil {
		return err
	}
	return table.Flags(io.Out, rows, time.Now())
}

type flagShowCmd struct {
	outputFlag
	Key string `arg:"" help:"The flag's key."`
}

// Run shows a flag: on a terminal its definition as YAML, under what it gives.
func (c *flagShowCmd) Run(ctx context.Context, io streams, parent *flagCmd) error {
	to, err := parent.client(io)
	if err != nil {
		return err
	}
	f, err := to.Flag(ctx, parent.id(c.Key))
	if err != nil {
		return err
	}
	if !c.table(io) {
		return table.JSON(io.Out, f)
	}
	if err := table.Flags(io.Out, []table.FlagRow{{Flag: f.Flag, Shares: f.Shares}}, time.Now()); err != nil {
		return err
	}
	if err := table.Plans(io.Out, f.Flag, time.Now()); err != nil {
		return err
	}
	text, err := flag.MarshalFile(map[string]flag.Definition{f.Key: f.Definition}, flag.YAML)
	if err != nil {
		return err
	}
	fmt.Fprintf(io.Out, "\n%s", table.CleanText(string(text)))
	return nil
}

type flagOnCmd struct {
	whyFlags
	Key string `arg:"" help:"The flag's key."`
}

// Run switches a flag on.
func (c *flagOnCmd) Run(ctx context.Context, io streams, parent *flagCmd) error {
	return c.change(ctx, io, parent, c.Key, http.MethodPost, "/flip", map[string]any{"to": "on"})
}

type flagOffCmd struct {
	whyFlags
	Key string `arg:"" help:"The flag's key."`
}

// Run switches a flag off.
func (c *flagOffCmd) Run(ctx context.Context, io streams, parent *flagCmd) error {
	return c.change(ctx, io, parent, c.Key, http.MethodPost, "/flip", map[string]any{"to": "off"})
}

type flagKillCmd struct {
	whyFlags
	Key string `arg:"" help:"The flag's key."`
}

// Run disables a flag.
func (c *flagKillCmd) Run(ctx context.Context, io streams, parent *flagCmd) error {
	return c.change(ctx, io, parent, c.Key, http.MethodPost, "/kill", nil)
}

type flagDeleteCmd struct {
	whyFlags
	Key string `arg:"" help:"The flag's key."`
}

// Run deletes a flag.
func (c *flagDeleteCmd) Run(ctx context.Context, io streams, parent *flagCmd) error {
	return c.change(ctx, io, parent, c.Key, http.MethodDelete, "", nil)
}

type flagRestoreCmd struct {
	whyFlags
	Key      string `arg:"" help:"The flag's key."`
	Revision int64  `arg:"" help:"The number of the revision; tidemark flag history has them."`
}

// Run restores a revision.
func (c *flagRestoreCmd) Run(ctx context.Context, io streams, parent *flagCmd) error {
	return c.change(ctx, io, parent, c.Key, http.MethodPost, "/restore", map[string]any{"revision": c.Revision})
}

type flagHistoryCmd struct {
	outputFlag
	Key   string `arg:"" help:"The flag's key."`
	Limit int    `default:"20" help:"How many revisions to show at the most, up to 100."`
}

// Run shows a flag's revisions, newest first.
func (c *flagHistoryCmd) Run(ctx context.Context, io streams, parent *flagCmd) error {
	to, err := parent.client(io)
	if err != nil {
		return err
	}
	revisions, err := to.FlagHistory(ctx, parent.id(c.Key), c.Limit)
	if err != nil {
		return err
	}
	if c.table(io) {
		return table.FlagHistory(io.Out, revisions, time.Now())
	}
	for _, r := range revisions {
		if err := table.JSON(io.Out, r); err != nil {
			return err
		}
	}
	return nil
}

type flagTriggerCmd struct {
	Key    string `arg:"" help:"The flag's key."`
	Reason string `short:"m" placeholder:"TEXT" help:"Why, for whoever reads the log."`
	Remove bool   `help:"Take the trigger away: nobody can kill the flag by its URL any more."`
}

// Run makes a kill trigger, and prints its URL this once.
func (c *flagTriggerCmd) Run(ctx context.Context, io streams, parent *flagCmd) error {
	to, err := parent.client(io)
	if err != nil {
		return err
	}
	if c.Remove {
		return to.RemoveKillTrigger(ctx, parent.id(c.Key), c.Reason)
	}
	trigger, err := to.RenewKillTrigger(ctx, parent.id(c.Key), c.Reason)
	if err != nil {
		return err
	}
	fmt.Fprintln(io.Out, trigger)
	io.warn("whoever knows this URL can kill the flag by a POST to it; it is shown this once, and made anew ends the one before")
	return nil
}
