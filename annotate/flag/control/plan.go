package control

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// plan is what the scheduler knows of the flags: what is to come, and how far
// what definitions do by themselves is in the log. It belongs to whoever holds
// Control.writing.
type plan struct {
	// recorded is until when all that definitions did is in the log.
	recorded time.Time
	// revision is that of the document that keeps recorded.
	revision int64
	// asOf is the same of single flags: what a flag did before its newest revision
	// is in the log together with that.
	asOf map[ID]time.Time
	// due is when the flags that move by themselves next do.
	due map[ID]time.Time
	// live are the environments of the settings. What definitions do goes into the
	// log in all others as well: recorded is of all of them.
	live map[string]*environment
	// aside are the revisions of flags of which the log refuses the next step.
	aside map[ID]int64
}

// rests reports whether no step is taken of a flag's ramp and schedule for now.
func (p *plan) rests(f flag.Flag) bool {
	revision, aside := p.aside[idOf(f)]
	return p.live[f.Environment] == nil || aside && revision == f.Revision
}

// clock is the document that keeps plan.recorded.
type clock struct {
	Recorded annotate.Time `json:"recorded"`
}

// clockKey is the key of that document.
const clockKey = "definitions"

func (c *Control) loadClock(ctx context.Context) (recorded time.Time, revision int64, err error) {
	documents, err := c.log.Documents(ctx, spaceClock)
	if err != nil || len(documents) == 0 {
		return time.Time{}, 0, err
	}
	var k clock
	if err := json.Unmarshal(documents[0].Body, &k); err != nil {
		return time.Time{}, 0, fmt.Errorf("decoding how far the log of flags is: %w", err)
	}
	return k.Recorded.Time, documents[0].Revision, nil
}

// putClock keeps that all is recorded until a time.
func (p *plan) putClock(ctx context.Context, tx annotate.Tx, until time.Time) (revision int64, err error) {
	body, err := json.Marshal(clock{annotate.At(until)})
	if err != nil {
		return 0, fmt.Errorf("encoding how far the log of flags is: %w", err)
	}
	d, err := tx.PutDocument(ctx, annotate.Document{Space: spaceClock, Key: clockKey, Revision: p.revision, By: source, Body: body})
	return d.Revision, err
}

// follow takes over a flag's next state.
func (p *plan) follow(d draft) {
	id := idOf(d.flag)
	delete(p.aside, id)
	if d.deleted {
		delete(p.asOf, id)
		delete(p.due, id)
		return
	}
	p.asOf[id] = d.asOf
	p.expect(d.flag)
}

// expect notes when a flag next moves by itself.
func (p *plan) expect(f flag.Flag) {
	id := idOf(f)
	delete(p.due, id)
	if !moves(f) {
		return
	}
	if p.rests(f) {
		f.Ramp, f.Schedule = nil, nil
	}
	since := p.since(id)
	next, ok := f.NextChange(since)
	if expires := flag.MetadataOf(f.Definition).Expires; expires.After(since) && (!ok || expires.Before(next)) {
		next, ok = expires, true
	}
	if ok {
		p.due[id] = next
	}
}

// since is until when what a flag's definition did by itself is in the log.
func (p *plan) since(id ID) time.Time {
	if at := p.asOf[id]; at.After(p.recorded) {
		return at
	}
	return p.recorded
}

// moved is when one of the flags last did something by itself that is in the log:
// without it a version would, after a restart, be one from before that.
func (p *plan) moved(flags []flag.Flag) (last time.Time) {
	for _, f := range flags {
		if !moves(f) {
			continue
		}
		for _, e := range events(f, p.asOf[idOf(f)], p.recorded) {
			if e.at.After(last) {
				last = e.at
			}
		}
	}
	return last
}

// moves reports whether a flag may ever move by itself. Most never do.
func moves(f flag.Flag) bool {
	d := f.Definition
	if f.Ramp != nil || len(f.Schedule) > 0 || d.Scheduled != nil || d.Experimentation != nil || d.Metadata != nil ||
		d.DefaultRule != nil && d.DefaultRule.ProgressiveRollout != nil {
		return true
	}
	if d.Rules == nil {
		return false
	}
	for _, rule := range *d.Rules {
		if rule.ProgressiveRollout != nil {
			return true
		}
	}
	return false
}

// lines are what the log has to tell of what f's definition did by itself until
// now and is not in it yet.
func (p *plan) lines(f flag.Flag, now time.Time) []annotate.Report {
	if !moves(f) {
		return nil
	}
	id := idOf(f)
	since, last := p.since(id), p.asOf[id]
	var lines []annotate.Report
	for _, e := range events(f, last, now) {
		if e.at.After(since) {
			lines = append(lines, e.line(f, last))
		}
		last = e.at
	}
	return lines
}

// event is something that a definition does by itself.
type event struct {
	kind  string // tells it from another at the same time
	at    time.Time
	title string // where the shares do not say what happened
	text  string
}

// maxEvents bounds what one flag's definition may do between two looks at it.
const maxEvents = 10_000

// events returns what f's definition does after from and until to, earliest first.
func events(f flag.Flag, from, to time.Time) []event {
	f.Ramp, f.Schedule = nil, nil
	var list []event
	for at := from; len(list) < maxEvents; {
		next, ok := f.NextChange(at)
		if !ok || next.After(to) {
			break
		}
		list = append(list, describeEvent(f, next))
		at = next
	}
	if expires := flag.MetadataOf(f.Definition).Expires; expires.After(from) && !expires.After(to) {
		list = append(list, event{
			kind: "expired", at: expires, title: f.Key + " expired",
			text: "Its metadata says that it is not needed after " + stamp(expires) + ": take it out of the code, and delete it.",
		})
	}
	slices.SortStableFunc(list, func(a, b event) int { return a.at.Compare(b.at) })
	return list
}

// describeEvent says what f's definition does at a time at which it does something.
func describeEvent(f flag.Flag, at time.Time) event {
	d := f.Definition
	if d.Scheduled != nil {
		for _, step := range *d.Scheduled {
			if step.Date != nil && step.Date.Equal(at) {
				return event{"definition", at, f.Key + ": scheduled step", "A scheduled step of its definition came due."}
			}
		}
	}
	if e := d.Experimentation; e != nil {
		if e.Start != nil && e.Start.Equal(at) {
			return event{"definition", at, f.Key + ": experiment began", "Its experiment began, as its definition says."}
		}
		if e.End != nil && e.End.Add(time.Millisecond).Equal(at) {
			return event{"definition", at, f.Key + ": experiment ended", "Its experiment ended, as its definition says."}
		}
	}
	return event{"definition", at, f.Key + ": progressive rollout", "Its progressive rollout went on, as its definition says."}
}

// line is e as the log tells of it. last is when the flag moved before.
func (e event) line(f flag.Flag, last time.Time) annotate.Report {
	at := annotate.At(e.at)
	r := annotate.Report{
		Source: source, ExternalID: externalID(idOf(f), e.kind, fmt.Sprint(e.at.UnixNano())),
		Kind: annotate.KindFlag, Start: at, End: at, Status: annotate.Succeeded, Text: e.text,
		Service: flag.MetadataOf(f.Definition).Service, Environment: f.Environment,
		Flag: logChange(f.Key, f.Shares(last), f.Shares(e.at)),
	}
	if f.By != "" {
		r.Who = &annotate.Who{Name: f.By}
	}
	if f.Origin != nil {
		r.Commit = f.Origin.Commit
	}
	if sameValue(r.Flag.From, r.Flag.To) {
		r.Title = oneLine(e.title)
	}
	return r
}
