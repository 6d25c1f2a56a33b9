package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/runlog"
)

const (
	// lookEvery is how often the supervisor looks whether it is to cancel.
	lookEvery = 200 * time.Millisecond
	// drain is how long the output is read of processes that a command leaves behind.
	drain = 3 * time.Second
)

// Run supervises the command that it reads from in, answers on out once it knows
// whether that began, and returns when it has ended. Its error says why nothing was
// begun, or why it could not be told how it ended.
//
// SIGTERM, SIGINT and SIGHUP have it end the command as a cancellation does, and
// record that: whoever stops the supervisor does not want the command to go on with
// nobody who knows of it.
func Run(in io.Reader, out io.WriteCloser) error {
	defer out.Close()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	defer signal.Stop(signals)
	// A server that went away must not end the supervisor that writes to it; unlike an
	// ignored signal, a caught one is not passed on to the command.
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, unix.SIGPIPE)
	defer signal.Stop(broken)

	spec, err := readSpec(in)
	if err != nil {
		return answer(out, Answer{Error: err.Error()}, err)
	}
	lock, err := spec.Folder.lock()
	if err != nil {
		return answer(out, Answer{Error: err.Error(), Claimed: errors.Is(err, errLocked)}, err)
	}
	defer lock.Close()
	made, err := spec.Folder.claim(Claim{PID: os.Getpid(), Boot: Boot(), Time: time.Now()})
	if err != nil {
		return answer(out, Answer{Error: err.Error()}, err)
	}
	if !made {
		err = errors.New("it was decided before whether the deploy begins")
		return answer(out, Answer{Error: err.Error(), Claimed: true}, err)
	}
	s := supervisor{Spec: spec, signals: signals, out: out}
	status := s.run()
	err = spec.Folder.finish(status)
	if status.Reason == NotStarted {
		return answer(out, Answer{Error: status.Error}, errors.Join(errors.New(status.Error), err))
	}
	s.begun()
	return err
}

// answer tells the server, and returns err. That nobody reads it does not matter: the
// server finds out by the folder.
func answer(out io.WriteCloser, a Answer, err error) error {
	_ = json.NewEncoder(out).Encode(a)
	_ = out.Close()
	return err
}

// supervisor is a claimed run.
type supervisor struct {
	Spec
	signals  chan os.Signal
	out      io.WriteCloser
	answered bool
}

// begun tells the server that the command began, if it was not told.
func (s *supervisor) begun() {
	if !s.answered {
		s.answered = true
		_ = answer(s.out, Answer{PID: os.Getpid()}, nil)
	}
}

// run runs the command, and returns once it has ended and the log is closed.
func (s *supervisor) run() Status {
	began := time.Now()
	log, err := s.Log.Append(s.Secrets...)
	if err != nil {
		return Status{Reason: NotStarted, Code: -1, Error: err.Error(), Began: began, Ended: time.Now()}
	}
	status := s.command(log)
	status.Began, status.Ended = began, time.Now()
	if err := errors.Join(log.Close(), syncPath(s.Log.Path)); err != nil {
		status.Log = err.Error()
	}
	return status
}

// command runs the command.
func (s *supervisor) command(log *runlog.Writer) Status {
	if s.Folder.cancelled() {
		return Status{Reason: Cancelled, Code: -1, Error: "never began"}
	}
	log.Printf("$ %s", quote(s.Argv))
	printed, theirs, err := os.Pipe()
	if err != nil {
		return Status{Reason: NotStarted, Code: -1, Error: err.Error()}
	}
	defer printed.Close()
	cmd := exec.Command(s.Argv[0], s.Argv[1:]...) //nolint:noctx // it is ended by signals, and gently
	cmd.Dir, cmd.Env = s.Directory, s.Env
	cmd.Stdout, cmd.Stderr = theirs, theirs
	cmd.SysProcAttr = attributes()
	// The kernel ends the command with the thread that began it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		log.Printf("%s", err)
		return Status{Reason: NotStarted, Code: -1, Error: err.Error()}
	}
	s.begun()
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(log, printed) // it ends with the output, or when printed is closed
	}()
	status := s.wait(cmd)
	select {
	case <-copied:
	case <-time.After(drain): // what the command left behind may go on for days
		printed.Close()
		<-copied
	}
	return status
}

// wait waits for the command to end, and ends it where it must.
func (s *supervisor) wait(cmd *exec.Cmd) Status {
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // its state says more than this error
	}()
	limit := s.Timeout
	if limit <= 0 {
		limit = deploy.DefaultTimeout
	}
	late := time.NewTimer(limit)
	defer late.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	status := Status{}
	for status.Reason == "" {
		select {
		case <-exited:
			status.Reason = Exited
		case <-late.C:
			status.Reason, status.Limit = TimedOut, limit
		case sig := <-s.signals:
			status.Reason, status.Told = Stopped, name(sig)
		case <-look.C:
			if s.Folder.cancelled() {
				status.Reason = Cancelled
			}
		}
	}
	select {
	case <-exited: // nobody ended it, whatever else came at the same time
		told := status.Told
		status = Status{Reason: Exited}
		status.of(cmd)
		s.blame(&status, told)
		return status
	default:
	}
	if !s.end(processes{group: cmd.Process.Pid}, exited) {
		status.Code, status.Error = -1, fmt.Sprintf("goes on %s after SIGKILL", lastWait)
		return status
	}
	status.of(cmd)
	return status
}

// blame finds out whether what ended the command told the supervisor to stop as well,
// as what ends a whole service does, and the command was faster. told is the signal
// that was seen already, if any.
func (s *supervisor) blame(status *Status, told string) {
	select {
	case sig := <-s.signals:
		told = name(sig)
	default:
	}
	if status.Signal != "" && told != "" {
		status.Reason, status.Told = Stopped, told
	}
}

const (
	// groupEvery is how often a command that is to end is looked after.
	groupEvery = 50 * time.Millisecond
	// lastWait is how long what was killed is waited for.
	lastWait = 10 * time.Second
)

// end ends the command and what it began: all of it has the grace to end by itself.
// It reports whether the command ended.
func (s *supervisor) end(all processes, exited <-chan struct{}) bool {
	all.signal(unix.SIGTERM)
	kill := time.NewTimer(max(s.Grace, 0))
	defer kill.Stop()
	look := time.NewTicker(groupEvery)
	defer look.Stop()
	gone := false
	var last <-chan time.Time
	for !gone || all.there() {
		select {
		case <-exited:
			gone, exited = true, nil
		case <-kill.C:
			timer := time.NewTimer(lastWait)
			defer timer.Stop()
			last = timer.C
			all.signal(unix.SIGKILL)
		case <-look.C:
			if last != nil {
				all.signal(unix.SIGKILL) // for those that were begun meanwhile
			}
		case <-last:
			return gone
		}
	}
	return true
}

// name is what a signal is called.
func name(sig os.Signal) string {
	if s, ok := sig.(syscall.Signal); ok {
		return unix.SignalName(s)
	}
	return sig.String()
}
