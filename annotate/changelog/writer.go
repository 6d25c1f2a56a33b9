package changelog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// maxGroup is how many calls share one commit at the most.
const maxGroup = 512

// call is one write that waits for its commit.
type call struct {
	ctx   context.Context
	do    func(context.Context, transaction) error
	taken atomic.Bool // by the writer, or by the caller that left
	err   error
	done  chan error
}

// take reports whether the one who asks is the first: the writer, which then
// does the call, or the caller, for whom it then never is done.
func (c *call) take() bool { return c.taken.CompareAndSwap(false, true) }

// submit has do run within the writer's next transaction, and returns when that
// is on the disk. An error of do undoes what do wrote and nothing else. When ctx
// ends before the writer comes to it, do never runs; after that, submit returns
// what became of it.
func (l *Log) submit(ctx context.Context, do func(context.Context, transaction) error) error {
	c := &call{ctx: ctx, do: do, done: make(chan error, 1)}
	select {
	case <-l.closed:
		return errClosed()
	default:
	}
	select {
	case l.queue <- c:
	default:
		l.metrics.queueFull.Inc()
		return &annotate.Error{Code: annotate.TooMany, Message: fmt.Sprintf("%d writes wait already; try again shortly", l.opts.MaxQueue)}
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		if c.take() {
			return ctx.Err()
		}
		return <-c.done
	case <-l.closed:
	}
	// The writer answers all that it took before it ends.
	l.writer.Wait()
	select {
	case err := <-c.done:
		return err
	default:
		return errClosed()
	}
}

func errClosed() error {
	return &annotate.Error{Code: annotate.Unavailable, Message: "the change log is closed; try again once Tidemark runs"}
}

// writeQueued commits what is queued, group by group, until the log is closed
// and the queue is empty.
func (l *Log) writeQueued() {
	for {
		select {
		case c := <-l.queue:
			l.commitGroup(l.gather(c))
		case <-l.closed:
			for {
				select {
				case c := <-l.queue:
					l.commitGroup(l.gather(c))
				default:
					return
				}
			}
		}
	}
}

// gather returns first and whatever else waits by now: while one group is being
// synced the next one forms, and so the sync is shared without anybody waiting for company.
func (l *Log) gather(first *call) []*call {
	group := []*call{first}
	for len(group) < maxGroup {
		select {
		case c := <-l.queue:
			group = append(group, c)
		default:
			return group
		}
	}
	return group
}

// commitGroup runs a group's calls in one transaction, each in a savepoint of
// its own, and answers them once that is committed.
func (l *Log) commitGroup(group []*call) {
	began := time.Now()
	err := l.runGroup(group)
	if err != nil {
		l.metrics.failed.Inc()
		l.opts.Logger.Error("committing changes failed", "calls", len(group), "err", err)
	} else {
		l.metrics.commits.Inc()
		l.metrics.took.UpdateDuration(began)
		l.metrics.group.Update(float64(len(group)))
		l.news.wake()
	}
	for _, c := range group {
		if err != nil && annotate.CodeOf(c.err) == "" {
			c.err = errNotKept(err)
		}
		c.done <- c.err
	}
}

func errNotKept(cause error) error {
	return &annotate.Error{Code: annotate.Unavailable, Message: "the change could not be kept; try again shortly", Err: cause}
}

// runGroup commits what the calls write. When it fails, nothing of it is kept.
func (l *Log) runGroup(group []*call) error {
	ctx := context.Background() // one caller's hurry must not undo the others' writes
	tx, err := l.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	t := transaction{tx, l.statements}
	for _, c := range group {
		if c.err = c.ctx.Err(); c.err != nil || !c.take() {
			continue
		}
		if err := l.runCall(ctx, t, c); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// runCall runs one call, and returns an error when the whole transaction is lost.
func (l *Log) runCall(ctx context.Context, t transaction, c *call) error {
	if _, err := t.exec(ctx, t.savepoint); err != nil {
		return err
	}
	if c.err = c.do(ctx, t); c.err != nil {
		cause := c.err
		if annotate.CodeOf(cause) == "" { // the store's fault, and not the report's
			c.err = errNotKept(cause)
			l.metrics.failed.Inc()
			l.opts.Logger.Error("writing a change failed", "err", cause)
		}
		// With a full disk SQLite may have undone the transaction by itself.
		if _, err := t.exec(ctx, t.rollback); err != nil {
			return errors.Join(cause, err)
		}
	}
	_, err := t.exec(ctx, t.release)
	return err
}

// broadcast wakes all that wait for news.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

func (b *broadcast) init() { b.ch = make(chan struct{}) }

// next returns a channel that is closed at the next wake.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ch
}

func (b *broadcast) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.ch)
	b.ch = make(chan struct{})
}
