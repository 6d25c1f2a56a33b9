package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

// Reason is why a command ended.
type Reason string

// The reasons.
const (
	// Exited is a command that ended by itself.
	Exited Reason = "exited"
	// Cancelled is one that the server wished to end.
	Cancelled Reason = "cancelled"
	// TimedOut is one that took longer than it may.
	TimedOut Reason = "timed out"
	// Stopped is one whose supervisor was told by a signal to stop.
	Stopped Reason = "stopped"
	// NotStarted is one that could not be started.
	NotStarted Reason = "could not start"
)

// Status is how a command ended.
type Status struct {
	Reason Reason `json:"reason"`
	// Code is the exit code; -1 where there is none.
	Code int `json:"code"`
	// Signal is the one that ended the command, if any.
	Signal string `json:"signal,omitempty"`
	// Told is the signal that a supervisor got which was Stopped, and Limit what a
	// command was given that TimedOut.
	Told  string        `json:"told,omitempty"`
	Limit time.Duration `json:"limit,omitempty"`
	// Error is why the command was not started, or else what is known in the place of
	// how it ended.
	Error string `json:"error,omitempty"`
	// Log is why its log is not whole.
	Log   string    `json:"log,omitempty"`
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
}

// Status returns how the command ended; ok is false as long as it has not.
func (f Folder) Status() (s Status, ok bool, err error) {
	text, err := os.ReadFile(f.path(statusFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Status{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return Status{}, false, fmt.Errorf("reading how a deploy ended: %w", err)
	}
	return s, true, nil
}

// finish writes the status, whole or not at all.
func (f Folder) finish(s Status) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("writing how a deploy ended: %w", err)
	}
	file, err := os.CreateTemp(string(f), statusFile+".*")
	if err != nil {
		return fmt.Errorf("writing how a deploy ended: %w", err)
	}
	err = write(file, append(text, '\n'))
	if err == nil {
		err = os.Rename(file.Name(), f.path(statusFile))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing how a deploy ended: %w", err), os.Remove(file.Name()))
	}
	if err := syncPath(string(f)); err != nil {
		return fmt.Errorf("writing how a deploy ended: %w", err)
	}
	return nil
}

// of fills in how the process of a command ended.
func (s *Status) of(cmd *exec.Cmd) {
	state := cmd.ProcessState
	s.Code = -1
	if state == nil {
		s.Error = "could not be waited for"
		return
	}
	s.Code = state.ExitCode()
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		s.Signal = unix.SignalName(status.Signal())
	}
}

// Outcome is the status for the record.
func (s Status) Outcome() deploy.Outcome {
	o := deploy.Outcome{Status: annotate.Failed}
	switch s.Reason {
	case Exited:
		if s.Code == 0 {
			o.Status = annotate.Succeeded
		}
		o.Text = s.how()
	case Cancelled:
		o.Status = annotate.Cancelled
		o.Text = "was cancelled, and " + s.how()
	case TimedOut:
		o.Text = "took longer than " + short(s.Limit) + " and was ended"
		if s.Error != "" {
			o.Text = "took longer than " + short(s.Limit) + ", and " + s.Error
		}
	case Stopped:
		o.Status = annotate.Cancelled
		o.Text = "was cancelled, since its supervisor was told to stop by " + s.Told + ", and " + s.how()
	case NotStarted:
		o.Text = "could not be started: " + s.Error
	default:
		o.Text = "ended in a way that is not known: " + string(s.Reason)
	}
	if s.Log != "" {
		o.Text += "; its log is not whole: " + s.Log
	}
	return o
}

// how says how the process ended.
func (s Status) how() string {
	switch {
	case s.Error != "":
		return s.Error
	case s.Signal != "":
		return "was ended by " + s.Signal
	}
	return fmt.Sprintf("exited with code %d", s.Code)
}

// short is d without the units that are 0 at its end.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
