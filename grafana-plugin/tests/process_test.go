//go:build e2e && unix

package tests

import (
	"bufio"
	"encoding/json"
	"errors"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestProcess holds the backend's process to what Grafana expects of it.
func TestProcess(t *testing.T) {
	t.Run("it answers a ping, and ends when it is told to", func(t *testing.T) {
		process := startBackend(t)
		require.NoError(t, process.Ping(t.Context()))
		process.Stop()
		require.True(t, process.Exited())
		require.True(t, gone(process.Pid()))
	})
	t.Run("it does not start by hand", func(t *testing.T) {
		out, err := exec.Command(programs.backend).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "plugin")
	})
	for _, how := range []string{"the end of its input", "SIGTERM"} {
		t.Run("it ends with its host, by "+how, func(t *testing.T) {
			host := exec.Command(programs.harness, "-tidemark", programs.tidemark, "-backend", programs.backend, "-dist", t.TempDir(), "-page", t.TempDir())
			in, err := host.StdinPipe()
			require.NoError(t, err)
			out, err := host.StdoutPipe()
			require.NoError(t, err)
			host.Stderr = t.Output()
			require.NoError(t, host.Start())
			t.Cleanup(func() { _ = host.Process.Kill() })
			line, err := bufio.NewReader(out).ReadBytes('\n')
			require.NoError(t, err)
			var started struct {
				Backend int `json:"backend_pid"`
			}
			require.NoError(t, json.Unmarshal(line, &started))
			require.False(t, gone(started.Backend))

			if how == "SIGTERM" {
				require.NoError(t, host.Process.Signal(syscall.SIGTERM))
			} else {
				require.NoError(t, in.Close())
			}
			require.NoError(t, host.Wait())
			require.Eventually(t, func() bool { return gone(started.Backend) }, patience, 10*time.Millisecond)
		})
	}
}

// gone says whether no process has the number.
func gone(pid int) bool {
	return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
