// Package control is the controls of flags: it keeps them in the change log's
// database, each revision together with the change that tells of it, does what
// people ask for, takes the steps that fall due, and publishes the sets that are
// evaluated. It never serves a request itself.
package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/google/uuid"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// Options of a Control; the zero value of each but Log takes its default.
type Options struct {
	Log      Log
	Settings Settings
	// Tally counts the evaluations of the sets; nil counts none.
	Tally  *flag.Tally
	Logger *slog.Logger
	// Metrics is where the controls' own metrics go.
	Metrics *metrics.Set
	// Now is the clock, by which flags are evaluated as well. It should be the log's.
	Now func() time.Time
	// NewID gives ramps and scheduled actions their ids.
	NewID func() (string, error)
}

// Control is the flags of all environments, and what changes them. All its
// methods may be called at the same time.
type Control struct {
	log     Log
	tally   *flag.Tally
	logger  *slog.Logger
	metrics *controlMetrics
	now     func() time.Time
	newID   func() (string, error)

	started time.Time

	// live are the environments of the settings. Evaluation reads nothing else.
	live atomic.Pointer[map[string]*environment]
	// triggers are the kill triggers. The map is never altered but replaced, by
	// whoever holds writing: to know a secret waits for nobody.
	triggers atomic.Pointer[map[ID]trigger]

	// writing is held, by who has put something in, from reading a flag until its
	// next state is published: writes come one after the other.
	writing chan struct{}
	// What follows belongs to whoever holds writing.
	settings Settings
	all      map[string]*environment // by name, also those that the settings do not have
	doubt    bool                    // whether the log may have what is not published
	plan     plan

	wake   chan struct{} // the scheduler's
	ctx    context.Context
	end    context.CancelFunc
	worker sync.WaitGroup
}

// Open reads all flags from the log, and begins to take the steps that fall due.
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
	if opts.NewID == nil {
		opts.NewID = newID
	}
	c := &Control{
		log: opts.Log, tally: opts.Tally, logger: opts.Logger, now: opts.Now, newID: opts.NewID,
		writing: make(chan struct{}, 1),
		all:     map[string]*environment{},
		wake:    make(chan struct{}, 1),
		plan:    plan{aside: map[ID]int64{}},
	}
	c.live.Store(&map[string]*environment{})
	if err := opts.Settings.check(); err != nil {
		return nil, err
	}
	c.settings, c.started = opts.Settings, c.now()
	if err := c.load(ctx); err != nil {
		return nil, fmt.Errorf("reading the flags: %w", err)
	}
	c.metrics = newControlMetrics(opts.Metrics, c)
	c.goLive()
	c.ctx, c.end = context.WithCancel(context.WithoutCancel(ctx))
	c.worker.Go(c.schedule)
	return c, nil
}

func newID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("making an id: %w", err)
	}
	return id.String(), nil
}

// Close waits for the write that is under way, ends the scheduler and all
// subscriptions. Sets go on to answer, and writes are refused as Unavailable.
func (c *Control) Close() error {
	c.end()
	c.worker.Wait()
	c.writing <- struct{}{}
	defer c.unlock()
	for _, e := range c.all {
		e.subscribers.close()
	}
	c.metrics.close()
	return nil
}

// clock returns the time, to the millisecond that is kept.
func (c *Control) clock() time.Time { return c.now().Truncate(time.Millisecond) }

// lock waits for its turn to write. Its error is that of ctx, or Unavailable.
func (c *Control) lock(ctx context.Context) error {
	select {
	case c.writing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-c.ctx.Done():
		return errClosed()
	}
	if c.ctx.Err() != nil {
		c.unlock()
		return errClosed()
	}
	return nil
}

func (c *Control) unlock() { <-c.writing }

func errClosed() error {
	return &annotate.Error{Code: annotate.Unavailable, Message: "the flags are closed; try again once Tidemark runs"}
}

