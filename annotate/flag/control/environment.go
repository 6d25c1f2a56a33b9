package control

import (
	"sync/atomic"
	"time"

	"github.com/tidemark/tidemark/annotate/flag"
)

// environment is the flags of one environment. Whoever holds Control.writing may
// change it; everybody may read its set and its version.
type environment struct {
	name        string
	set         atomic.Pointer[flag.Set]
	version     atomic.Pointer[Version]
	subscribers subscribers

	print fingerprint
	// moved is when a definition last did something by itself.
	moved time.Time
}

// environment returns the environment of that name, which it makes if there is none.
func (c *Control) environment(name string) *environment {
	e := c.all[name]
	if e == nil {
		e = &environment{name: name}
		c.all[name] = e
		e.replace(nil, time.Time{}, c.now, c.tally)
	}
	return e
}

// replace makes flags those of the environment, of which one last did something by
// itself at the time moved.
func (e *environment) replace(flags []flag.Flag, moved time.Time, now func() time.Time, tally *flag.Tally) {
	e.print = fingerprint{}
	if moved.After(e.moved) {
		e.moved = moved
	}
	for _, f := range flags {
		e.print.toggle(f)
	}
	e.publish(flag.NewSet(e.name, flags, now, tally))
}

// put makes f the flag of its key.
func (e *environment) put(f flag.Flag) {
	set := e.set.Load()
	if was, ok := set.Get(f.Key); ok {
		e.print.toggle(was)
	}
	e.print.toggle(f)
	e.publish(set.With(f))
}

// putAll makes each of flags, which have different keys, the flag of its key, in one step.
func (e *environment) putAll(flags []flag.Flag) {
	set := e.set.Load()
	for _, f := range flags {
		if was, ok := set.Get(f.Key); ok {
			e.print.toggle(was)
		}
		e.print.toggle(f)
	}
	e.publish(set.WithAll(flags))
}

// remove takes a flag out that was deleted at a time.
func (e *environment) remove(key string, at time.Time) {
	set := e.set.Load()
	if was, ok := set.Get(key); ok {
		e.print.toggle(was)
	}
	e.publish(set.Without(key, at))
}

// stir tells that flags answer otherwise since a time, though none was changed.
func (e *environment) stir(at time.Time) {
	if at.After(e.moved) {
		e.moved = at
	}
	e.publish(e.set.Load())
}

// publish makes set the one that is evaluated, and tells those who listen.
func (e *environment) publish(set *flag.Set) {
	e.set.Store(set)
	modified := set.Modified
	if e.moved.After(modified) {
		modified = e.moved
	}
	v := e.print.version(modified)
	e.version.Store(&v)
	e.subscribers.tell(v)
}
