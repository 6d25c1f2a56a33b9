package driver

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"
)

// The limits of what is asked of servers, and how.
const (
	// DefaultInterval is how often a run is looked at while it goes on.
	DefaultInterval = 5 * time.Second
	// maxAnswer is how long an answer may be, and maxText how much is taken of a log.
	maxAnswer = 1 << 20
	maxText   = 64 << 20
	// maxRequest is how long an answer may take, and maxTextRequest how long a log.
	maxRequest     = 30 * time.Second
	maxTextRequest = 5 * time.Minute
	// maxRedirects is how often an answer may lead elsewhere.
	maxRedirects = 5
	// settled is how long after a run was begun a server has certainly worked off the
	// request for it, or dropped it: that took maxRequest at most to be sent, and
	// servers give a request a minute.
	settled = 2 * time.Minute
	// skew is how far the clocks of servers may be apart.
	skew = 5 * time.Minute
)

// Remote is what all drivers have that ask a server. Its zero value does.
type Remote struct {
	// TLS says whom to trust; nil is what the system trusts.
	TLS *tls.Config
	// Interval is how often a run is looked at; DefaultInterval where it is 0.
	Interval time.Duration
	// Now is the time, and Wait waits for d unless ctx ends before; nil for the
	// system's clock.
	Now  func() time.Time
	Wait func(ctx context.Context, d time.Duration) error
}

func (r Remote) interval() time.Duration {
	if r.Interval <= 0 {
		return DefaultInterval
	}
	return r.Interval
}

func (r Remote) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

func (r Remote) wait(ctx context.Context, d time.Duration) error {
	if r.Wait != nil {
		return r.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// settle returns an error while a request that began the job could still be under
// way. It has no ErrUncertain in its chain: later, it can be told.
func (r Remote) settle(job Job) error {
	begun := job.Started.Time
	if begun.IsZero() {
		begun = job.Queued.Time
	}
	if left := begun.Add(settled).Sub(r.now()); left > 0 {
		return fmt.Errorf("the request that begins the deploy may still be under way; that can be told in %s", left.Round(time.Second))
	}
	return nil
}
