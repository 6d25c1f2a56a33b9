package driver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/driver"
	"github.com/tidemark/tidemark/annotate/deploy/runlog"
	"github.com/tidemark/tidemark/annotate/deploy/supervise"
)

// patience is how long what must happen may take on a slow machine.
const patience = 30 * time.Second

// bench is a command with a folder to run in.
type bench struct {
	driver.Command
	t   *testing.T
	job driver.Job
}

func newBench(t *testing.T, c driver.Command) *bench {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	// A process that looks for races would otherwise wait a second before it ends.
	c.Self = []string{"env", "GORACE=atexit_sleep_ms=0", self, asSupervisor}
	folder := t.TempDir()
	t.Cleanup(func() {
		if claim, err := supervise.Folder(folder).Claim(); err == nil && claim.PID != 0 {
			requireGone(t, claim.PID)
		}
	})
	id := "run-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	return &bench{Command: c, t: t, job: driver.Job{
		Run: deploy.Run{
			ID: id, Service: "web", Environment: "production",
			Version: "v43", PreviousVersion: "v42", Parameters: map[string]string{"region": "eu"},
			Reason: "it's time", Who: &annotate.Who{Name: "ada"},
		},
		Folder: folder, Log: runlog.File{Path: filepath.Join(folder, "log")},
		Timeout: time.Minute, Grace: patience,
	}}
}

// shell is a bench for a script.
func shell(t *testing.T, script string) *bench {
	t.Helper()
	return newBench(t, driver.Command{Shell: script})
}

// begin begins the run.
func (b *bench) begin() {
	b.t.Helper()
	ref, err := b.Begin(b.t.Context(), b.job)
	require.NoError(b.t, err)
	require.NotZero(b.t, ref)
	b.job.Ref = ref
}

// follow waits for the end, as a server does that was started meanwhile.
func (b *bench) follow() deploy.Outcome {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	outcome, err := new(driver.Command).Follow(ctx, b.job)
	require.NoError(b.t, err)
	return outcome
}

// run runs it to its end.
func (b *bench) run() deploy.Outcome {
	b.t.Helper()
	b.begin()
	return b.follow()
}

// log is what the run printed, without the line that says what it ran.
func (b *bench) log() string {
	b.t.Helper()
	text, err := os.ReadFile(b.job.Log.Path)
	require.NoError(b.t, err)
	first, rest, _ := strings.Cut(string(text), "\n")
	require.True(b.t, strings.HasPrefix(first, "$ "), first)
	return rest
}

// path is a file that the command writes where it runs.
func (b *bench) path(name string) string { return filepath.Join(b.job.Folder, "work", name) }

// number waits for a file with a process id in it, which the command writes.
func (b *bench) number(name string) int {
	b.t.Helper()
	var pid int
	require.Eventually(b.t, func() bool {
		text, err := os.ReadFile(b.path(name))
		if err != nil || !bytes.HasSuffix(text, []byte("\n")) {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	}, patience, time.Millisecond)
	return pid
}

// requireGone waits until a process has ended, whether or not somebody waited for it.
func requireGone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool {
		if syscall.Kill(pid, 0) != nil {
			return true
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err == nil && bytes.Contains(stat, []byte(") Z "))
	}, patience, 10*time.Millisecond)
}

func TestACommandEndsAsItsExitCodeSays(t *testing.T) {
	f := func(script string, status annotate.Status, text string) {
		t.Helper()
		b := shell(t, script)
		require.Equal(t, deploy.Outcome{Status: status, Text: text}, b.run())
		require.Equal(t, b.follow(), b.follow(), "it may be asked again")
		ref, ok, err := b.Find(t.Context(), b.job)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, b.job.Ref, ref)
		require.NoError(t, b.Cancel(t.Context(), b.job), "what has ended")
	}
	f("true", annotate.Succeeded, "exited with code 0")
	f("exit 3", annotate.Failed, "exited with code 3")
	f("kill -KILL $$", annotate.Failed, "was ended by SIGKILL")
}

