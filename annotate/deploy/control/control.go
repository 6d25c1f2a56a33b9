// Package control is the controls of deploys: the queue of each target, the holds in
// front of it, and the runs that are under way. It keeps them in the change log's
// database, each state together with the change that tells of it, and follows what
// runs until it has ended, also after a restart. It never serves a request itself.
package control

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

// Control is the deploys of all targets, and the holds on them. All its methods may be
// called at the same time.
type Control struct {
	log     Log
	logger  *slog.Logger
	metrics *metrics.Set
	now     func() time.Time
	folder  string
	grace   time.Duration

	settings atomic.Pointer[settings]

	// holds and runs are what the log has: the holds that have not ended, oldest
	// first, and all runs whose documents are kept. Neither is ever altered but
	// replaced: to read them waits for nobody.
	holds atomic.Pointer[[]keptHold]
	runs  atomic.Pointer[runs]

	// writing is held, by who has put something in, until what was kept is published.
	writing chan struct{}
	doubt   bool // whether the log may have what is not published

	// carried are the runs that are being followed, by their ids.
	carrying sync.Mutex
	carried  map[string]*carried

	wake chan struct{} // the worker's
	ctx  context.Context
	end  context.CancelFunc
	// work is the worker and those that follow runs.
	work sync.WaitGroup
}

// settings are Settings as they are looked up.
type settings struct {
	Settings
	targets map[deploy.ID]Target
}

func newSettings(s Settings) *settings {
	if s.KeepRuns <= 0 {
		s.KeepRuns = DefaultKeepRuns
	}
	found := &settings{Settings: s, targets: make(map[deploy.ID]Target, len(s.Targets))}
	for _, t := range s.Targets {
		found.targets[t.ID] = t
	}
	return found
}

// Open reads what there is from the log, and goes on with it: with the deploys that are
// under way, with those that wait, and with the holds whose time will be over.
func Open(ctx context.Context, opts Options) (*Control, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Metrics == nil {
		opts.Metrics = metrics.NewSet()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Grace <= 0 {
		opts.Grace = 10 * time.Second
	}
	c := &Control{
		log: opts.Log, logger: opts.Logger, metrics: opts.Metrics, now: opts.Now, folder: opts.Folder, grace: opts.Grace,
		carried: map[string]*carried{}, writing: make(chan struct{}, 1), wake: make(chan struct{}, 1),
	}
	c.settings.Store(newSettings(opts.Settings))
	if err := os.MkdirAll(c.folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of deploys: %w", err)
	}
	if err := c.load(ctx); err != nil {
		return nil, err
	}
	if err := c.sweep(); err != nil {
		return nil, err
	}
	c.measure()
	c.ctx, c.end = context.WithCancel(context.WithoutCancel(ctx))
	c.work.Go(c.worker)
	return c, nil
}

// measure offers the controls' metrics.
func (c *Control) measure() {
	count := func(status annotate.Status) func() float64 {
		return func() float64 {
			n := 0
			for _, run := range *c.runs.Load() {
				if run.Status == status {
					n++
				}
			}
			return float64(n)
		}
	}
	c.metrics.NewGauge("tidemark_deploy_holds", func() float64 { return float64(len(c.Holds())) })
	c.metrics.NewGauge("tidemark_deploys_queued", count(annotate.Planned))
	c.metrics.NewGauge("tidemark_deploys_running", count(annotate.Running))
	for _, status := range []annotate.Status{annotate.Succeeded, annotate.Failed, annotate.Cancelled, annotate.Lost} {
		c.ended(status)
	}
}

// ended counts the runs that ended so.
func (c *Control) ended(status annotate.Status) *metrics.Counter {
	return c.metrics.GetOrCreateCounter(fmt.Sprintf("tidemark_deploys_ended_total{status=%q}", status))
}

// Close stops following what runs, which goes on, and waits for the write that is
// under way. All can still be read, and writes are refused as Unavailable.
func (c *Control) Close() error {
	c.end()
	c.work.Wait()
	c.writing <- struct{}{}
	<-c.writing
	return nil
}

// Apply takes over new settings. What runs goes on as it began; what waits for a target
// that is not there any more is cancelled.
func (c *Control) Apply(s Settings) {
	c.settings.Store(newSettings(s))
	c.nudge()
}

// load reads all from the log.
func (c *Control) load(ctx context.Context) error {
	if err := c.loadHolds(ctx); err != nil {
		return err
	}
	if err := c.loadRuns(ctx); err != nil {
		return err
	}
	c.doubt = false
	return nil
}

// nudge has the worker look again, and read again what may have been kept.
func (c *Control) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// lock waits for its turn to write, and sees to it that what is published is what
// is kept. Its error is that of ctx, or Unavailable.
func (c *Control) lock(ctx context.Context) error {
	select {
	case c.writing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ctx.Done():
		return errClosed()
	}
	err := error(nil)
	switch {
	case c.ctx.Err() != nil:
		err = errClosed()
	case c.doubt:
		err = c.load(ctx)
	}
	if err != nil {
		<-c.writing
	}
	return err
}

// unlock lets others write, and has the worker look at what there is now.
func (c *Control) unlock() {
	<-c.writing
	c.nudge()
}

func errClosed() error {
	return &annotate.Error{Code: annotate.Unavailable, Message: "the controls of deploys are closed; try again once Tidemark runs"}
}

// transact runs do in the log. After an error that is not about what was asked, what
// is published may not be what is kept.
func (c *Control) transact(ctx context.Context, do func(context.Context, annotate.Tx) error) error {
	err := c.log.Transact(ctx, do)
	switch annotate.CodeOf(err) {
	case annotate.Invalid, annotate.TooMany, annotate.Conflict:
	default:
		c.doubt = c.doubt || err != nil
	}
	return err
}

// retryAfter is how long the worker waits after an error of the log.
const retryAfter = 10 * time.Second

// worker follows the runs that nobody follows, ends the holds whose time is over and
// begins the runs whose turn it is, until the Control is closed.
func (c *Control) worker() {
	for {
		wait := retryAfter
		if err := c.lock(c.ctx); err == nil {
			c.resume()
			wait = min(c.expireDue(), c.dispatch())
			<-c.writing
		}
		timer := time.NewTimer(wait)
		select {
		case <-c.ctx.Done():
			timer.Stop()
			return
		case <-c.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}
