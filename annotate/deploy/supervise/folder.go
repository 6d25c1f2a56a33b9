package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The files of a Folder.
const (
	lockFile   = "lock"
	claimFile  = "claim"
	cancelFile = "cancel"
	statusFile = "status.json"
)

// Folder is where the server and a supervisor tell each other about one run.
type Folder string

// Claim is who decided whether the command of a run begins. The first one holds.
type Claim struct {
	// Voided says that it was the server, and that the command never begins.
	Voided bool `json:"voided,omitempty"`
	// PID is the supervisor's, and so its session's. It is 0 where the claim cannot be
	// read, since its writer was interrupted.
	PID int `json:"pid,omitempty"`
	// Boot tells one run of the machine from the next; empty where it cannot.
	Boot string    `json:"boot,omitempty"`
	Time time.Time `json:"time"`
}

// Void sees to it that the command never begins, unless it may have begun: then it
// returns the supervisor's claim, and ok is false.
func (f Folder) Void() (there Claim, ok bool, err error) {
	made, err := f.claim(Claim{Voided: true, Time: time.Now()})
	if err != nil {
		return Claim{}, false, err
	}
	if made {
		return Claim{}, true, nil
	}
	there, err = f.Claim()
	return there, err == nil && there.Voided, err
}

// claim makes the claim; made is false where there is one already. It lasts before
// claim returns, so that a command which began is known to have begun whatever happens.
func (f Folder) claim(c Claim) (made bool, err error) {
	text, err := json.Marshal(c)
	if err == nil {
		made, err = f.make(claimFile, text)
	}
	if err == nil {
		err = syncPath(string(f))
	}
	if err != nil {
		return false, fmt.Errorf("claiming the deploy: %w", err)
	}
	return made, nil
}

// make makes a file, unless it is there. Whoever sees it sees all of it, but for file
// systems that know no hard links.
func (f Folder) make(name string, text []byte) (made bool, err error) {
	file, err := os.CreateTemp(string(f), name+".*")
	if err != nil {
		return false, err
	}
	defer os.Remove(file.Name())
	if err := write(file, text); err != nil {
		return false, err
	}
	err = os.Link(file.Name(), f.path(name))
	if err != nil && !errors.Is(err, fs.ErrExist) {
		file, err = os.OpenFile(f.path(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			err = write(file, text)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

// write writes all of a file, so that it lasts, and closes it.
func write(file *os.File, text []byte) error {
	_, err := file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// Claim reads the claim. One that was never written to its end counts as the
// supervisor's, since the command may have begun then.
func (f Folder) Claim() (Claim, error) {
	text, err := os.ReadFile(f.path(claimFile))
	if err != nil {
		return Claim{}, fmt.Errorf("reading who claimed the deploy: %w", err)
	}
	var c Claim
	if json.Unmarshal(text, &c) != nil {
		return Claim{}, nil //nolint:nilerr // see above
	}
	return c, nil
}

// errLocked says that another supervisor has the folder.
var errLocked = errors.New("the deploy has a supervisor already")

// lock takes the lock, which lasts until the file is closed or the process ends,
// however it ends: unlike a process id, it says the truth also after a reboot.
func (f Folder) lock() (*os.File, error) {
	file, err := os.OpenFile(f.path(lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the folder of a deploy: %w", err)
	}
	free, err := tryLock(file, unix.LOCK_EX)
	if err == nil && !free {
		err = errLocked
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Alive reports whether the supervisor lives.
func (f Folder) Alive() (bool, error) {
	file, err := os.OpenFile(f.path(lockFile), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking whether a deploy goes on: %w", err)
	}
	defer file.Close() // gives the lock back
	free, err := tryLock(file, unix.LOCK_SH)
	return !free, err
}

func tryLock(file *os.File, how int) (free bool, err error) {
	for {
		err := unix.Flock(int(file.Fd()), how|unix.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, fmt.Errorf("locking %s: %w", file.Name(), err)
		}
	}
}

// Cancel asks the supervisor to end the command.
func (f Folder) Cancel() error {
	file, err := os.OpenFile(f.path(cancelFile), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("asking a deploy to end: %w", err)
	}
	return file.Close()
}

func (f Folder) cancelled() bool {
	_, err := os.Stat(f.path(cancelFile))
	return err == nil
}

// syncPath has what was written to a file or made in a folder last.
func syncPath(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

func (f Folder) path(name string) string { return filepath.Join(string(f), name) }