func TestWhatCannotBeRunIsNotBegun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	f := func(c driver.Command, text string) {
		t.Helper()
		b := newBench(t, c)
		_, err := b.Begin(t.Context(), b.job)
		require.ErrorContains(t, err, text)
		require.NotErrorIs(t, err, driver.ErrUncertain)
	}
	f(driver.Command{Exec: []deploy.Template{"no-such-program-anywhere"}}, `"no-such-program-anywhere": executable file not found`)
	f(driver.Command{Exec: []deploy.Template{"./no/such/file"}}, "no such file")
	f(driver.Command{Exec: []deploy.Template{deploy.Template(file)}}, "permission denied")
	f(driver.Command{Shell: "true", Directory: filepath.Join(file, "x")}, "not a directory")
	f(driver.Command{}, "has to say what to run")
	f(driver.Command{Shell: "true", Exec: []deploy.Template{"true"}}, "not both")
	f(driver.Command{Exec: []deploy.Template{"{version}"}}, "without placeholders")
	f(driver.Command{Shell: "true", Env: map[string]string{"A=B": "x"}}, `"A=B" is no name`)
	f(driver.Command{Shell: "true", Env: map[string]string{"TIDEMARK_DEPLOY_ID": "x"}}, "is Tidemark's")
	f(driver.Command{Shell: "true", Env: map[string]string{"A": "x"}, Secrets: map[string]string{"A": file}}, "is there twice")
	f(driver.Command{Shell: "true", Secrets: map[string]string{"TOKEN": "/no/such/file"}}, "the secret of the environment variable TOKEN: stat /no/such/file: no such file")
	f(driver.Command{Shell: "true", Secrets: map[string]string{"TOKEN": file}}, "is empty")
	f(driver.Command{Shell: "true", Secrets: map[string]string{"TOKEN": "/dev/null"}}, "is no file")
	binary := filepath.Join(t.TempDir(), "binary")
	require.NoError(t, os.WriteFile(binary, []byte("hunter2\xff"), 0o600))
	f(driver.Command{Shell: "true", Secrets: map[string]string{"TOKEN": binary}}, "is no text")
}

func TestAFailedStartIsTheEndOfTheRun(t *testing.T) {
	b := newBench(t, driver.Command{Exec: []deploy.Template{"no-such-program-anywhere"}})
	_, err := b.Begin(t.Context(), b.job)
	require.Error(t, err)
	// A server that was killed before it kept the error finds the same.
	_, ok, err := b.Find(t.Context(), b.job)
	require.NoError(t, err)
	require.True(t, ok)
	outcome := b.follow()
	require.Equal(t, annotate.Failed, outcome.Status)
	require.Contains(t, outcome.Text, "could not be started: ")
	require.Contains(t, b.log(), "executable file not found")
}

func TestArgumentsAreNeitherSplitNorInterpreted(t *testing.T) {
	b := newBench(t, driver.Command{Exec: []deploy.Template{"/bin/sh", "-c", `printf '%s|' "$@"`, "name", "{version}", "to {environment}: {reason}", "{other}", "--by={who}"}})
	b.job.Version = "a b;$(x) `y` \"'"
	b.job.Reason, b.job.Who.Name = "x\x00y", "-"
	require.Equal(t, "exited with code 0", b.run().Text)
	require.Equal(t, "a b;$(x) `y` \"'|to production: xy|{other}|--by=-|", b.log())
}

func TestAnArgumentDoesNotBecomeAnOption(t *testing.T) {
	b := newBench(t, driver.Command{Exec: []deploy.Template{"true", "{reason}"}})
	b.job.Reason = "--force"
	_, err := b.Begin(t.Context(), b.job)
	require.ErrorContains(t, err, `the argument {reason} would be "--force"`)
}

func TestAScriptGetsValuesInItsEnvironmentAlone(t *testing.T) {
	script := `printf '%s|' "$TIDEMARK_DEPLOY_VERSION" "$TIDEMARK_DEPLOY_PARAM_REGION" {version} '$(id)'`
	b := shell(t, script)
	b.job.Version = `"; echo gotcha; '`
	b.run()
	require.Equal(t, b.job.Version+"|eu|{version}|$(id)|", b.log())
}

