// Package control is the controls of deploys: it keeps the holds in the change log's
// database, each together with the change that tells of it, and ends those whose time
// is over. It never serves a request itself.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/google/uuid"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

// spaceHolds has the holds that have not ended, by their ids.
const spaceHolds = "hold"

// Log is what the controls need of the change log. Its methods may be called at
// the same time.
type Log interface {
	// Transact calls do once, and returns nil when what it did is durable. What it
	// did is kept whole or, when Transact returns an error, not at all.
	Transact(ctx context.Context, do func(context.Context, annotate.Tx) error) error
	// Documents returns the newest revision of each document that is not deleted.
	Documents(ctx context.Context, space string) ([]annotate.Document, error)
}

// Options of a Control; the zero value of each but Log takes its default.
type Options struct {
	Log    Log
	Logger *slog.Logger
	// Metrics is where the controls' own metrics go.
	Metrics *metrics.Set
	// Now is the clock. It should be the log's.
	Now func() time.Time
}

// MaxHolds is how many holds there may be at the same time.
const MaxHolds = 200

// Control is the holds of all deploys. All its methods may be called at the same time.
type Control struct {
	log    Log
	logger *slog.Logger
	now    func() time.Time

	// holds are those that have not ended, oldest first. The list is never altered
	// but replaced: to read it waits for nobody.
	holds atomic.Pointer[[]kept]

	// writing is held, by who has put something in, until what was kept is published.
	writing chan struct{}
	doubt   bool // whether the log may have what is not published

	wake   chan struct{} // the worker's
	ctx    context.Context
	end    context.CancelFunc
	worker sync.WaitGroup
}

// kept is a hold as its document has it.
type kept struct {
	deploy.Hold
	ExternalID string `json:"external_id"`
	revision   int64
}

// Open reads the holds from the log, and begins to end those whose time is over.
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
	c := &Control{
		log: opts.Log, logger: opts.Logger, now: opts.Now,
		writing: make(chan struct{}, 1), wake: make(chan struct{}, 1),
	}
	if err := c.load(ctx); err != nil {
		return nil, err
	}
	opts.Metrics.NewGauge("tidemark_deploy_holds", func() float64 { return float64(len(c.Holds())) })
	c.ctx, c.end = context.WithCancel(context.WithoutCancel(ctx))
	c.worker.Go(c.expire)
	return c, nil
}

// Close waits for the write that is under way. Holds can still be read, and writes
// are refused as Unavailable.
func (c *Control) Close() error {
	c.end()
	c.worker.Wait()
	c.writing <- struct{}{}
	<-c.writing
	return nil
}

// load reads the holds from the log.
func (c *Control) load(ctx context.Context) error {
	documents, err := c.log.Documents(ctx, spaceHolds)
	if err != nil {
		return fmt.Errorf("reading the holds: %w", err)
	}
	list := make([]kept, len(documents))
	for i, d := range documents {
		if err := json.Unmarshal(d.Body, &list[i]); err != nil {
			return fmt.Errorf("decoding the hold %s: %w", d.Key, err)
		}
		list[i].ID, list[i].revision = d.Key, d.Revision
	}
	c.publish(list)
	c.doubt = false
	return nil
}

func (c *Control) publish(list []kept) {
	slices.SortFunc(list, func(a, b kept) int { return strings.Compare(a.ID, b.ID) }) // a UUIDv7 begins with its time
	c.holds.Store(&list)
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
	case annotate.Invalid, annotate.TooMany:
	default:
		c.doubt = c.doubt || err != nil
	}
	return err
}

// Holds returns those that hold, oldest first.
func (c *Control) Holds() []deploy.Hold {
	list, now := []deploy.Hold{}, c.now()
	for _, k := range *c.holds.Load() {
		if k.Until.After(now) {
			list = append(list, k.Hold)
		}
	}
	return list
}

// Obstacles returns what keeps a deploy of the target from beginning. It reads
// memory alone, and never waits.
func (c *Control) Obstacles(id deploy.ID) []deploy.Obstacle {
	return deploy.Obstacles(id, c.now(), false, c.Holds(), nil)
}

