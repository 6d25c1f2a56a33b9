package control

import (
	"context"
	"io"

	"github.com/tidemark/tidemark/annotate/deploy"
)

// Control is the deploys of all targets. All its methods may be called at the same time.
type Control struct{}

// Open reads what is under way from the log, and goes on with it.
func Open(ctx context.Context, opts Options) (*Control, error) { panic("todo") }

// Close stops following what runs, which goes on, and refuses writes as Unavailable.
func (c *Control) Close() error { panic("todo") }

// Apply takes over new settings. What runs goes on as it began.
func (c *Control) Apply(ctx context.Context, s Settings) error { panic("todo") }

// Start asks for a deploy. created is false where one with the same ExternalID was
// asked for before: then that one is returned.
func (c *Control) Start(ctx context.Context, r Request) (v View, created bool, err error) {
	panic("todo")
}

// Rollback asks for the last good version before the deploy with the id, which may be
// any deploy of a target in the change log. It goes before all that wait; a run that is
// still under way is cancelled. Of r, Service, Environment and Version are not read.
func (c *Control) Rollback(ctx context.Context, id string, r Request) (v View, created bool, err error) {
	panic("todo")
}

// Cancel ends a run that waits, and asks one that runs to end.
func (c *Control) Cancel(ctx context.Context, id string, by Author) (View, error) { panic("todo") }

// Get returns a run, or a NotFound error.
func (c *Control) Get(ctx context.Context, id string) (View, error) { panic("todo") }

// Targets returns all targets, sorted by environment and service.
func (c *Control) Targets(ctx context.Context) ([]TargetView, error) { panic("todo") }

// Target finds a target; environment may be empty where the service has only one. Its
// error says which there are.
func (c *Control) Target(service, environment string) (deploy.ID, error) { panic("todo") }

// Check says whether a deploy may begin, also of what is no target.
func (c *Control) Check(id deploy.ID) Check { panic("todo") }

// ReadLog copies what is kept of a run's log from the offset on, in bytes, to w, and
// returns how much. An offset beyond its end is not an error.
func (c *Control) ReadLog(ctx context.Context, id string, offset int64, w io.Writer) (int64, error) {
	panic("todo")
}

// FollowLog calls tell with each part of a run's log from the offset on, as it comes,
// and with the run whenever its state has changed, until it has ended and all was
// told, ctx ends, or tell returns an error, which it returns. The first call has the
// run as it stands; text may be empty.
func (c *Control) FollowLog(ctx context.Context, id string, offset int64, tell func(v View, offset int64, text []byte) error) error {
	panic("todo")
}

// Hold makes a hold. Holds returns those that hold, oldest first.
func (c *Control) Hold(ctx context.Context, r HoldRequest) (deploy.Hold, error) { panic("todo") }

// Holds returns those that hold, oldest first.
func (c *Control) Holds() []deploy.Hold { panic("todo") }

// Extend sets another end for a hold, Release ends it now.
func (c *Control) Extend(ctx context.Context, id string, r HoldRequest) (deploy.Hold, error) {
	panic("todo")
}

// Release ends a hold now.
func (c *Control) Release(ctx context.Context, id string, by Author) (deploy.Hold, error) {
	panic("todo")
}