func TestTheEnvironmentIsMinimal(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(secret, []byte("hunter2hunter2\r\n"), 0o600))
	t.Setenv("TIDEMARK_TEST_OF_THE_SERVER", "leaks")
	t.Setenv("TIDEMARK_DEPLOY_ID", "of another")
	t.Setenv("TZ", "UTC")
	t.Setenv("HOME", "/of/the/server")
	b := newBench(t, driver.Command{
		Exec: []deploy.Template{"sh", "-c", "env -0 >env; pwd >pwd"}, Env: map[string]string{"HOME": "/elsewhere", "KUBECONFIG": "a\nb"},
		Secrets: map[string]string{"TOKEN": secret},
	})
	require.Equal(t, annotate.Succeeded, b.run().Status)
	text, err := os.ReadFile(b.path("env"))
	require.NoError(t, err)
	env := map[string]string{}
	for pair := range strings.SplitSeq(strings.TrimSuffix(string(text), "\x00"), "\x00") {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	require.Equal(t, os.Getenv("PATH"), env["PATH"])
	for _, name := range []string{"PATH", "LANG", "USER", "LOGNAME", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_"} {
		delete(env, name)
	}
	require.Equal(t, map[string]string{
		"HOME": "/elsewhere", "KUBECONFIG": "a\nb", "TOKEN": "hunter2hunter2", "TZ": "UTC",
		"TIDEMARK_DEPLOY_ID": b.job.ID, "TIDEMARK_DEPLOY_SERVICE": "web", "TIDEMARK_DEPLOY_ENVIRONMENT": "production",
		"TIDEMARK_DEPLOY_VERSION": "v43", "TIDEMARK_DEPLOY_PREVIOUS_VERSION": "v42", "TIDEMARK_DEPLOY_PARAM_REGION": "eu",
		"TIDEMARK_DEPLOY_REASON": "it's time", "TIDEMARK_DEPLOY_WHO": "ada",
	}, env)
	where, err := os.ReadFile(b.path("pwd"))
	require.NoError(t, err)
	folder, err := filepath.EvalSymlinks(b.path(""))
	require.NoError(t, err)
	require.Equal(t, folder+"\n", string(where))
}

func TestAProgramIsFoundByThePathOfTheCommand(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "deploy-it"), []byte("#!/bin/sh\necho here\n"), 0o700)) //nolint:gosec // a program
	b := newBench(t, driver.Command{Exec: []deploy.Template{"deploy-it"}, Env: map[string]string{"PATH": dir}})
	require.Equal(t, "exited with code 0", b.run().Text)
	require.Equal(t, "here\n", b.log())
}

func TestSecretsAreInNoFile(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(secret, []byte("hunter2hunter2\n"), 0o600))
	b := newBench(t, driver.Command{Shell: `echo "token: $TOKEN"; echo "error: $TOKEN" >&2; touch ready; while ! test -e go; do sleep 0.01; done; exit 1`, Secrets: map[string]string{"TOKEN": secret}})
	b.begin()
	require.Eventually(t, func() bool { _, err := os.Stat(b.path("ready")); return err == nil }, patience, time.Millisecond)
	look := func() {
		entries, err := os.ReadDir(b.job.Folder)
		require.NoError(t, err)
		require.Greater(t, len(entries), 3)
		for _, entry := range entries {
			info, err := entry.Info()
			require.NoError(t, err)
			require.Zero(t, info.Mode().Perm()&0o077, entry.Name())
			if entry.IsDir() {
				continue
			}
			text, err := os.ReadFile(filepath.Join(b.job.Folder, entry.Name()))
			require.NoError(t, err)
			require.NotContains(t, string(text), "hunter2", entry.Name())
		}
		claim, err := supervise.Folder(b.job.Folder).Claim()
		require.NoError(t, err)
		for _, name := range []string{"cmdline", "environ"} {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", claim.PID, name))
			if err == nil { // it has not ended, on a system that tells
				require.NotContains(t, string(text), "hunter2", name)
			}
		}
	}
	look()
	require.NoError(t, os.WriteFile(b.path("go"), nil, 0o600))
	require.Equal(t, "exited with code 1", b.follow().Text)
	look()
	require.Equal(t, "token: ***\nerror: ***\n", b.log())
}

