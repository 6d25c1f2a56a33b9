package wrap

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// Log is where a deploy is reported. What goes wrong there is the Log's own to
// tell, for the deploy goes on regardless. The methods are called one at a time.
type Log interface {
	// Open reports that the deploy begins. It returns within a bound, and soon
	// once ctx is done.
	Open(ctx context.Context, r annotate.Report)
	// Alive notes that the deploy still goes on at t. It returns at once.
	Alive(t time.Time)
	// Close reports how the deploy ended, with all that Open said. It returns
	// within a bound, and soon once ctx is done.
	Close(ctx context.Context, r annotate.Report)
}

// aliveEvery is how often a Log is told that the deploy goes on.
const aliveEvery = 10 * time.Second

// Deploy is a command to run, and what is known of it before it runs.
type Deploy struct {
	// Report says what is deployed, and has the source and external_id by which
	// the log knows it again. Its start, end and status are filled in.
	Report annotate.Report
	// Args are the command and its arguments.
	Args []string
	// Stdin, Stdout and Stderr are the command's own, untouched.
	Stdin, Stdout, Stderr *os.File
	Log                   Log
}

// Run runs the command and reports it. Signals to this process are passed on to
// the command; ctx does not end it.
func (d Deploy) Run(ctx context.Context) Outcome {
	ctx = context.WithoutCancel(ctx)
	caught := catchSignals()
	defer caught.release()

	began := time.Now()
	d.Report.Start, d.Report.End, d.Report.Status = annotate.At(began), annotate.Time{}, annotate.Running
	told := unlessTold(ctx, caught, func(ctx context.Context) { d.Log.Open(ctx, d.Report) })
	var outcome Outcome
	if told != 0 {
		outcome = notBegun(told)
	} else {
		outcome = d.run(caught)
	}

	// The end is counted from the start, so that a clock that is set in between
	// cannot put it before.
	end := annotate.At(began.Add(time.Since(began)))
	d.Report.End, d.Report.Status = end, outcome.Status
	d.Report.Evidence = append(d.Report.Evidence[:len(d.Report.Evidence):len(d.Report.Evidence)],
		annotate.Evidence{Source: "tidemark deploy", Time: end, Text: outcome.Text})
	unlessTold(ctx, caught, func(ctx context.Context) { d.Log.Close(ctx, d.Report) })
	return outcome
}

// unlessTold calls do, and ends its ctx when a signal asks to stop. It returns
// that signal, 0 for none.
func unlessTold(ctx context.Context, caught *signals, do func(context.Context)) (told syscall.Signal) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(ctx)
	}()
	for {
		select {
		case sig := <-caught.caught:
			if asksToStop(sig) {
				told, _ = sig.(syscall.Signal)
				cancel()
			}
		case <-done:
			return caught.stopping(told)
		}
	}
}

// run runs the command to its end.
func (d Deploy) run(caught *signals) Outcome {
	began := time.Now()
	cmd, err := d.start()
	if err != nil {
		return notRun(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	told := syscall.Signal(0)
	for {
		select {
		case sig := <-caught.caught:
			if asksToStop(sig) {
				told, _ = sig.(syscall.Signal)
			}
			if !cameToBoth(sig) {
				// An error says that the command has ended: Wait tells how.
				_ = cmd.Process.Signal(sig)
			}
		case now := <-alive.C:
			d.Log.Alive(now)
		case err := <-exited:
			if cmd.ProcessState == nil {
				return notRun(err)
			}
			// A key that ended the command may have come here just now.
			return ended(cmd.ProcessState, time.Since(began), caught.stopping(told))
		}
	}
}

// start starts the command as a shell would.
func (d Deploy) start() (*exec.Cmd, error) {
	cmd := d.command(d.Args)
	err := cmd.Start()
	if errors.Is(err, syscall.ENOEXEC) {
		// A script without a #! line; every shell runs it, so this does too.
		cmd = d.command(append([]string{"/bin/sh", cmd.Path}, d.Args[1:]...))
		err = cmd.Start()
	}
	return cmd, err
}

func (d Deploy) command(args []string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...) //nolint:noctx // a deploy is not ended because its wrapper is: it gets the signals instead
	if errors.Is(cmd.Err, exec.ErrDot) {
		cmd.Err = nil // the user's PATH has the folder, and the user's shell heeds it
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = d.Stdin, d.Stdout, d.Stderr
	return cmd
}
