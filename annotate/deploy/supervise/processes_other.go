//go:build !linux

package supervise

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes has the command in a group of its own. It outlives a supervisor that is
// killed: there is no way to tie it to that here.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// Boot is not known here.
func Boot() string { return "" }

// processes are a command and what it began, by its group.
type processes struct{ group int }

// there reports whether some are alive.
func (p processes) there() bool { return unix.Kill(-p.group, 0) == nil }

// signal sends each of them a signal.
func (p processes) signal(sig unix.Signal) {
	// An error says that the group is gone.
	_ = unix.Kill(-p.group, sig)
}

// EndRest does nothing here, since it cannot be told which processes are the run's.
func EndRest(int, string) bool { return false }
