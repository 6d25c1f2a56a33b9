package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/prometheus/prometheus/tsdb/fileutil"
)

// lockFolder makes the storage folder if it is missing, and locks it before
// anything in it is opened: a second Tidemark must not touch what the first one
// writes. The lock ends with the process, however that ends.
func (a *App) lockFolder(context.Context) error {
	dir := a.opts.StoragePath
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return fmt.Errorf("the storage path %s is a file: give a folder", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("creating the storage folder: %w", err)
	}
	lock, _, err := fileutil.Flock(filepath.Join(dir, "lock"))
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return fmt.Errorf("the storage folder %s is locked: another Tidemark keeps its data there; stop it, or give each a folder of its own", dir)
	case err != nil:
		return fmt.Errorf("locking the storage folder, which Tidemark must be able to write to: %w", err)
	}
	a.stops.push("folder", func(context.Context) error { return lock.Release() })
	return nil
}
