//go:build e2e

package tests

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/grafana-plugin/tests/grafanahost"
	"github.com/tidemark/tidemark/grafana-plugin/tests/pluginprocess"
	"github.com/tidemark/tidemark/grafana-plugin/tests/tidemarkserver"
)

// patience is how long a test waits for what must come; it is no measure of how
// long it should take.
const patience = 60 * time.Second

// programs are the executables under test. make builds them and says where they
// are; a test that is run by hand builds them itself.
var programs struct{ tidemark, backend, harness string }

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run builds the programs into a folder that goes with the tests.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tidemark-plugin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	for _, program := range []struct {
		file                  *string
		env, module, pkg, out string
	}{
		{&programs.tidemark, "TIDEMARK_BIN", "../..", "./cmd/tidemark", "tidemark"},
		{&programs.backend, "TIDEMARK_BACKEND", "..", "./pkg", "gpx_tidemark"},
		{&programs.harness, "TIDEMARK_HARNESS", "..", "./tests/harness", "harness"},
	} {
		if *program.file = os.Getenv(program.env); *program.file != "" {
			continue
		}
		*program.file = filepath.Join(dir, program.out)
		if runtime.GOOS == "windows" {
			*program.file += ".exe"
		}
		build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", *program.file, program.pkg)
		build.Dir = program.module
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", program.pkg, err, out)
			return 1
		}
	}
	return m.Run()
}

// parts are a started Tidemark, the backend, and the data source that joins them.
type parts struct {
	server  *tidemarkserver.Server
	process *pluginprocess.Process
	host    *grafanahost.Host
}

// start brings up a Tidemark that scrapes this host, and the backend on it.
func start(t *testing.T) *parts {
	t.Helper()
	server, err := tidemarkserver.Start(t.Context(), programs.tidemark, filepath.Join(t.TempDir(), "data"),
		tidemarkserver.Options{Config: tidemarkserver.EachSecond, Log: t.Output()})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	process := startBackend(t)
	return &parts{server: server, process: process, host: grafanahost.New(process, grafanahost.Settings{URL: server.URL})}
}

// startBackend starts the backend alone, and ends it with the test.
func startBackend(t *testing.T) *pluginprocess.Process {
	t.Helper()
	process, err := pluginprocess.Start(t.Context(), programs.backend, t.Output())
	require.NoError(t, err)
	t.Cleanup(process.Stop)
	return process
}

// record sends a change that must be taken, and returns its id.
func (p *parts) record(t *testing.T, change string) string {
	t.Helper()
	id, err := p.server.Record(t.Context(), change)
	require.NoError(t, err)
	return id
}

// waitSamples waits until the server has scraped what a query asks for.
func (p *parts) waitSamples(t *testing.T, promql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, p.server.WaitSamples(ctx, promql))
}

// source is the context of the data source.
func (p *parts) source() backend.PluginContext { return p.host.Source() }
