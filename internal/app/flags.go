package app

import (
	"context"
	"time"

	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
	"github.com/tidemark/tidemark/annotate/flag/flagfile"
	"github.com/tidemark/tidemark/internal/config"
)

// applyFlagsWithin is how long a reload waits for files of flags that do not answer.
const applyFlagsWithin = 10 * time.Second

// startFlags reads the flags from the log and the files, before the first request
// can ask for one.
func (a *App) startFlags(ctx context.Context) error {
	cfg := a.config.Load().Flags
	a.flagTally = flag.NewTally(a.telemetry.set)
	flags, err := control.Open(ctx, control.Options{
		Log:      a.changes,
		Settings: cfg.Settings(),
		Tally:    a.flagTally,
		Logger:   a.logger.With("component", "flags"),
		Metrics:  a.telemetry.set,
	})
	if err != nil {
		return err
	}
	a.flags = flags
	a.stops.push("flags", func(context.Context) error { return flags.Close() })
	files := flagfile.Start(ctx, flagfile.Options{
		Control: flags,
		Sources: cfg.Files,
		Logger:  a.logger.With("component", "flags"),
		Metrics: a.telemetry.set,
	})
	a.flagFiles = files
	a.stops.push("files of flags", func(context.Context) error { return files.Close() })
	return nil
}

// applyFlags takes over the section flags.
func (a *App) applyFlags(cfg *config.Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), applyFlagsWithin)
	defer cancel()
	if err := a.flags.Apply(ctx, cfg.Flags.Settings()); err != nil {
		return err
	}
	a.flagFiles.Apply(ctx, cfg.Flags.Files)
	a.server.AllowOrigins(cfg.Flags.Origins)
	a.server.EnrichContexts(cfg.Flags.Context)
	return nil
}
