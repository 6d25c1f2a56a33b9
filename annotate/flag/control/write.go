package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// Write does cmd to the flag that r names. When it returns without an error, the
// flag's next revision and the line in the change log are durable, and evaluated;
// with one, nothing was done. What changes nothing leaves no revision and no line.
//
// Errors are *annotate.Error: Invalid names the field; NotFound, Conflict and
// TooMany say what is there; Unavailable asks to try again. Where ctx ends before
// its turn comes, it is the error of ctx.
func (c *Control) Write(ctx context.Context, r Request, cmd Command) (Written, error) {
	w, err := c.tryWrite(ctx, r, cmd)
	c.metrics.count(cmd.action, w, err)
	return w, err
}

func (c *Control) tryWrite(ctx context.Context, r Request, cmd Command) (Written, error) {
	if err := c.lock(ctx); err != nil {
		return Written{}, err
	}
	defer c.unlock()
	if err := c.settings.checkAuthor(r.Author, r.Environment); err != nil {
		return Written{}, err
	}
	e, s, st, err := c.attempt(ctx, r, cmd)
	if err != nil {
		return Written{}, err
	}
	return c.commit(ctx, e, s, st)
}

// attempt returns what cmd makes of the flag that r names.
func (c *Control) attempt(ctx context.Context, r Request, cmd Command) (*environment, subject, step, error) {
	apply := cmd.apply
	if cmd.prepare != nil {
		var err error
		if apply, err = cmd.prepare(ctx, c.log, r.ID); err != nil {
			return nil, subject{}, step{}, err
		}
	}
	e, s, err := c.subject(ctx, r, cmd.creates)
	if err != nil {
		return nil, subject{}, step{}, err
	}
	st, err := apply(s)
	return e, s, st, err
}

// subject returns the flag that r names, if it may be changed as r says.
func (c *Control) subject(ctx context.Context, r Request, creates bool) (*environment, subject, error) {
	e, err := c.find(r.Environment)
	if err != nil {
		return nil, subject{}, err
	}
	if err := c.settle(ctx); err != nil {
		return nil, subject{}, err
	}
	s := subject{id: r.ID, now: c.clock(), by: r.Author, newID: c.newID}
	s.was, s.there = e.set.Load().Get(r.Key)
	if !s.there {
		s.was = flag.Flag{Key: r.Key, Environment: r.Environment}
	}
	if err := c.holds(ctx, r, s); err != nil {
		return nil, subject{}, err
	}
	if !s.there && !creates {
		return nil, subject{}, errNoFlag(r.ID)
	}
	if s.was.Origin != nil {
		return nil, subject{}, errOfFile(s.was)
	}
	return e, s, nil
}

// holds returns a Conflict error, that says who was there before, unless the
// flag is as r expects it.
func (c *Control) holds(ctx context.Context, r Request, s subject) error {
	conflict := func(format string, args ...any) error {
		return &annotate.Error{Code: annotate.Conflict, Message: fmt.Sprintf(format, args...), Err: ErrCondition}
	}
	switch {
	case r.Absent && s.there:
		return conflict("%s is there already: %s changed it last, on %s", r.ID, s.was.By, stamp(s.was.Updated.Time))
	case r.Revision == 0 || s.there && s.was.Revision == r.Revision:
		return nil
	case s.there:
		return conflict("%s was changed by %s on %s, and has revision %d, not %d: read it again", r.ID, s.was.By, stamp(s.was.Updated.Time), s.was.Revision, r.Revision)
	}
	newest, err := c.log.DocumentRevisions(ctx, spaceFlags, r.document(), 0, 1)
	switch {
	case annotate.CodeOf(err) == annotate.NotFound:
		return errNoFlag(r.ID)
	case err != nil:
		return unavailable(err)
	}
	return conflict("%s was deleted by %s on %s", r.ID, newest[0].By, stamp(newest[0].Time.Time))
}

