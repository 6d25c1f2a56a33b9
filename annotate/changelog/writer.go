package changelog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// maxGroup is how many calls share one commit at the most.
const maxGroup = 512

// call is one write that waits for its commit.
type call struct {
	ctx  context.Context
	do   func(context.Context, transaction) error
	err  error
	done chan error
}

// submit has do run within the writer's next transaction, and returns when that
// is on the disk. An error of do undoes what do wrote and nothing else.
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
		return &annotate.Error{Code: annotate.TooMany, Message: fmt.Sprintf("%d writes wait already; try again shortly", l.opts.MaxQueue)}
	}
	select {
	case err := <-c.done:
		return err
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
		if err != nil && c.err == nil {
			c.err = &annotate.Error{Code: annotate.Unavailable, Message: "the change could not be kept; try again shortly", Err: err}
		}
		c.done <- c.err
	}
}

func (l *Log) runGroup(group []*call) error {
	ctx := context.Background() // one caller's hurry must not undo the others' writes
	tx, err := l.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	t := transaction{tx, l.statements}
	for _, c := range group {
		if c.err = c.ctx.Err(); c.err != nil {
			continue
		}
		if err := t.exec(ctx, t.savepoint); err != nil {
			return err
		}
		if c.err = c.do(ctx, t); c.err != nil {
			if err := t.exec(ctx, t.rollback); err != nil {
				return errors.Join(err, c.err)
			}
		}
		if err := t.exec(ctx, t.release); err != nil {
			return errors.Join(err, c.err)
		}
	}
	return tx.Commit()
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