// stubborn is a script with a grandchild that ignores SIGTERM, and that has a group of
// its own where there is a timeout(1), which makes one.
const stubborn = `
sh -c 'trap "" TERM; echo $$ >grandchild.new; mv grandchild.new grandchild; while :; do sleep 0.05; done' &
timeout 600 sh -c 'echo $$ >other.new; mv other.new other; while :; do sleep 0.05; done' &
echo $$ >child.new; mv child.new child; wait; wait
`

func TestCancelEndsAllThatACommandBegan(t *testing.T) {
	b := shell(t, stubborn)
	b.job.Grace = 100 * time.Millisecond
	b.begin()
	child, grandchild := b.number("child"), b.number("grandchild")
	require.NoError(t, b.Cancel(t.Context(), b.job))
	require.NoError(t, b.Cancel(t.Context(), b.job), "again")
	require.Equal(t, deploy.Outcome{Status: annotate.Cancelled, Text: "was cancelled, and was ended by SIGTERM"}, b.follow())
	requireGone(t, child)
	requireGone(t, grandchild)
	if _, err := exec.LookPath("timeout"); err == nil && runtime.GOOS == "linux" {
		requireGone(t, b.number("other"))
	}
}

func TestWhatIsCancelledMayEndByItself(t *testing.T) {
	b := shell(t, `trap 'echo cleaning up; exit 4' TERM; touch ready; while :; do sleep 0.01; done`)
	b.begin()
	require.Eventually(t, func() bool { _, err := os.Stat(b.path("ready")); return err == nil }, patience, time.Millisecond)
	require.NoError(t, b.Cancel(t.Context(), b.job))
	require.Equal(t, deploy.Outcome{Status: annotate.Cancelled, Text: "was cancelled, and exited with code 4"}, b.follow())
	require.Contains(t, b.log(), "cleaning up\n") // the shell may say that it ended a sleep
}

func TestWhatIsCancelledFirstNeverBegins(t *testing.T) {
	b := shell(t, "touch ran")
	require.NoError(t, b.Cancel(t.Context(), b.job))
	require.Equal(t, deploy.Outcome{Status: annotate.Cancelled, Text: "was cancelled, and never began"}, b.run())
	require.NoFileExists(t, b.path("ran"))
}

func TestACommandIsEndedWhenItTakesTooLong(t *testing.T) {
	b := shell(t, stubborn)
	b.job.Timeout, b.job.Grace = 500*time.Millisecond, 0
	require.Equal(t, deploy.Outcome{Status: annotate.Failed, Text: "took longer than 500ms and was ended"}, b.run())
	if text, err := os.ReadFile(b.path("grandchild")); err == nil {
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		require.NoError(t, err)
		requireGone(t, pid)
	}
}

func TestASupervisorThatIsToldToStopEndsItsCommand(t *testing.T) {
	b := shell(t, `echo $$ >child; sleep 600`)
	b.begin()
	child := b.number("child")
	require.NoError(t, syscall.Kill(b.supervisor(), syscall.SIGTERM))
	require.Equal(t, deploy.Outcome{Status: annotate.Cancelled, Text: "was cancelled, since its supervisor was told to stop by SIGTERM, and was ended by SIGTERM"}, b.follow())
	requireGone(t, child)
}

// supervisor is the process that supervises the run.
func (b *bench) supervisor() int {
	b.t.Helper()
	claim, err := supervise.Folder(b.job.Folder).Claim()
	require.NoError(b.t, err)
	require.Contains(b.t, b.job.Ref.ID, strconv.Itoa(claim.PID))
	return claim.PID
}

func TestARunWhoseSupervisorIsKilledIsLost(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere the command goes on")
	}
	b := shell(t, stubborn+"\n touch done")
	b.begin()
	child, grandchild := b.number("child"), b.number("grandchild")
	require.NoError(t, syscall.Kill(b.supervisor(), syscall.SIGKILL))
	require.Equal(t, deploy.Outcome{
		Status: annotate.Lost, Text: "its supervisor was killed, and what was left of it was ended: how far it came is not known",
	}, b.follow())
	requireGone(t, child)
	requireGone(t, grandchild)
	require.NoFileExists(t, b.path("done"))
	require.Equal(t, annotate.Lost, b.follow().Status, "and stays so")
	_, ok, err := b.Find(t.Context(), b.job)
	require.NoError(t, err)
	require.True(t, ok)
}

