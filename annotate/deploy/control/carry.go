package control

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/driver"
)

const (
	// beginWithin is how long a driver may take to begin a run, and letBegin how long
	// Close waits for one that does.
	beginWithin = time.Minute
	letBegin    = 3 * time.Second
	// overdue is how long after its deadline, and the grace, a run may take to be seen
	// to end.
	overdue = time.Minute
	// lookFirst is how long a run whose deadline is over when it is found again is left
	// alone, for its driver to tell that it has ended.
	lookFirst = 5 * time.Second
	// firstPause and lastPause are how long it takes at first, and at the most, until a
	// driver that could not tell something is asked again.
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// carried is a run that is being followed.
type carried struct {
	driver driver.Driver
	job    driver.Job
	// wished is closed when somebody wants it to end.
	wished chan struct{}
	once   sync.Once
	// trouble is what keeps Tidemark from seeing how it goes; empty for nothing.
	trouble atomic.Pointer[string]
}

func (r *carried) wish() { r.once.Do(func() { close(r.wished) }) }

func (r *carried) told(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	r.trouble.Store(&text)
}

// carry follows a run until it has ended, and has it begun before if it is fresh. A run
// that is followed already goes on being so.
func (c *Control) carry(run keptRun, fresh bool) {
	r := &carried{driver: c.driverOf(run), wished: make(chan struct{}), job: driver.Job{
		Run: run.Clone(), Folder: c.folderOf(run.ID), Log: c.logOf(run.ID),
		Timeout: run.Deadline.Sub(run.Started.Time), Grace: c.grace,
	}}
	r.told(nil)
	if run.Cancel != nil {
		r.wish()
	}
	c.carrying.Lock()
	defer c.carrying.Unlock()
	if c.carried[run.ID] != nil {
		return
	}
	c.carried[run.ID] = r
	c.work.Go(func() {
		defer func() {
			c.carrying.Lock()
			delete(c.carried, run.ID)
			c.carrying.Unlock()
		}()
		outcome, err := c.place(r, fresh)
		if err == nil && outcome.Status == "" {
			outcome, err = c.follow(r)
		}
		if err != nil {
			return // Tidemark stops; the next one goes on
		}
		c.conclude(run.ID, outcome)
	})
}

// resume follows the runs that are under way and that nobody follows: after a start, and
// where the log kept one although it seemed that it did not.
func (c *Control) resume() {
	for _, run := range *c.runs.Load() {
		if run.Status == annotate.Running {
			c.carry(run, false)
		}
	}
}

// place has a run begun, or finds it where it may have been. The outcome has a status
// where it did not begin. Its error says that Tidemark stops.
func (c *Control) place(r *carried, fresh bool) (deploy.Outcome, error) {
	if r.job.Ref != (deploy.Ref{}) {
		return deploy.Outcome{}, nil
	}
	ref, began, err := deploy.Ref{}, true, error(nil)
	if fresh {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), beginWithin)
		stop := context.AfterFunc(c.ctx, func() { time.AfterFunc(letBegin, cancel) })
		ref, err = r.driver.Begin(ctx, r.job)
		stop()
		cancel()
	}
	// What no answer came for is looked for, as after a restart.
	unanswered := err
	if !fresh || errors.Is(err, driver.ErrUncertain) && c.ctx.Err() == nil {
		within, cancel := context.WithTimeout(c.ctx, c.left(r))
		err = c.insist(within, r, func(ctx context.Context) (err error) {
			ref, began, err = r.driver.Find(ctx, r.job)
			return err
		}, func(err error) bool { return errors.Is(err, driver.ErrUncertain) })
		cancel()
		if err != nil && within.Err() != nil && c.ctx.Err() == nil {
			err = fmt.Errorf("%w: %s", driver.ErrUncertain, *r.trouble.Load())
		}
	}
	switch {
	case err == nil && began:
		r.job.Ref = ref
		return deploy.Outcome{}, c.placed(r)
	case err == nil && fresh:
		return deploy.Outcome{Status: annotate.Failed, Text: "did not begin: " + unanswered.Error()}, nil
	case err == nil:
		return deploy.Outcome{Status: annotate.Failed, Text: "did not begin: Tidemark was stopped before, or could not keep that it begins"}, nil
	case c.ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, driver.ErrUncertain)):
		return deploy.Outcome{}, err
	case errors.Is(err, driver.ErrUncertain):
		if fresh {
			err = fmt.Errorf("%w; %w", unanswered, err)
		}
		return deploy.Outcome{Status: annotate.Lost, Text: "whether it began is not known: " + err.Error()}, nil
	}
	return deploy.Outcome{Status: annotate.Failed, Text: "did not begin: " + err.Error()}, nil
}