// Apply takes over new settings. An environment that they do not have any more
// keeps its flags, and answers none.
func (c *Control) Apply(ctx context.Context, s Settings) error {
	if err := s.check(); err != nil {
		return err
	}
	if err := c.lock(ctx); err != nil {
		return err
	}
	defer c.unlock()
	c.settings = s
	c.goLive()
	return nil
}

// goLive makes the environments of the settings those that answer.
func (c *Control) goLive() {
	was := *c.live.Load()
	live := map[string]*environment{}
	for _, name := range c.settings.Environments {
		live[name] = c.environment(name)
		live[name].subscribers.open()
	}
	c.live.Store(&live)
	c.plan.live = live
	for name, e := range was {
		if live[name] == nil {
			e.subscribers.close()
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.all)) {
		if n := c.all[name].set.Load().Len(); live[name] == nil && n > 0 {
			c.logger.Warn("flags of an environment that is none of flags.environments are kept and answer nothing", "environment", name, "flags", n)
		}
	}
	c.metrics.cover(live)
	c.replan()
}

// Environments returns the names of those that have flags, sorted.
func (c *Control) Environments() []string { return slices.Sorted(maps.Keys(*c.live.Load())) }

// Set returns the flags of an environment as they are now; false for an
// environment that is not there. It takes no lock and never waits.
func (c *Control) Set(environment string) (*flag.Set, bool) {
	e := (*c.live.Load())[environment]
	if e == nil {
		return nil, false
	}
	return e.set.Load(), true
}

// Version returns what tells the present state of an environment's flags from
// others; false for an environment that is not there.
func (c *Control) Version(environment string) (Version, bool) {
	e := (*c.live.Load())[environment]
	if e == nil {
		return Version{}, false
	}
	return *e.version.Load(), true
}

// Subscribe returns a subscription to an environment's changes, for the caller
// to close, or a NotFound error. A subscriber that is slow misses states between,
// never the newest, and keeps nobody waiting.
func (c *Control) Subscribe(environment string) (*Subscription, error) {
	e, err := c.find(environment)
	if err != nil {
		return nil, err
	}
	return e.subscribers.add(), nil
}

// find returns an environment of the settings, or a NotFound error that names them.
func (c *Control) find(environment string) (*environment, error) {
	if e := (*c.live.Load())[environment]; e != nil {
		return e, nil
	}
	return nil, errNoEnvironment(environment, c.Environments())
}

// load reads everything from the log, in place of what was there.
func (c *Control) load(ctx context.Context) error {
	documents, err := c.log.Documents(ctx, spaceFlags)
	if err != nil {
		return err
	}
	flags := map[string][]flag.Flag{}
	asOf := map[ID]time.Time{}
	for _, d := range documents {
		f, at, err := decode(d)
		if err != nil {
			return err
		}
		flags[f.Environment] = append(flags[f.Environment], f)
		asOf[idOf(f)] = at
	}
	triggers, err := c.loadTriggers(ctx)
	if err != nil {
		return err
	}
	recorded, revision, err := c.loadClock(ctx)
	if err != nil {
		return err
	}
	for name := range c.all {
		if flags[name] == nil {
			flags[name] = []flag.Flag{} // all of them were deleted
		}
	}
	c.triggers.Store(&triggers)
	c.doubt = false
	c.plan = plan{
		recorded: recorded, revision: revision, asOf: asOf, due: map[ID]time.Time{},
		live: *c.live.Load(), aside: c.plan.aside,
	}
	for name, list := range flags {
		c.environment(name).replace(list, c.plan.moved(list), c.now, c.tally)
	}
	return nil
}

// settle reads everything again where the log may have what is not published: a
// commit that failed on its way back.
func (c *Control) settle(ctx context.Context) error {
	if !c.doubt {
		return nil
	}
	if err := c.load(ctx); err != nil {
		return unavailable(err)
	}
	c.replan()
	return nil
}

// unavailable returns err with a code, where it has none.
func unavailable(err error) error {
	if annotate.CodeOf(err) != "" || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &annotate.Error{Code: annotate.Unavailable, Message: "the flags could not be read; try again shortly", Err: err}
}