func TestALostRunTakesNobodyElseAlong(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere nothing is ended")
	}
	// What makes a session of its own is meant to stay, such as a server that the
	// deploy starts; so is a process with the id of another run.
	b := shell(t, `setsid sh -c 'echo $$ >daemon.new; mv daemon.new daemon; exec sleep 600' &
		TIDEMARK_DEPLOY_ID=another sh -c 'echo $$ >other.new; mv other.new other; exec sleep 600' &
		echo $$ >child; wait`)
	b.begin()
	child, daemon, other := b.number("child"), b.number("daemon"), b.number("other")
	defer func() { _, _ = syscall.Kill(daemon, syscall.SIGKILL), syscall.Kill(other, syscall.SIGKILL) }()
	require.NoError(t, syscall.Kill(b.supervisor(), syscall.SIGKILL))
	require.Equal(t, annotate.Lost, b.follow().Status)
	requireGone(t, child)
	require.NoError(t, syscall.Kill(daemon, 0))
	require.NoError(t, syscall.Kill(other, 0))
}

func TestARunGoesOnWithoutTheServer(t *testing.T) {
	b := shell(t, `echo before; while ! test -e go; do sleep 0.01; done; echo after; echo after >&2`)
	text, err := json.Marshal(order{b.Command, b.job})
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	server := exec.Command(self, asServer)
	server.Stdin = bytes.NewReader(text)
	var said bytes.Buffer
	server.Stderr = &said
	require.Error(t, server.Run())
	require.Equal(t, syscall.SIGKILL, server.ProcessState.Sys().(syscall.WaitStatus).Signal(), said.String())

	ref, ok, err := b.Find(t.Context(), b.job)
	require.NoError(t, err)
	require.True(t, ok)
	b.job.Ref = ref
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = b.Follow(ctx, b.job)
	require.ErrorIs(t, err, context.DeadlineExceeded, "it goes on")
	require.NoError(t, os.WriteFile(b.path("go"), nil, 0o600))
	require.Equal(t, "exited with code 0", b.follow().Text)
	require.Equal(t, "before\nafter\nafter\n", b.log())
}

func TestWhatWasGivenUpNeverBegins(t *testing.T) {
	b := shell(t, "touch ran")
	for range 2 {
		_, ok, err := b.Find(t.Context(), b.job)
		require.NoError(t, err)
		require.False(t, ok)
	}
	_, err := b.Begin(t.Context(), b.job)
	require.ErrorContains(t, err, "it was given up before")
	require.NotErrorIs(t, err, driver.ErrUncertain)
	require.NoFileExists(t, b.path("ran"))
}

func TestARunBeginsAtMostOnce(t *testing.T) {
	b := shell(t, `echo ran >>ran`)
	var began atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := b.Begin(t.Context(), b.job); err == nil {
				began.Add(1)
			}
		})
	}
	all.Wait()
	require.Equal(t, int32(1), began.Load())
	require.Equal(t, annotate.Succeeded, b.follow().Status)
	_, err := b.Begin(t.Context(), b.job)
	require.ErrorIs(t, err, driver.ErrUncertain, "something began, though not by this call")
	text, err := os.ReadFile(b.path("ran"))
	require.NoError(t, err)
	require.Equal(t, "ran\n", string(text))
}

// TestFindAndBeginAgree has a server look for a run while its supervisor begins it:
// either it is found, or it never runs.
func TestFindAndBeginAgree(t *testing.T) {
	found, voided := 0, 0
	for i := range 20 {
		b := shell(t, "echo ran >>ran")
		done := make(chan error, 1)
		go func() {
			_, err := b.Begin(t.Context(), b.job)
			done <- err
		}()
		// The later ones look when the supervisor's lock is there, just before its claim.
		for i > 4 {
			if _, err := os.Stat(filepath.Join(b.job.Folder, "lock")); err == nil {
				break
			}
			runtime.Gosched()
		}
		_, ok, err := b.Find(t.Context(), b.job)
		require.NoError(t, err)
		err = <-done
		require.Equal(t, ok, err == nil, "%v", err)
		if ok {
			found++
			require.Equal(t, annotate.Succeeded, b.follow().Status)
			require.FileExists(t, b.path("ran"))
			continue
		}
		voided++
		require.NotErrorIs(t, err, driver.ErrUncertain)
		require.NoFileExists(t, b.path("ran"))
	}
	t.Logf("%d were found, %d given up", found, voided)
}

