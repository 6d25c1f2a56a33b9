package driver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/supervise"
)

// Command runs a local command. A supervisor, a process of its own, runs it, so that
// it goes on while the server is restarted. It keeps nothing in memory. Whoever starts
// the server must leave that process alone when it stops it: systemd does with
// KillMode=process.
//
// What the command leaves running when it exits by itself is left alone, but for its
// output, which is read for a few seconds more. When it is cancelled or takes too
// long, all that it began is ended, but what made a session of its own.
type Command struct {
	// Exec are the program and its arguments, which no shell reads. The program is
	// fixed text. An argument that begins with a placeholder must not come out as an
	// option.
	Exec []deploy.Template
	// Shell is, in the place of Exec, a script for /bin/sh -c. Nothing is filled into
	// it; values come to it in the variables TIDEMARK_DEPLOY_….
	Shell string
	// Directory is where it runs; empty for an empty one in the run's own folder.
	Directory string
	// Env are environment variables.
	Env map[string]string
	// Secrets are the files of environment variables that are secret, by name. They
	// are read when a run begins, without the newline at their end, and do not show
	// in its log.
	Secrets map[string]string
	// Self is how to start a supervisor: a program, as an absolute path, and arguments
	// that come to supervise.Run.
	Self []string
}

var _ Driver = (*Command)(nil)

// beginPatience is how long a supervisor may take to begin a command.
const beginPatience = 30 * time.Second

// lookEvery is how often it is looked whether a command has ended.
const lookEvery = 200 * time.Millisecond

// Name implements Driver.
func (*Command) Name() string { return "command" }

// Begin implements Driver. A program that cannot be run is an error of it.
func (c *Command) Begin(ctx context.Context, job Job) (deploy.Ref, error) {
	ctx, cancel := context.WithTimeout(ctx, beginPatience)
	defer cancel()
	spec, err := c.spec(job)
	if err != nil {
		return deploy.Ref{}, err
	}
	child, err := begin(c.Self, c.base(), spec.Folder)
	if err != nil {
		return deploy.Ref{}, err
	}
	answer, err := child.ask(ctx, spec)
	switch {
	case err != nil:
	case answer.Claimed:
		return deploy.Ref{}, claimed(spec.Folder, answer)
	case answer.Error != "":
		return deploy.Ref{}, fmt.Errorf("the command was not begun: %s", answer.Error)
	default:
		return refOf(answer.PID), nil
	}
	// It said nothing, but may have been about to.
	there, voided, voidErr := spec.Folder.Void()
	switch {
	case voidErr != nil:
		return deploy.Ref{}, fmt.Errorf("%w: %w; %w", ErrUncertain, err, voidErr)
	case !voided:
		return refOf(there.PID), nil // and Follow tells what came of it
	}
	child.kill()
	return deploy.Ref{}, fmt.Errorf("the command was not begun: %w", err)
}

// claimed is the error of a run that was decided about before.
func claimed(folder supervise.Folder, answer supervise.Answer) error {
	if there, err := folder.Claim(); err == nil && there.Voided {
		return errors.New("the command was not begun: it was given up before")
	}
	return fmt.Errorf("%w by this attempt, since one was made before: %s", ErrUncertain, answer.Error)
}

// refOf is how people find a supervisor. Nothing relies on it.
func refOf(pid int) deploy.Ref {
	if pid == 0 {
		return deploy.Ref{ID: "a process"}
	}
	return deploy.Ref{ID: "process " + strconv.Itoa(pid)}
}

// Find implements Driver.
func (*Command) Find(_ context.Context, job Job) (deploy.Ref, bool, error) {
	there, voided, err := supervise.Folder(job.Folder).Void()
	if errors.Is(err, fs.ErrNotExist) {
		return deploy.Ref{}, false, fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	if err != nil || voided {
		return deploy.Ref{}, false, err
	}
	return refOf(there.PID), true, nil
}

// Follow implements Driver. The supervisor writes the log.
func (*Command) Follow(ctx context.Context, job Job) (deploy.Outcome, error) {
	folder := supervise.Folder(job.Folder)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		outcome, ok, err := ending(folder, job.ID)
		if ok || err != nil {
			return outcome, err
		}
		select {
		case <-ctx.Done():
			return deploy.Outcome{}, ctx.Err()
		case <-look.C:
		}
	}
}

// ending returns how a run ended; ok is false as long as it has not.
func ending(folder supervise.Folder, id string) (o deploy.Outcome, ok bool, err error) {
	alive, aliveErr := folder.Alive()
	// The status is looked for after the lock, since a supervisor writes it before it
	// gives that back.
	status, ok, err := folder.Status()
	switch {
	case err != nil:
		return deploy.Outcome{}, false, err
	case ok:
		return status.Outcome(), true, nil
	case aliveErr != nil || alive:
		return deploy.Outcome{}, false, aliveErr
	}
	return lost(folder, id), true, nil
}

// lost ends what is left of a run whose supervisor ended before it could say how.
func lost(folder supervise.Folder, id string) deploy.Outcome {
	o := deploy.Outcome{Status: annotate.Lost}
	claim, err := folder.Claim()
	switch {
	case err != nil:
		o.Text = "its supervisor is gone, and so are its files: how it ended is not known"
	case claim.Voided:
		o.Text = "it was given up before it began"
	case claim.PID != 0 && claim.Boot != supervise.Boot():
		o.Text = "the machine was restarted meanwhile: how it ended is not known"
	case claim.PID != 0 && supervise.EndRest(claim.PID, id):
		o.Text = "its supervisor was killed, and what was left of it was ended: how far it came is not known"
	default:
		o.Text = "its supervisor was killed: how it ended is not known, and some of it may still go on"
	}
	return o
}

// Cancel implements Driver.
func (*Command) Cancel(_ context.Context, job Job) error {
	folder := supervise.Folder(job.Folder)
	err := folder.Cancel()
	if err == nil {
		return nil
	}
	if _, ended, statusErr := folder.Status(); statusErr == nil && ended {
		return nil
	}
	return err
}

// absolute is a path that is the same from everywhere.
func absolute(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("finding the folder of a deploy: %w", err)
	}
	return path, nil
}
