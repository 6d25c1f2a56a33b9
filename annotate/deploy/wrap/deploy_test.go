package wrap

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

// memory is a Log that remembers.
type memory struct {
	opened, closed annotate.Report
	// opening is called by Open.
	opening func(context.Context)
}

func (m *memory) Open(ctx context.Context, r annotate.Report) {
	m.opened = r
	if m.opening != nil {
		m.opening(ctx)
	}
}
func (*memory) Alive(time.Time)                              {}
func (m *memory) Close(_ context.Context, r annotate.Report) { m.closed = r }

// runIn runs args with their output in files, and returns what came of it.
func runIn(t *testing.T, log *memory, args ...string) (Outcome, string) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer out.Close()
	outcome := Deploy{
		Report: annotate.Report{Source: "test", ExternalID: "1", Kind: "deploy", Service: "web"},
		Args:   args, Stdout: out, Stderr: out, Log: log,
	}.Run(context.Background())
	b, err := os.ReadFile(out.Name())
	require.NoError(t, err)
	return outcome, string(b)
}

func TestRun(t *testing.T) {
	script := func(content string, mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), "script")
		require.NoError(t, os.WriteFile(path, []byte(content), mode)) //nolint:gosec // a script of the test's own
		return path
	}
	for _, test := range []struct {
		name   string
		args   []string
		code   int
		status annotate.Status
		text   string
		output string
	}{
		{"success", []string{"sh", "-c", "echo $0", "a b"}, 0, annotate.Succeeded, "exit status 0 after ", "a b\n"},
		{"failure", []string{"sh", "-c", "exit 3"}, 3, annotate.Failed, "exit status 3 after ", ""},
		{"killed", []string{"sh", "-c", "kill -KILL $$"}, 137, annotate.Failed, "killed by SIGKILL after ", ""},
		{"killed from the keyboard", []string{"sh", "-c", "kill -INT $$"}, 130, annotate.Cancelled, "killed by SIGINT after ", ""},
		{"not found", []string{"no-such-command-anywhere"}, 127, annotate.Failed, "not run: ", ""},
		{"no such file", []string{"./no/such/file"}, 127, annotate.Failed, "not run: ", ""},
		{"not executable", []string{script("echo", 0o600)}, 126, annotate.Failed, "not run: ", ""},
		{"a folder", []string{t.TempDir()}, 126, annotate.Failed, "not run: ", ""},
		{"an unknown interpreter", []string{script("#!/no/such/interpreter\n", 0o700)}, 127, annotate.Failed, "not run: ", ""},
		{"no interpreter", []string{script("echo \"$1\"; exit 4\n", 0o700), "x"}, 4, annotate.Failed, "exit status 4 after ", "x\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			log := &memory{}
			outcome, output := runIn(t, log, test.args...)
			require.Equal(t, test.code, outcome.Code)
			require.Equal(t, test.status, outcome.Status)
			require.Equal(t, test.output, output)
			require.Equal(t, strings.HasPrefix(test.text, "not run"), outcome.Err != nil)

			require.Equal(t, annotate.Running, log.opened.Status)
			require.True(t, log.opened.End.IsZero())
			require.Equal(t, test.status, log.closed.Status)
			require.Equal(t, log.opened.Start, log.closed.Start)
			require.Equal(t, "web", log.closed.Service, "the end says all that the beginning said")
			require.Len(t, log.closed.Evidence, 1)
			require.True(t, strings.HasPrefix(log.closed.Evidence[0].Text, test.text), log.closed.Evidence[0].Text)
			require.NoError(t, log.closed.New(time.Now()).Validate(time.Now()))
		})
	}
}

func TestSignalsArePassedOn(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGINT, syscall.SIGQUIT} {
		t.Run(sig.String(), func(t *testing.T) {
			if cameToBoth(sig) {
				t.Skip("the test runs in a terminal, which would have sent it to both")
			}
			log := &memory{}
			ready := filepath.Join(t.TempDir(), "ready")
			// The command tells when it can be sent the signal.
			command := "trap 'exit 9' " + strconv.Itoa(int(sig)) + "; touch " + ready + "; while :; do sleep 0.01; done"
			go func() {
				for {
					if _, err := os.Stat(ready); err == nil {
						_ = syscall.Kill(os.Getpid(), sig)
						return
					}
					time.Sleep(time.Millisecond)
				}
			}()
			outcome, _ := runIn(t, log, "sh", "-c", command)
			require.Equal(t, 9, outcome.Code)
			if asksToStop(sig) {
				require.Equal(t, annotate.Cancelled, outcome.Status)
				require.Contains(t, outcome.Text, "told to stop by SIG")
			} else {
				require.Equal(t, annotate.Failed, outcome.Status)
			}
		})
	}
}

func TestSignalBeforeTheCommand(t *testing.T) {
	log := &memory{opening: func(ctx context.Context) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
		<-ctx.Done() // a server that does not answer
	}}
	outcome, output := runIn(t, log, "echo", "ran")
	require.Equal(t, 143, outcome.Code)
	require.Equal(t, annotate.Cancelled, outcome.Status)
	require.Empty(t, output)
	require.Equal(t, "not run: SIGTERM came first", log.closed.Evidence[0].Text)
}

func TestDescribe(t *testing.T) {
	f := func(d time.Duration, want string) {
		t.Helper()
		require.Equal(t, want, describe(d))
	}
	f(0, "0s")
	f(1234567*time.Nanosecond, "1ms")
	f(12345*time.Millisecond, "12.3s")
	f(90*time.Minute+30*time.Second, "1h30m30s")
}
