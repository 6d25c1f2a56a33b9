package wrap

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tidemark/tidemark/annotate"
)

// The exit codes that a shell has for commands that it cannot run.
const (
	codeCannotRun = 126
	codeNotFound  = 127
	// codeSignal is added to the number of the signal that ended a command.
	codeSignal = 128
)

// Outcome is how a deploy ended.
type Outcome struct {
	// Code is the exit code to pass on: the command's, or what a shell says for
	// a command that was ended by a signal or could not be run.
	Code   int
	Status annotate.Status
	// Text is how it ended, for the record.
	Text string
	// Err is why the command could not be run; nil when it ran.
	Err error
}

// notRun is the outcome of a command that could not be started.
func notRun(err error) Outcome {
	code := codeCannotRun
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		code = codeNotFound
	}
	return Outcome{Code: code, Status: annotate.Failed, Text: "not run: " + err.Error(), Err: err}
}

// notBegun is the outcome of a deploy that sig ended before its command began.
func notBegun(sig syscall.Signal) Outcome {
	return Outcome{
		Code:   codeSignal + int(sig),
		Status: annotate.Cancelled,
		Text:   fmt.Sprintf("not run: %s came first", unix.SignalName(sig)),
	}
}

// ended is the outcome of a command that ran for took, during which told was
// the last signal that asked it to stop; 0 for none.
func ended(state *os.ProcessState, took time.Duration, told syscall.Signal) Outcome {
	status, ok := state.Sys().(syscall.WaitStatus)
	killer := syscall.Signal(0)
	if ok && status.Signaled() {
		killer = status.Signal()
	}
	o := Outcome{Code: state.ExitCode(), Status: annotate.Failed}
	span := describe(took)
	if killer != 0 {
		o.Code = codeSignal + int(killer)
		o.Text = fmt.Sprintf("killed by %s after %s", unix.SignalName(killer), span)
	} else {
		o.Text = fmt.Sprintf("exit status %d after %s", o.Code, span)
		if told != 0 {
			o.Text += ", told to stop by " + unix.SignalName(told)
		}
	}
	switch {
	case o.Code == 0:
		o.Status = annotate.Succeeded // also if it was told to stop: it knows best
	case told != 0 || killer == syscall.SIGINT:
		o.Status = annotate.Cancelled
	}
	return o
}

// describe returns d as a person says it, to a tenth of a second.
func describe(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
