package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/internal/client/spool"
)

// Logbook reports one change that takes a while: its beginning, and its end. No
// failure of it is an error: what goes on is more important than its record.
type Logbook struct {
	outbox *Outbox
	// patience is how long each of the two reports may keep the caller waiting.
	patience time.Duration
	marker   *spool.Marker
	// background sends what else waits in the spool while the change goes on.
	background sync.WaitGroup
	stop       context.CancelFunc
	// problems are what the background met; they are told at the end, so as not
	// to be in the midst of somebody's output.
	problems []string
	// told is whether it was said already that the server cannot be reached.
	told bool
}

// NewLogbook returns a Logbook that keeps its caller waiting for at most
// patience at each end of the change. The client's timeout must not be longer.
func (o *Outbox) NewLogbook(patience time.Duration) *Logbook {
	return &Logbook{outbox: o, patience: patience, stop: func() {}}
}

// Open reports that the change begins. It returns once the server or the spool
// has the report, or neither can; ctx cuts the wait for the server short.
func (l *Logbook) Open(ctx context.Context, r annotate.Report) {
	o := l.outbox
	if o.spool != nil {
		var err error
		if l.marker, err = o.spool.Begin(o.entry(r)); err != nil {
			o.warn(fmt.Sprintf("%v; should this process be killed, nothing will say so", err))
		}
	}
	waiting, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	_, err := o.client.Record(waiting, r)
	switch {
	case err == nil:
		l.flushBehind(ctx)
	case Refused(err):
		o.keepRefused(r, err)
	default:
		l.told = true
		o.keep(r, err)
	}
}

// flushBehind sends what waits in the spool without making anyone wait.
func (l *Logbook) flushBehind(ctx context.Context) {
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	l.background.Go(func() {
		// What could not be sent is tried again at the end, which tells of it.
		if s := l.outbox.spool; s != nil {
			done, _ := s.Flush(ctx, unhurried{sender{l.outbox.client}})
			l.problems = done.Problems
		}
	})
}

// unhurried is a sender that finishes what it began to send: to break it off
// would only mean to send it again.
type unhurried struct{ sender }

// Send implements spool.Sender.
func (s unhurried) Send(ctx context.Context, r annotate.Report) error {
	return s.sender.Send(context.WithoutCancel(ctx), r)
}

// Alive notes that the change still went on at t.
func (l *Logbook) Alive(t time.Time) {
	if l.marker != nil {
		// A marker that shows its beginning alone is as true, and not worth a
		// line in the midst of somebody's output.
		_ = l.marker.Alive(t)
	}
}

// Close reports how the change ended. It is on disk before it is sent. Close
// returns once the server has it and all that waited before, or patience is
// over, or ctx is done.
func (l *Logbook) Close(ctx context.Context, r annotate.Report) {
	o := l.outbox
	l.stop()
	queued := ""
	if l.marker != nil {
		var err error
		if queued, err = l.marker.End(r); err != nil {
			o.warn(err.Error())
		}
	}
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	_, err := o.client.Record(ctx, r)
	// What the background had begun to send began before this report did, and so
	// makes nobody wait any longer.
	l.background.Wait()
	for _, problem := range l.problems {
		o.warn(problem)
	}
	switch {
	case err == nil && queued != "":
		l.tell(o.spool.Remove(queued))
	case err == nil && l.marker != nil:
		l.tell(l.marker.Remove())
	case err == nil:
	case Refused(err):
		if queued != "" {
			l.tell(o.spool.Remove(queued))
		}
		o.keepRefused(r, err)
		return
	case queued != "" && l.told:
		return
	case queued != "":
		o.warn(fmt.Sprintf("%v; the end of the change is kept in %s and is sent later", err, o.spool.Dir()))
		return
	default:
		o.keep(r, err)
		return
	}
	done, err := o.Flush(ctx)
	if err != nil && !errors.Is(err, spool.ErrBusy) {
		o.warn(fmt.Sprintf("%v; %d reports still wait in %s", err, done.Waiting, o.spool.Dir()))
	}
}

func (l *Logbook) tell(err error) {
	if err != nil {
		l.outbox.warn(err.Error())
	}
}