// Hold makes a hold. Its errors are *annotate.Error: Invalid names the field, TooMany
// says that there are MaxHolds, Unavailable asks to try again.
func (c *Control) Hold(ctx context.Context, r Request) (deploy.Hold, error) {
	now := annotate.At(c.now())
	if err := r.check(now.Time); err != nil {
		return deploy.Hold{}, err
	}
	unique, err := uuid.NewV7()
	if err != nil {
		return deploy.Hold{}, fmt.Errorf("making an id: %w", err)
	}
	if err := c.lock(ctx); err != nil {
		return deploy.Hold{}, err
	}
	defer c.unlock()
	list := *c.holds.Load()
	if len(list) >= MaxHolds {
		return deploy.Hold{}, &annotate.Error{Code: annotate.TooMany, Message: fmt.Sprintf("there are %d holds already, the most there may be: release some", len(list))}
	}
	k := kept{ExternalID: "hold/" + unique.String(), Hold: deploy.Hold{
		Service: r.Service, Environment: r.Environment, Owner: r.owner(), Reason: r.Reason, Since: now, Until: annotate.At(r.Until),
	}}
	err = c.transact(ctx, func(ctx context.Context, tx annotate.Tx) error {
		told, err := tx.Record(ctx, r.By, k.opened())
		if err != nil {
			return err
		}
		k.ID = told.Change.ID
		body, err := json.Marshal(k)
		if err != nil {
			return fmt.Errorf("encoding a hold: %w", err)
		}
		d, err := tx.PutDocument(ctx, annotate.Document{Space: spaceHolds, Key: k.ID, By: r.By, Change: k.ID, Body: body})
		k.revision = d.Revision
		return err
	})
	if err != nil {
		return deploy.Hold{}, err
	}
	c.publish(append(slices.Clone(list), k))
	return k.Hold, nil
}

// Get returns a hold that has not ended, or a NotFound error.
func (c *Control) Get(id string) (deploy.Hold, error) {
	k, err := c.find(id)
	return k.Hold, err
}

func (c *Control) find(id string) (kept, error) {
	for _, k := range *c.holds.Load() {
		if strings.EqualFold(k.ID, id) {
			return k, nil
		}
	}
	return kept{}, &annotate.Error{Code: annotate.NotFound, Field: "id", Value: id, Message: "there is no hold with this id, or it has ended"}
}

// Release ends a hold now, and returns it as it ended. A hold that is not there is a
// NotFound error.
func (c *Control) Release(ctx context.Context, id string, by Author) (deploy.Hold, error) {
	if err := by.check(); err != nil {
		return deploy.Hold{}, err
	}
	if err := c.lock(ctx); err != nil {
		return deploy.Hold{}, err
	}
	defer c.unlock()
	k, err := c.find(id)
	if err != nil {
		return deploy.Hold{}, err
	}
	now := annotate.At(c.now())
	text := "Released by " + by.name() + "."
	if by.Reason != "" {
		text += " " + by.Reason
	}
	return c.finish(ctx, k, by.By, now, text)
}

// finish keeps that k ended at a time. Whoever calls it holds writing.
func (c *Control) finish(ctx context.Context, k kept, by string, at annotate.Time, text string) (deploy.Hold, error) {
	if at.After(k.Until.Time) {
		at = k.Until
	}
	err := c.transact(ctx, func(ctx context.Context, tx annotate.Tx) error {
		if _, err := tx.Record(ctx, by, k.ended(at, text)); err != nil {
			return err
		}
		_, err := tx.PutDocument(ctx, annotate.Document{Space: spaceHolds, Key: k.ID, Revision: k.revision, By: by, Change: k.ID})
		return err
	})
	if err != nil {
		return deploy.Hold{}, err
	}
	c.publish(slices.DeleteFunc(slices.Clone(*c.holds.Load()), func(other kept) bool { return other.ID == k.ID }))
	k.Until = at
	return k.Hold, nil
}

// retryAfter is how long the worker waits after an error of the log.
const retryAfter = 10 * time.Second

// expire ends the holds whose time is over, until the Control is closed.
func (c *Control) expire() {
	for {
		wait := c.expireDue()
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

// expireDue ends what is due, and returns how long it is until something may be.
func (c *Control) expireDue() time.Duration {
	if err := c.lock(c.ctx); err != nil {
		return retryAfter
	}
	defer func() { <-c.writing }()
	next := time.Hour // the clock may be set meanwhile
	for _, k := range *c.holds.Load() {
		if left := k.Until.Sub(c.now()); left > 0 {
			next = min(next, left)
			continue
		}
		if _, err := c.finish(c.ctx, k, source, k.Until, "Its time was over."); err != nil {
			if !errors.Is(err, context.Canceled) {
				c.logger.Error("the end of a hold could not be recorded", "hold", k.ID, "err", err)
			}
			return retryAfter
		}
	}
	return next
}
