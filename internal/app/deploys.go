package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	deploys "github.com/tidemark/tidemark/annotate/deploy/control"
	"github.com/tidemark/tidemark/internal/config"
)

// startDeploys reads the deploys and the holds from the log, and goes on with what is
// under way.
func (a *App) startDeploys(ctx context.Context) error {
	self, err := supervisor()
	if err != nil {
		return err
	}
	c, err := deploys.Open(ctx, deploys.Options{
		Log:      a.changes,
		Settings: a.config.Load().Deploys.Settings(self),
		Folder:   filepath.Join(a.opts.StoragePath, "deploys"),
		Logger:   a.logger.With("component", "deploys"),
		Metrics:  a.telemetry.set,
	})
	if err != nil {
		return err
	}
	a.deploys = c
	a.stops.push("deploys", func(context.Context) error { return c.Close() })
	return nil
}

// supervisor is how to start the process that watches over a command: this program.
// Where the kernel can, it is the one that runs, also when its file was replaced.
func supervisor() ([]string, error) {
	self := "/proc/self/exe"
	if _, err := os.Stat(self); err != nil {
		if self, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("finding this program's own file: %w", err)
		}
	}
	return []string{self, "supervise-deploy"}, nil
}

// applyDeploys takes over the section deploys.
func (a *App) applyDeploys(cfg *config.Config) error {
	self, err := supervisor()
	if err != nil {
		return err
	}
	a.deploys.Apply(cfg.Deploys.Settings(self))
	return nil
}
