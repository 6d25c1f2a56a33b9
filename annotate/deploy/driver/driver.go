// Package driver begins, follows and cancels deploys where they are carried out.
// Each driver is one file; none of them keeps anything but in its run's folder, so
// that whoever follows a run may do so after a restart.
package driver

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/tidemark/tidemark/annotate/deploy"
)

// Driver carries out the deploys of one target. Its methods may be called at the
// same time, for different runs.
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
	// Follow returns how the run ended, once it did. Until then it writes to job.Log
	// what happens. An error says that this cannot be told now: the caller may ask
	// again, and then what was written already is not written again, as far as
	// job.Notes allows.
	Follow(ctx context.Context, job Job) (deploy.Outcome, error)
	// Cancel asks the run to end, and returns once the wish was heard. That it has
	// ended, Follow tells. To ask again does no harm.
	Cancel(ctx context.Context, job Job) error
}

// ErrUncertain is in the chain of an error that leaves open whether a run began.
var ErrUncertain = errors.New("whether the deploy began is not known")

// Job is a run as its driver gets it.
type Job struct {
	// Run has its Ref once it was begun.
	deploy.Run
	// Folder is the run's own. It is there.
	Folder string
	// Log takes what people are to see, as UTF-8 text in lines. It masks secrets,
	// keeps no more than its bound, and never fails.
	Log io.Writer
	// Notes is what the driver remembers about how far it followed.
	Notes Notes
	// Secrets takes what is to be masked in Log from now on.
	Secrets func(secret ...string)
	// Grace is how long what is cancelled may take to end by itself.
	Grace time.Duration
}

// Notes is a little text that is kept with the run, also when Tidemark is restarted. What
// is lost in a crash is only the newest.
type Notes interface {
	Load() string
	Save(text string)
}
