// Package driver begins, follows and cancels deploys where they are carried out.
// Each driver is a type; none of them keeps anything but in its run's folder, so
// that whoever follows a run may do so after a restart.
package driver

import (
	"context"
	"errors"
	"time"

	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/runlog"
)

// Driver carries out the deploys of one target. Its methods may be called at the
// same time, for different runs; Cancel also while Follow follows the same one.
type Driver interface {
	// Name is its word in the configuration: command, http, github, …
	Name() string
	// Begin starts a run, at most once, and returns how to find it again. Where it
	// may have begun although Begin cannot tell, the error has ErrUncertain in its
	// chain; with any other error nothing was begun.
	Begin(ctx context.Context, job Job) (deploy.Ref, error)
	// Find returns what Begin began for a job whose Ref was not kept, since Tidemark
	// was stopped meanwhile. Where nothing was begun it sees to it that nothing will
	// be, and ok is false. An error with ErrUncertain in its chain says that it
	// cannot be told, another that it may be told later.
	Find(ctx context.Context, job Job) (ref deploy.Ref, ok bool, err error)
	// Follow returns how the run ended, once it did, and writes to its log until then
	// what happens. An error says that this cannot be told now: the caller may ask
	// again, and then what was written already is not written again, as far as the
	// driver can know. It returns promptly once ctx is over.
	Follow(ctx context.Context, job Job) (deploy.Outcome, error)
	// Cancel asks the run to end, and returns once the wish was heard. That it has
	// ended, Follow tells. To ask again does no harm.
	Cancel(ctx context.Context, job Job) error
}

// ErrUncertain is in the chain of an error that leaves open whether a run began.
var ErrUncertain = errors.New("whether the deploy began is not known")

// Job is a run as its driver gets it.
type Job struct {
	// Run has its Ref once that is known.
	deploy.Run
	// Folder is the run's own, for what its driver must remember. It is there.
	Folder string
	// Log is what people are to see of it. Whoever opens it gives it the secrets that
	// must not be seen there.
	Log runlog.File
	// Timeout is how long the run may take, and Grace how long what is cancelled may
	// take to end by itself.
	Timeout, Grace time.Duration
}