// commit keeps what a step makes of a flag, with its line in the log, and
// publishes it.
func (c *Control) commit(ctx context.Context, e *environment, s subject, st step) (Written, error) {
	if !st.Changed {
		return Written{Flag: s.was, Rules: st.Rules, Notes: st.Notes}, nil
	}
	if limit := c.settings.maxFlags(); !s.there && e.set.Load().Len() >= limit {
		return Written{}, &annotate.Error{Code: annotate.TooMany, Message: fmt.Sprintf(
			"%s has %d flags, the most that flags.max_flags allows: delete some that are not needed any more", s.id.Environment, limit)}
	}
	w := Written{Changed: true, Created: !s.there, Deleted: st.deleted, Rules: st.Rules, Notes: st.Notes}
	var done draft
	err := c.transact(ctx, func(ctx context.Context, tx annotate.Tx) (err error) {
		done, err = c.keep(ctx, tx, s, st)
		return err
	})
	if err != nil {
		return Written{}, err
	}
	w.Flag, w.Change = done.flag, &done.change
	c.publish(e, done)
	return w, nil
}

// draft is a flag's next state, which is to be published once it is durable.
type draft struct {
	flag    flag.Flag
	deleted bool
	asOf    time.Time
	change  annotate.Change
}

// keep puts a step into a transaction: what the definition did by itself until
// now, the line, what becomes of what was planned, and the flag.
func (c *Control) keep(ctx context.Context, tx annotate.Tx, s subject, st step) (draft, error) {
	if s.there {
		for _, line := range c.plan.lines(s.was, s.now) {
			if _, err := tx.Record(ctx, source, line); err != nil {
				return draft{}, err
			}
		}
	}
	told, err := tx.Record(ctx, s.by.By, s.report(st))
	if err != nil {
		return draft{}, err
	}
	for _, planned := range st.Cancelled {
		if _, err := tx.Record(ctx, s.by.By, cancelled(s.id, planned, s.by, s.now)); err != nil {
			return draft{}, err
		}
	}
	d := annotate.Document{Space: spaceFlags, Key: s.id.document(), Revision: s.was.Revision, By: s.by.By, Change: told.Change.ID}
	if st.deleted {
		if err := c.dropTrigger(ctx, tx, s); err != nil {
			return draft{}, err
		}
	} else {
		next := st.Flag
		if st.planned != "" {
			next.Schedule = slices.Clone(next.Schedule)
			for i := range next.Schedule {
				if next.Schedule[i].ID == st.planned {
					next.Schedule[i].Change = told.Change.ID
				}
			}
		}
		if d.Body, err = encode(next, s.now); err != nil {
			return draft{}, err
		}
	}
	if d, err = tx.PutDocument(ctx, d); err != nil {
		return draft{}, err
	}
	out := draft{flag: st.Flag, deleted: st.deleted, asOf: s.now, change: told.Change}
	if !st.deleted {
		// What is evaluated is what a restart would read.
		if out.flag, out.asOf, err = decode(d); err != nil {
			return draft{}, err
		}
		return out, nil
	}
	out.flag.Revision, out.flag.Updated, out.flag.By, out.flag.Change = d.Revision, d.Time, d.By, d.Change
	return out, nil
}

// transact runs do in the log. After an error of the log's own, what is published
// may not be what is kept.
func (c *Control) transact(ctx context.Context, do func(context.Context, annotate.Tx) error) error {
	err := c.log.Transact(ctx, do)
	switch annotate.CodeOf(err) {
	case annotate.Invalid, annotate.NotFound, annotate.TooMany:
	case "", annotate.Conflict, annotate.Unavailable:
		c.doubt = c.doubt || err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
	}
	return err
}

// publish makes a state that is durable the one that is evaluated.
func (c *Control) publish(e *environment, d draft) {
	id := idOf(d.flag)
	if d.deleted {
		e.remove(d.flag.Key, d.flag.Updated.Time)
		c.setTrigger(id, nil)
		c.tally.Forget(id.Environment, id.Key)
	} else {
		e.put(d.flag)
	}
	c.plan.follow(d)
	c.nudge()
}
