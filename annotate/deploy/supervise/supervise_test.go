package supervise

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/runlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire is the standard output of a supervisor.
type wire struct {
	bytes.Buffer
	closed bool
}

func (w *wire) Close() error {
	w.closed = true
	return nil
}

func (w *wire) answer(t *testing.T) Answer {
	t.Helper()
	require.True(t, w.closed)
	var a Answer
	require.NoError(t, json.Unmarshal(w.Bytes(), &a))
	return a
}

func specIn(t *testing.T, argv ...string) Spec {
	t.Helper()
	dir := t.TempDir()
	return Spec{
		Folder: Folder(dir), Argv: argv, Directory: dir, Env: []string{"PATH=" + os.Getenv("PATH"), IDVariable + "=1"},
		Log: runlog.File{Path: filepath.Join(dir, "log")}, Timeout: time.Minute,
	}
}

func TestRun(t *testing.T) {
	spec := specIn(t, "sh", "-c", "touch ran; exit 3")
	text, err := json.Marshal(spec)
	require.NoError(t, err)
	var out wire
	require.NoError(t, Run(bytes.NewReader(text), &out))
	require.Equal(t, Answer{PID: os.Getpid()}, out.answer(t))
	require.FileExists(t, spec.Folder.path("ran"))
	status, ok, err := spec.Folder.Status()
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, Exited, status.Reason)
	require.Equal(t, 3, status.Code)
	require.False(t, status.Ended.Before(status.Began))
	alive, err := spec.Folder.Alive()
	require.NoError(t, err)
	require.False(t, alive, "the lock was given back")

	require.NoError(t, os.Remove(spec.Folder.path("ran")))
	out = wire{}
	require.Error(t, Run(bytes.NewReader(text), &out))
	require.True(t, out.answer(t).Claimed)
	require.NoFileExists(t, spec.Folder.path("ran"), "a second one does not run it again")
}

func TestASpecThatIsCutOffDoesNothing(t *testing.T) {
	spec := specIn(t, "touch", "ran")
	text, err := json.Marshal(spec)
	require.NoError(t, err)
	for n := range text {
		var out wire
		require.Error(t, Run(bytes.NewReader(text[:n]), &out), "%s", text[:n])
		require.NotEmpty(t, out.answer(t).Error)
	}
	entries, err := os.ReadDir(string(spec.Folder))
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestAnErrorDoesNotShowTheSpec(t *testing.T) {
	_, err := readSpec(bytes.NewReader([]byte(`{"folder":"/x","argv":["x"],"timeout":"hunter2"}`)))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
	_, err = readSpec(bytes.NewReader([]byte(`{"folder":"/x"}`)))
	require.ErrorContains(t, err, "nothing to run")
}

func TestALockedFolderIsAnothers(t *testing.T) {
	spec := specIn(t, "touch", "ran")
	alive, err := spec.Folder.Alive()
	require.NoError(t, err)
	require.False(t, alive)
	lock, err := spec.Folder.lock()
	require.NoError(t, err)
	for range 2 {
		alive, err = spec.Folder.Alive()
		require.NoError(t, err)
		require.True(t, alive, "to look does not take it")
	}
	text, err := json.Marshal(spec)
	require.NoError(t, err)
	var out wire
	require.ErrorIs(t, Run(bytes.NewReader(text), &out), errLocked)
	require.True(t, out.answer(t).Claimed)
	require.NoFileExists(t, spec.Folder.path("ran"))
	require.NoError(t, lock.Close())
	alive, err = spec.Folder.Alive()
	require.NoError(t, err)
	require.False(t, alive)
}

func TestAClaimIsMadeOnce(t *testing.T) {
	for range 20 {
		folder := Folder(t.TempDir())
		var made, voided atomic.Int32
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				if i%2 == 0 {
					if ok, err := folder.claim(Claim{PID: 7}); err == nil && ok {
						made.Add(1)
					}
				} else if _, ok, err := folder.Void(); err == nil && ok {
					voided.Store(1) // both may say so, since it is
				}
			})
		}
		all.Wait()
		require.Equal(t, int32(1), made.Load()+voided.Load())
		claim, err := folder.Claim()
		require.NoError(t, err)
		require.Equal(t, voided.Load() == 1, claim.Voided)
		entries, err := os.ReadDir(string(folder))
		require.NoError(t, err)
		require.Len(t, entries, 1)
	}
}

func TestAClaimThatCannotBeReadMayHaveBegun(t *testing.T) {
	folder := Folder(t.TempDir())
	_, err := folder.Claim()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.WriteFile(folder.path(claimFile), nil, 0o600))
	claim, voided, err := folder.Void()
	require.NoError(t, err)
	require.False(t, voided)
	require.Zero(t, claim)
	_, _, err = Folder(filepath.Join(string(folder), "no")).Void()
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestAStatusThatCannotBeWrittenIsAnError(t *testing.T) {
	folder := Folder(filepath.Join(t.TempDir(), "no"))
	require.Error(t, folder.finish(Status{}))
	dir := Folder(t.TempDir())
	require.NoError(t, os.WriteFile(dir.path(statusFile), []byte("{"), 0o600))
	_, ok, err := dir.Status()
	require.Error(t, err)
	require.False(t, ok)
}

func TestOutcome(t *testing.T) {
	f := func(s Status, status annotate.Status, text string) {
		t.Helper()
		require.Equal(t, deploy.Outcome{Status: status, Text: text}, s.Outcome())
	}
	f(Status{Reason: Exited}, annotate.Succeeded, "exited with code 0")
	f(Status{Reason: Exited, Code: 3}, annotate.Failed, "exited with code 3")
	f(Status{Reason: Exited, Code: -1, Signal: "SIGKILL"}, annotate.Failed, "was ended by SIGKILL")
	f(Status{Reason: Exited, Log: "disk full"}, annotate.Succeeded, "exited with code 0; its log is not whole: disk full")
	f(Status{Reason: Cancelled}, annotate.Cancelled, "was cancelled, and exited with code 0")
	f(Status{Reason: TimedOut, Limit: 30 * time.Minute, Signal: "SIGTERM"}, annotate.Failed, "took longer than 30m and was ended")
	f(Status{Reason: TimedOut, Limit: 2 * time.Hour, Error: "goes on"}, annotate.Failed, "took longer than 2h, and goes on")
	f(Status{Reason: Stopped, Told: "SIGTERM", Code: 1}, annotate.Cancelled, "was cancelled, since its supervisor was told to stop by SIGTERM, and exited with code 1")
	f(Status{Reason: NotStarted, Error: errors.ErrUnsupported.Error()}, annotate.Failed, "could not be started: unsupported operation")
	f(Status{Reason: "eaten"}, annotate.Failed, "ended in a way that is not known: eaten")
}

func TestShort(t *testing.T) {
	f := func(d time.Duration, want string) {
		t.Helper()
		require.Equal(t, want, short(d))
	}
	f(30*time.Second, "30s")
	f(30*time.Minute, "30m")
	f(90*time.Minute, "1h30m")
	f(10*time.Hour, "10h")
	f(time.Hour+time.Second, "1h0m1s")
	f(1500*time.Millisecond, "1.5s")
}

func TestQuote(t *testing.T) {
	f := func(want string, argv ...string) {
		t.Helper()
		require.Equal(t, want, quote(argv))
	}
	f("deploy.sh --to=v1.2+3 a/b:c@d", "deploy.sh", "--to=v1.2+3", "a/b:c@d")
	f(`echo 'a b' '' 'it'\''s' '$(id)'`, "echo", "a b", "", "it's", "$(id)")
}
