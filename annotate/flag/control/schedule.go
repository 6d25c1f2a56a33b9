package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

const (
	// maxWait is how long the scheduler sleeps at the most: the clock may be set meanwhile.
	maxWait = 30 * time.Second
	// The wait after the log refused to take a step, doubled each time.
	firstRetry = time.Second
	lastRetry  = time.Minute
	// A turn of the scheduler ends after so many commits, or so long, for each
	// waits for the disk, and somebody may wait to kill a flag.
	maxTurn     = 20
	maxTurnTime = 100 * time.Millisecond
	// maxLines is how many lines of what definitions did share a transaction.
	maxLines = 500
)

// schedule takes the steps that fall due until the Control is closed.
func (c *Control) schedule() {
	retry := time.Duration(0)
	for {
		wait := retry
		if retry == 0 {
			wait = c.untilDue()
		}
		timer := time.NewTimer(wait)
		wake := c.wake
		if retry > 0 {
			wake = nil // a write of somebody else's does not mend the log
		}
		select {
		case <-timer.C:
		case <-wake:
		case <-c.ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
		err := c.takeSteps(c.ctx)
		switch {
		case err == nil:
			retry = 0
		case c.ctx.Err() != nil:
			return
		default:
			retry = min(max(2*retry, firstRetry), lastRetry)
			c.metrics.retries.Inc()
			c.logger.Error("steps of flags that are due could not be taken, and are tried again", "in", retry, "err", err)
		}
	}
}

// nudge has the scheduler look at what is due.
func (c *Control) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// untilDue returns how long nothing is due.
func (c *Control) untilDue() time.Duration {
	if c.lock(c.ctx) != nil {
		return 0
	}
	defer c.unlock()
	next := c.plan.next()
	c.metrics.expect(next)
	if next.IsZero() {
		return maxWait
	}
	next = next.Add(time.Millisecond - 1).Truncate(time.Millisecond) // when clock has come to it
	return min(max(0, next.Sub(c.now())), maxWait)
}

// next returns the earliest time at which a flag moves by itself; the zero time
// for none.
func (p *plan) next() (next time.Time) {
	for _, at := range p.due {
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

// takeSteps does what is due. It returns the log's error where that cannot keep
// something now; all that it had done before is kept.
func (c *Control) takeSteps(ctx context.Context) error {
	for {
		again, err := c.takeDue(ctx)
		if err != nil || !again {
			return err
		}
	}
}

// takeDue takes one step of each flag that is due, as far as one turn goes, and
// reports whether more may be.
func (c *Control) takeDue(ctx context.Context) (again bool, err error) {
	if err := c.lock(ctx); err != nil {
		return false, err
	}
	defer c.unlock()
	if err := c.settle(ctx); err != nil {
		return false, err
	}
	now := c.clock()
	if now.Before(c.plan.recorded) {
		// The clock was ahead, and was set back. What is recorded until then stays,
		// and comes to the same line again.
		c.plan.recorded = now
		c.replan()
	}
	var moved []flag.Flag
	began, commits := time.Now(), 0
	for _, id := range c.plan.overdue(now) {
		if commits >= maxTurn || commits > 0 && time.Since(began) >= maxTurnTime {
			return true, nil // what moved is looked at again
		}
		e := c.all[id.Environment]
		f, ok := e.set.Load().Get(id.Key)
		if !ok {
			delete(c.plan.due, id)
			continue
		}
		if c.plan.rests(f) {
			moved = append(moved, f)
			continue
		}
		wrote, err := c.takeStep(ctx, e, f, now)
		again = again || c.doubt // what was refused may be a step of what is no more
		switch {
		case refused(err):
			// It must not keep the others from being taken.
			c.logger.Error("a step of a flag is refused by the log, and left until the flag changes", "flag", id.String(), "err", err)
			commits++
			c.plan.aside[id] = f.Revision
			moved = append(moved, f)
		case err != nil:
			return false, err
		case wrote:
			commits++
			again = true
		default:
			moved = append(moved, f)
		}
	}
	if len(moved) > 0 {
		more, err := c.recordMoves(ctx, moved, now)
		return again || more, err
	}
	return again, nil
}

// overdue returns the flags that should have moved by now, those that wait longest first.
func (p *plan) overdue(now time.Time) []ID {
	var ids []ID
	for id, at := range p.due {
		if !at.After(now) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b ID) int {
		return cmp.Or(p.due[a].Compare(p.due[b]), cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Key, b.Key))
	})
	return ids
}

// takeStep does what is planned first of a flag, or takes the steps of its ramp
// that are due; wrote is false where nothing of that is.
func (c *Control) takeStep(ctx context.Context, e *environment, f flag.Flag, now time.Time) (wrote bool, err error) {
	s := subject{id: idOf(f), was: f, there: true, now: now, newID: c.newID}
	var st step
	var action string
	switch {
	case len(f.Schedule) > 0 && !f.Schedule[0].At.After(now):
		action = "scheduled"
		s, st = perform(s)
	case f.Ramp != nil && f.Ramp.Done < f.Ramp.Steps && !f.Ramp.Due(f.Ramp.Done+1).After(now):
		action = "ramp_step"
		s, st = rampStep(s)
	default:
		return false, nil
	}
	w, err := c.commit(ctx, e, s, st)
	if refused(err) { // it will never be taken as it is
		s, st = giveUp(s, err)
		w, err = c.commit(ctx, e, s, st)
	}
	c.metrics.count(action, w, err)
	return w.Changed, err
}

// refused reports whether an error says that something will never be taken, and
// not that it cannot be taken now.
func refused(err error) bool {
	switch annotate.CodeOf(err) {
	case annotate.Unavailable, annotate.TooMany:
		return false
	default:
		return err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
	}
}

// perform does the first thing that is planned for a flag.
func perform(s subject) (subject, step) {
	planned, m, err := s.was.Perform(s.now)
	s.by = Author{By: planned.By, Reason: planned.Reason}
	at := annotate.At(s.now)
	st := step{Move: m, known: true, line: annotate.Report{
		ExternalID: externalID(s.id, planned.ID), Start: at, End: at, Status: annotate.Succeeded,
		Title: s.id.Key + ": " + planned.Do.String(),
	}}
	if late := s.now.Sub(planned.At.Time); late > lateness {
		st.text = fmt.Sprintf("It was due on %s, and was done %s late.", stamp(planned.At.Time), late.Round(time.Second))
	}
	if err != nil {
		st.silent, st.line.Status = true, annotate.Failed
		st.text = paragraphs(st.text, "It could not be done: "+err.Error()+".")
	}
	return s, st
}

// lateness is from when on a line says that a step was late.
const lateness = 5 * time.Second

// rampStep takes the steps of a flag's ramp that are due.
func rampStep(s subject) (subject, step) {
	ramp := *s.was.Ramp
	s.by = Author{By: ramp.By, Reason: ramp.Reason}
	m, err := s.was.Step(s.now)
	if err != nil {
		return giveUp(s, err)
	}
	done := ramp.Steps
	if m.Flag.Ramp != nil {
		done = m.Flag.Ramp.Done
	}
	at := annotate.At(s.now)
	st := step{
		Move:  m,
		title: fmt.Sprintf("%s: step %d of %d of its ramp", s.id.Key, done, ramp.Steps),
		text:  fmt.Sprintf("Step %d of %d of its ramp.", done, ramp.Steps),
		line:  annotate.Report{ExternalID: externalID(s.id, ramp.ID, fmt.Sprint(done)), Start: at, End: at, Status: annotate.Succeeded},
	}
	if first := ramp.Done + 1; first < done {
		st.text = fmt.Sprintf("Steps %d to %d of %d of its ramp at once: they were due from %s to %s, and were not taken then.",
			first, done, ramp.Steps, stamp(ramp.Due(first)), stamp(ramp.Due(done)))
	} else if late := s.now.Sub(ramp.Due(done)); late > lateness {
		st.text += fmt.Sprintf(" It was due on %s, and was taken %s late.", stamp(ramp.Due(done)), late.Round(time.Second))
	}
	return s, st
}

// giveUp ends what a flag was to do by itself next and cannot.
func giveUp(s subject, err error) (subject, step) {
	shares := s.was.Shares(s.now)
	st := step{Move: flag.Move{Flag: s.was, Changed: true, Before: shares, After: shares}, silent: true}
	at := annotate.At(s.now)
	st.line = annotate.Report{Start: at, End: at, Status: annotate.Failed}
	st.text = "It could not be done: " + err.Error() + "."
	if len(s.was.Schedule) > 0 && !s.was.Schedule[0].At.After(s.now) {
		planned := s.was.Schedule[0]
		st.Flag.Schedule, st.known = s.was.Schedule[1:], true
		st.line.ExternalID, st.line.Title = externalID(s.id, planned.ID), s.id.Key+": "+planned.Do.String()
		if annotate.CodeOf(err) != annotate.Invalid { // it may be the line that takes no more
			st.line.ExternalID, st.known = externalID(s.id, planned.ID, "failed"), false
		}
		return s, st
	}
	ramp := s.was.Ramp
	st.Flag.Ramp, st.Ended = nil, ramp
	st.line.ExternalID = externalID(s.id, ramp.ID, "stopped")
	st.line.Title = "ramp of " + s.id.Key + " stopped"
	return s, st
}

// recordMoves puts into the log what definitions did by themselves until now.
func (c *Control) recordMoves(ctx context.Context, flags []flag.Flag, now time.Time) (more bool, err error) {
	lines, until, more := c.plan.gather(flags, now)
	if len(lines) == 0 {
		c.recorded(flags, until)
		return more, nil
	}
	var revision int64
	err = c.transact(ctx, func(ctx context.Context, tx annotate.Tx) (err error) {
		for _, line := range lines {
			if _, err := tx.Record(ctx, source, line); err != nil {
				return err
			}
		}
		revision, err = c.plan.putClock(ctx, tx, until)
		return err
	})
	switch annotate.CodeOf(err) {
	case annotate.Invalid:
		// No line of a definition's may be what the log can never take; to try
		// for ever would keep all others from being taken.
		c.logger.Error("what definitions did by themselves is refused by the log", "lines", len(lines), "err", err)
	case "":
		if err != nil {
			return false, err
		}
		c.plan.revision = revision
	default:
		return false, err
	}
	c.recorded(flags, until)
	return more, nil
}

// recorded notes that all is in the log that flags did by themselves until a time.
func (c *Control) recorded(flags []flag.Flag, until time.Time) {
	c.plan.recorded = until
	stirred := map[string]bool{}
	for _, f := range flags {
		c.plan.expect(f)
		stirred[f.Environment] = true
	}
	for name := range stirred {
		c.all[name].stir(until)
	}
}

// gather returns the lines of what flags did by themselves until now, and until
// when they are all that there is; more says that others remain.
func (p *plan) gather(flags []flag.Flag, now time.Time) (lines []annotate.Report, until time.Time, more bool) {
	for _, f := range flags {
		lines = append(lines, p.lines(f, now)...)
	}
	slices.SortStableFunc(lines, func(a, b annotate.Report) int { return a.Start.Compare(b.Start.Time) })
	if len(lines) <= maxLines {
		return lines, now, false
	}
	// Lines of one time stay together: until tells them from those that remain.
	n := maxLines
	for n < len(lines) && lines[n].Start.Equal(lines[n-1].Start.Time) {
		n++
	}
	if n == len(lines) {
		return lines, now, false
	}
	return lines[:n], lines[n-1].Start.Time, true
}

// replan looks at all flags anew.
func (c *Control) replan() {
	c.plan.due = map[ID]time.Time{}
	for _, e := range c.all {
		for _, f := range e.set.Load().Flags() {
			c.plan.expect(f)
		}
	}
	c.nudge()
}
