package app

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/storage"

	"github.com/tidemark/tidemark/query/watch"
)

// startWatching looks at which versions the targets run, until the stop.
func (a *App) startWatching(samples storage.Queryable) {
	w := watch.New(watch.Options{
		Samples:    samples,
		Log:        a.changes,
		Logger:     a.logger.With("component", "versions"),
		Metrics:    a.telemetry.set,
		Settings:   func() *watch.Settings { return a.config.Load().Versions.Watched() },
		Every:      func() time.Duration { return time.Duration(a.config.Load().Prometheus.GlobalConfig.ScrapeInterval) },
		JoinWithin: a.config.Load().Changes.JoinWithin,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	a.stops.push("versions", func(context.Context) error {
		cancel()
		<-done
		return nil
	})
}
