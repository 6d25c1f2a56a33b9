package app

import (
	"context"

	"github.com/tidemark/tidemark/annotate/intake/hooks"
	"github.com/tidemark/tidemark/internal/config"
)

// startHooks sets the webhooks up.
func (a *App) startHooks(context.Context) error {
	a.hooks = hooks.New(hooks.Options{
		Log:     a.changes,
		Logger:  a.logger.With("component", "hooks"),
		Metrics: a.telemetry.set,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.hooks.Run(ctx)
	}()
	a.stops.push("hooks", func(context.Context) error {
		cancel()
		<-done
		return nil
	})
	return a.applyHooks(a.config.Load())
}

// applyHooks takes over the section hooks.
func (a *App) applyHooks(cfg *config.Config) error {
	a.hooks.Apply(cfg.Hooks.Setups())
	return nil
}
