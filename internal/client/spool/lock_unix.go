//go:build unix && !solaris && !aix

package spool

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// tryLock takes the lock on an open file, and reports whether it was free. The
// kernel gives it back when the process ends, however it ends: unlike a process
// id, a lock says the truth also after a reboot and from inside a container.
func tryLock(file *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, fmt.Errorf("lock %s: %w", file.Name(), err)
		}
	}
}

// checkOwner returns an error if others than this user and root may write to dir.
func checkOwner(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the spool: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("the spool %s is not a folder", dir)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("everyone may write to the spool %s; take that away with chmod o-w, or choose another with --spool", dir)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("the spool %s belongs to the user with id %d; choose another with --spool", dir, stat.Uid)
	}
	return nil
}
