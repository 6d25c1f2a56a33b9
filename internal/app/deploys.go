package app

import (
	"context"
	"path/filepath"

	deploys "github.com/tidemark/tidemark/annotate/deploy/control"
)

// startDeploys reads the holds on deploys from the log.
func (a *App) startDeploys(ctx context.Context) error {
	c, err := deploys.Open(ctx, deploys.Options{
		Log:     a.changes,
		Folder:  filepath.Join(a.opts.StoragePath, "deploys"),
		Logger:  a.logger.With("component", "deploys"),
		Metrics: a.telemetry.set,
	})
	if err != nil {
		return err
	}
	a.deploys = c
	a.stops.push("deploys", func(context.Context) error { return c.Close() })
	return nil
}
