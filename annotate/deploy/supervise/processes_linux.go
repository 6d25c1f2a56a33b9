package supervise

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// attributes has the command in a group of its own, and killed with its supervisor.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// Boot returns what tells this run of the machine from others.
func Boot() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// processes are a command and what it began, by its group. Whatever is in the
// supervisor's session belongs to them too: programs such as timeout and shells with
// job control make groups of their own. What makes a session of its own is meant to
// stay, and does not.
type processes struct{ group int }

// there reports whether some are alive.
func (p processes) there() bool { return len(p.groups()) > 0 }

// signal sends each of them a signal.
func (p processes) signal(sig unix.Signal) {
	for _, group := range p.groups() {
		// An error says that the group is gone, or another user's.
		_ = unix.Kill(-group, sig)
	}
}

// groups returns the groups that they are in.
func (p processes) groups() []int {
	own := os.Getpid()
	session, err := unix.Getsid(0)
	leads := err == nil && session == own
	var groups []int
	for _, one := range alive() {
		ours := one.group == p.group
		if leads { // a session's number is no other's as long as its leader lives
			ours = one.session == own && one.group != own
		}
		if ours && !slices.Contains(groups, one.group) {
			groups = append(groups, one.group)
		}
	}
	return groups
}

// process is one that is alive.
type process struct{ pid, group, session int }

// alive returns the processes that have not ended, also where nobody waited for them.
func alive() []process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it ended
		}
		// 17 (name) S 1 17 17 …: the name may have anything in it.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 4 || fields[0] == "Z" || fields[0] == "X" {
			continue
		}
		group, groupErr := strconv.Atoi(fields[2])
		session, sessionErr := strconv.Atoi(fields[3])
		if groupErr == nil && sessionErr == nil {
			all = append(all, process{pid, group, session})
		}
	}
	return all
}

// restPatience is how long EndRest takes at most.
const restPatience = 5 * time.Second

// EndRest kills what is left in the session of a supervisor that is dead and has the
// run's id in its environment: a session's number may be another's by now. It reports
// whether nothing is left in the session.
func EndRest(session int, run string) bool {
	variable := IDVariable + "=" + run
	for began := time.Now(); time.Since(began) < restPatience; time.Sleep(groupEvery) {
		killed, others := false, false
		for _, one := range alive() {
			switch {
			case one.session != session || one.pid == os.Getpid():
			case one.has(variable):
				killed = true
				_ = unix.Kill(one.pid, unix.SIGKILL)
			default:
				others = true
			}
		}
		if !killed {
			return !others
		}
	}
	return false
}

// has reports whether a process was started with a variable. Of other users' this is
// not to be known.
func (p process) has(variable string) bool {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
	return err == nil && slices.Contains(strings.Split(string(environ), "\x00"), variable)
}
