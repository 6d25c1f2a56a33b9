package app

import (
	"context"

	"github.com/tidemark/tidemark/annotate/publish"
	"github.com/tidemark/tidemark/internal/config"
)

// startTelling tells subscribers of changes, until the stop.
func (a *App) startTelling(context.Context) error {
	source := "tidemark"
	if a.opts.ExternalURL != nil {
		source = a.opts.ExternalURL.String()
	}
	a.publisher = publish.New(publish.Options{
		Log:     a.changes,
		Logger:  a.logger.With("component", "subscribers"),
		Metrics: a.telemetry.set,
		Source:  source,
		Version: a.opts.Version,
	})
	a.stops.push("subscribers", func(context.Context) error {
		a.publisher.Close()
		return nil
	})
	return a.applySubscribers(a.config.Load())
}

// applySubscribers takes over the section subscribers.
func (a *App) applySubscribers(cfg *config.Config) error {
	a.publisher.Apply(cfg.Subscribers.Subscribers())
	return nil
}