func TestASupervisorThatDoesNotAnswerBeginsNothing(t *testing.T) {
	f := func(text string, self ...string) {
		t.Helper()
		b := shell(t, "touch ran")
		b.Self = self
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := b.Begin(ctx, b.job)
		require.ErrorContains(t, err, text)
		require.NotErrorIs(t, err, driver.ErrUncertain)
		require.NoFileExists(t, b.path("ran"))
		if len(self) > 1 {
			_, ok, err := b.Find(t.Context(), b.job)
			require.NoError(t, err)
			require.False(t, ok)
		}
	}
	f("starting the supervisor of a command", "/no/such/binary")
	f("is not known")
	f("but said: what is this?", "sh", "-c", "cat >/dev/null; echo what is this? >&2; exit 1")
	f("did not answer: context deadline exceeded", "sh", "-c", "cat >/dev/null; exec sleep 600")
	f("did not answer: context deadline exceeded", "sleep", "600")
	f("its answer is empty", "sh", "-c", "cat >/dev/null; echo '{}'")
	f("its answer is none", "sh", "-c", "cat >/dev/null; echo hello")
}

func TestASupervisorThatClaimedAndDidNotAnswerMayHaveBegun(t *testing.T) {
	b := shell(t, "true")
	b.Self = []string{"sh", "-c", `cat >/dev/null; echo '{"pid":999999999}' >claim; exit 1`}
	ref, err := b.Begin(t.Context(), b.job)
	require.NoError(t, err)
	require.Equal(t, "process 999999999", ref.ID)
	require.Equal(t, annotate.Lost, b.follow().Status)
}

func TestALongLogKeepsItsBeginningAndItsEnd(t *testing.T) {
	b := shell(t, `echo first; i=0; while test $i -lt 5000; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done; echo last`)
	b.job.Log.Max = 1000
	require.Equal(t, annotate.Succeeded, b.run().Status)
	text := b.log()
	require.True(t, strings.HasSuffix(text, "\nlast\n"))
	require.Contains(t, text, "bytes left out")
	require.Less(t, len(text), 100_000)
}

func TestASecretOfLinesIsMasked(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(secret, []byte("ab\r\ncd\r\n"), 0o600))
	b := newBench(t, driver.Command{Shell: `printf '%s!\n' "$KEY"; printf '%s' "$KEY" | wc -c | tr -d ' '`, Secrets: map[string]string{"KEY": secret}})
	require.Equal(t, annotate.Succeeded, b.run().Status)
	require.Equal(t, "***!\n6\n", b.log())
}

func TestFilesOfTheCommandAreNotTheSupervisors(t *testing.T) {
	b := shell(t, `echo '{"reason":"exited"}' >status.json; touch cancel claim lock; sleep 0.3; exit 3`)
	require.Equal(t, "exited with code 3", b.run().Text)
}

func TestWhatACommandLeavesRunningIsLeftAlone(t *testing.T) {
	b := shell(t, `sleep 600 & echo $! >left; echo done`)
	require.Equal(t, "exited with code 0", b.run().Text)
	left := b.number("left")
	require.NoError(t, syscall.Kill(left, syscall.SIGKILL), "it goes on, with the output still open")
	require.Equal(t, "done\n", b.log())
}

func TestTheLogSaysWhatRuns(t *testing.T) {
	b := newBench(t, driver.Command{Exec: []deploy.Template{"echo", "{version}", "it's", "a b"}})
	require.Equal(t, annotate.Succeeded, b.run().Status)
	text, err := os.ReadFile(b.job.Log.Path)
	require.NoError(t, err)
	require.Equal(t, "$ echo v43 'it'\\''s' 'a b'\nv43 it's a b\n", string(text))
}