// placed keeps where a run runs.
func (c *Control) placed(r *carried) error {
	return c.insist(c.ctx, r, func(ctx context.Context) error {
		if err := c.lock(ctx); err != nil {
			return err
		}
		defer c.unlock()
		run, err := c.find(r.job.ID)
		if err != nil {
			return err
		}
		run.Ref = r.job.Ref
		var report *annotate.Report
		if run.Ref.URL != "" && len(run.Ref.URL) <= annotate.MaxHref {
			report = &annotate.Report{Links: []annotate.Link{{Rel: "run", Title: r.driver.Name(), Href: run.Ref.URL}}}
		}
		_, err = c.keep(ctx, source, run, report)
		return err
	}, func(err error) bool { return annotate.CodeOf(err) == annotate.NotFound })
}

// left is how long a run may still take to be seen to end.
func (c *Control) left(r *carried) time.Duration {
	return max(r.job.Deadline.Sub(c.now())+r.job.Grace, 0) + overdue
}

// follow returns how a run ended. Its error says that Tidemark stops.
func (c *Control) follow(r *carried) (deploy.Outcome, error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.left(r))
	defer cancel()
	var late atomic.Bool
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() { c.cancelWhenDue(ctx, r, &late) })

	var outcome deploy.Outcome
	err := c.insist(ctx, r, func(ctx context.Context) (err error) {
		if err := os.MkdirAll(r.job.Folder, 0o700); err != nil { // where somebody took it away
			return fmt.Errorf("making the folder of a deploy: %w", err)
		}
		outcome, err = r.driver.Follow(ctx, r.job)
		return err
	}, nil)
	limit := r.job.Timeout.Round(time.Second)
	switch {
	case c.ctx.Err() != nil && err != nil:
		return deploy.Outcome{}, err
	case err != nil:
		text := fmt.Sprintf("took longer than %s, and its end was never seen", limit)
		if trouble := *r.trouble.Load(); trouble != "" {
			text += ": " + trouble
		}
		return deploy.Outcome{Status: annotate.Lost, Text: text}, nil
	case late.Load() && outcome.Status == annotate.Cancelled:
		return deploy.Outcome{Status: annotate.Failed, Text: fmt.Sprintf("took longer than %s, and was ended", limit)}, nil
	}
	return outcome, nil
}

// cancelWhenDue has a run end once somebody wants it to, or it has taken too long.
func (c *Control) cancelWhenDue(ctx context.Context, r *carried, late *atomic.Bool) {
	left := r.job.Deadline.Sub(c.now())
	if left <= 0 {
		left = lookFirst // it may have ended in time, while Tidemark was away
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	wished := false
	select {
	case <-ctx.Done():
		return
	case <-r.wished:
		wished = true
	case <-timer.C:
		late.Store(true)
	}
	cancel := func(ctx context.Context) error { return r.driver.Cancel(ctx, r.job) }
	if err := c.insist(ctx, r, cancel, nil); err != nil || !wished {
		return // ctx is over, and then nobody cares any more
	}
	select { // what heard the wish and goes on is asked again
	case <-ctx.Done():
	case <-timer.C:
		_ = c.insist(ctx, r, cancel, nil) // as above
	}
}

// insist calls do until it returns no error, or one that is final, or ctx is over, and
// waits longer and longer in between.
func (c *Control) insist(ctx context.Context, r *carried, do func(context.Context) error, final func(error) bool) error {
	pause := firstPause
	for {
		err := do(ctx)
		if err == nil || final != nil && final(err) {
			r.told(nil)
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.logger.Warn("a deploy that is under way could not be followed, and is tried again", "id", r.job.ID, "driver", r.job.Driver, "err", err)
		r.told(err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}

// conclude keeps how a run ended, until the log takes it or Tidemark stops: then the
// next one asks its driver again.
func (c *Control) conclude(id string, outcome deploy.Outcome) {
	for {
		err := c.lock(c.ctx)
		if err == nil {
			var run keptRun
			if run, err = c.find(id); err == nil && !run.Status.Ended() {
				_, err = c.finish(c.ctx, run, source, outcome)
			}
			c.unlock()
		}
		if err == nil || c.ctx.Err() != nil || annotate.CodeOf(err) == annotate.NotFound { // it was kept, and let go since
			return
		}
		c.logger.Error("the end of a deploy could not be recorded, and is tried again", "id", id, "err", err)
		select {
		case <-c.ctx.Done():
			return
		case <-time.After(retryAfter):
		}
	}
}
