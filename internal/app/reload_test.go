package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/internal/config"
)

func TestApplyAllIsWholeOrNothing(t *testing.T) {
	next, last := config.Default(), config.Default()
	in := map[string]*config.Config{}
	refuse := errors.New("refused")
	part := func(name string, err error) reloader {
		return reloader{name, func(cfg *config.Config) error {
			in[name] = cfg // what a part does that fails half-way
			if cfg == next {
				return err
			}
			return nil
		}}
	}
	parts := []reloader{part("a", nil), part("b", nil), part("c", refuse), part("d", nil)}
	require.NoError(t, applyAll(parts, last, nil))
	err := applyAll(parts, next, last)
	require.ErrorIs(t, err, refuse)
	require.ErrorContains(t, err, "c: ")
	for name, cfg := range in {
		require.Same(t, last, cfg, name)
	}

	require.NoError(t, applyAll(parts[:2], next, last))
	require.Same(t, next, in["a"])
	require.Same(t, next, in["b"])

	broken := reloader{"broken", func(cfg *config.Config) error {
		if cfg == last {
			return errors.New("no way back")
		}
		return nil
	}}
	err = applyAll([]reloader{broken, part("c", refuse)}, next, last)
	require.ErrorIs(t, err, refuse)
	require.ErrorContains(t, err, "going back to the last configuration, broken: no way back")
}

// settings is a configuration file whose every part a reload changes.
func settings(anonymous string, samples, changes, batch int, job, rest string) string {
	return fmt.Sprintf(`
global: {scrape_interval: 1s, external_labels: {site: %[5]s}%[6]s}
scrape_configs: [{job_name: %[5]s}]
host: {job_name: %[5]s-node}
auth: {anonymous: %[1]s}
ingest: {max_samples_per_request: %[2]d}
changes: {max_per_request: %[4]d, series: {max_changes: %[3]d}}
`, anonymous, samples, changes, batch, job, rest)
}

func TestReloadIsWholeOrNothing(t *testing.T) {
	opts := options(t)
	opts.ConfigFile = write(t, filepath.Join(t.TempDir(), "tidemark.yml"), settings("viewer", 10, 1, 1, "first", ""))
	a := start(t, opts)
	for i := range 2 {
		code, body := a.post("/api/v1/changes", fmt.Sprintf(`{"kind":"deploy","service":"s%d"}`, i))
		require.Equal(t, http.StatusCreated, code, body)
	}
	const both = `{"changes":[{"kind":"deploy","service":"a"},{"kind":"deploy","service":"b"}]}`
	f := func(job string, changesCode, batchCode int) {
		t.Helper()
		_, body := a.get("/api/v1/status/config")
		require.Contains(t, body, "job_name: "+job+"-node")
		require.Contains(t, body, "site: "+job)
		code, body := a.get("/api/v1/query?query=tidemark_change")
		require.Equal(t, changesCode, code, body)
		code, body = a.post("/api/v1/changes", both)
		require.Equal(t, batchCode, code, body)
	}
	f("first", http.StatusUnprocessableEntity, http.StatusUnprocessableEntity)

	// The query log comes after the host and the storage, and is refused.
	write(t, opts.ConfigFile, settings("none", 20, 100, 2, "second", ", query_log_file: /missing/folder/queries.log"))
	code, body := a.post("/-/reload", "")
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Contains(t, body, "query_log_file")
	f("first", http.StatusUnprocessableEntity, http.StatusUnprocessableEntity)
	require.Zero(t, a.telemetry.reloadOK.Get())

	write(t, opts.ConfigFile, settings("viewer", 20, 100, 2, "second", ""))
	require.NoError(t, a.Reload(t.Context()))
	f("second", http.StatusOK, http.StatusOK)
	require.InDelta(t, 1, a.telemetry.reloadOK.Get(), 0)
}

func TestReloadsAtOnceWithQueries(t *testing.T) {
	opts := options(t)
	opts.ConfigFile = write(t, filepath.Join(t.TempDir(), "tidemark.yml"), settings("viewer", 10, 10, 1, "first", ""))
	a := start(t, opts)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 5 {
				if err := a.Reload(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
		wait.Go(func() {
			for range 20 {
				for _, path := range []string{"/", "/api/v1/query?query=up", "/api/v1/status/config", "/federate?match[]=up", "/metrics", "/api/v1/targets"} {
					if code, body := a.get(path); code != http.StatusOK {
						t.Error(path, code, body)
					}
				}
			}
		})
	}
	wait.Wait()
}

func TestNoReloadBeforeAndAfter(t *testing.T) {
	a, err := New(options(t))
	require.NoError(t, err)
	require.ErrorContains(t, a.Reload(t.Context()), "starting, or stopping")
	r := start(t, options(t))
	r.end()
	require.ErrorContains(t, r.Reload(t.Context()), "starting, or stopping")
}
