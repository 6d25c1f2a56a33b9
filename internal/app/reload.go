package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/tidemark/tidemark/internal/config"
)

// reloader is a part that takes over a new configuration while it runs.
type reloader struct {
	name  string
	apply func(*config.Config) error
}

// applyAll gives next to every part. When one refuses it, those that had taken
// it are given last again, so that the configuration changes whole or not at
// all; last is nil at the start.
func applyAll(parts []reloader, next, last *config.Config) error {
	for i, part := range parts {
		err := part.apply(next)
		if err == nil {
			continue
		}
		err = fmt.Errorf("%s: %w", part.name, err)
		if last == nil {
			return err
		}
		for _, taken := range parts[:i+1] {
			if undoErr := taken.apply(last); undoErr != nil {
				err = errors.Join(err, fmt.Errorf("going back to the last configuration, %s: %w", taken.name, undoErr))
			}
		}
		return err
	}
	return nil
}

// apply makes next the configuration in force, whole or not at all.
func (a *App) apply(next *config.Config) error {
	if err := applyAll(a.parts, next, a.config.Load()); err != nil {
		return err
	}
	a.config.Store(next)
	return nil
}

// Reload reads the configuration file again and takes it over, whole or not at
// all. It returns why it did not, and Tidemark goes on as it was. One reload
// runs at a time; while Tidemark is starting or stopping there is none.
func (a *App) Reload(context.Context) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	if err := a.notReady(); err != nil {
		return fmt.Errorf("no reload, for %w: try again shortly", err)
	}
	next, err := a.loadConfig()
	if err == nil {
		err = a.apply(next)
	}
	a.telemetry.reloaded(err == nil, a.now())
	if err != nil {
		return fmt.Errorf("the configuration stays as it was: %w", err)
	}
	a.logNotes(next)
	a.logger.Info("configuration reloaded", "file", a.opts.ConfigFile)
	return nil
}
