//go:build e2e

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestHoldsStopDeploys holds and deploys from the command line, as people would, on a
// started server that is killed in between.
func TestHoldsStopDeploys(t *testing.T) {
	data, dir := t.TempDir(), t.TempDir()
	s := serve(t, "--storage.path="+data)
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command("tidemark", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TIDEMARK_SERVER="+s.url, "HOME="+dir, "TZ=UTC", "TIDEMARK_SPOOL="+filepath.Join(dir, "spool"))
		return cmd
	}
	run := func(code int, args ...string) string {
		t.Helper()
		cmd := command(args...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			_, exited := errors.AsType[*exec.ExitError](err)
			require.True(t, exited, err)
		}
		require.Equal(t, code, cmd.ProcessState.ExitCode(), string(out))
		return string(out)
	}
	deploy := func(environment string, flags ...string) []string {
		args := append([]string{"deploy", "--service", "web", "--environment", environment}, flags...)
		return append(args, "--", "touch", "deployed")
	}
	deployed := func() bool {
		path := filepath.Join(dir, "deployed")
		defer os.Remove(path)
		_, err := os.Stat(path)
		return err == nil
	}

	run(codeUsage, "hold", "add", "--environment", "production", "--for", "2h")
	require.Contains(t, run(codeFailed, "hold", "add", "--for", "soon", "-m", "x"), "90m, 2h or 3d")
	line := run(0, "hold", "add", "--environment", "production", "--for", "2h", "-m", "the database moves", "--who", "ann", "--output", "table")
	require.Contains(t, line, "deploys to production held by ann until ")
	id, _, _ := strings.Cut(line, " ")
	run(codeUsage, "hold", "add", "--for", "2h", "--until", "2101-01-01T00:00:00Z", "-m", "x")
	require.Contains(t, run(codeFailed, "hold", "add", "--env", "staging", "--until", "2101-01-01T00:00:00Z", "-m", "x"), "30 days")

	out := run(codeHeld, deploy("production")...)
	require.Contains(t, out, "not deployed: held by ann until ")
	require.Contains(t, out, "the database moves")
	require.False(t, deployed())
	run(0, deploy("staging")...)
	require.True(t, deployed())
	run(0, deploy("production", "--override", id, "--override-reason", "the outage")...)
	require.True(t, deployed())
	require.Contains(t, s.get("/api/v1/changes?service=web&environment=production"), "Passed what was held by ann")

	waiting := command(deploy("production", "--if-held", "wait")...)
	stderr := &lockedBuffer{}
	waiting.Stderr = stderr
	require.NoError(t, waiting.Start())
	require.Eventually(t, func() bool { return strings.Contains(stderr.String(), "waiting, for the deploy is held by ann") }, 30*time.Second, 10*time.Millisecond)

	require.Error(t, s.stop(syscall.SIGKILL))
	address := strings.TrimPrefix(s.url, "http://")
	s = serve(t, "--storage.path="+data, "--web.listen-address="+address)
	require.Equal(t, line, run(0, "hold", "list", "--output", "table"), "as if nothing had been")
	require.False(t, deployed())
	require.Equal(t, "deploys to production are not held by ann any more\n", run(0, "hold", "release", id, "-m", "it has moved", "--output", "table"))
	require.NoError(t, waiting.Wait(), stderr.String())
	require.True(t, deployed())
	run(codeFailed, "hold", "release", id)
}
