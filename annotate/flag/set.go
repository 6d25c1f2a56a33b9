package flag

import (
	"maps"
	"slices"
	"time"

	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
)

// Set is the flags of one environment, ready to be evaluated. It never changes:
// any number of goroutines evaluate it with no lock, no store and no waiting.
type Set struct {
	// Environment is the one that the flags are of.
	Environment string
	// Modified is when the newest of the flags changed.
	Modified time.Time

	now   func() time.Time
	tally *Tally

	flags map[string]*compiled
	keys  []string // sorted
	// unknown is asked for keys that no flag has.
	unknown *flagTally
	missing *outcome
}

// NewSet returns the set of an environment's flags. Time is read from now;
// evaluations are counted in tally, which may be nil. Of two flags with one key
// the later counts. A flag whose definition is wrong answers an error and
// harms no other.
func NewSet(environment string, flags []Flag, now func() time.Time, tally *Tally) *Set {
	s := &Set{
		Environment: environment,
		now:         now,
		tally:       tally,
		flags:       make(map[string]*compiled, len(flags)),
		unknown:     tally.of(environment, ""),
		missing: newOutcome(&flag.InternalFlag{}, nil, flag.ResolutionDetails{
			Variant: flag.VariationSDKDefault, Reason: flag.ReasonError,
			ErrorCode: flag.ErrorCodeFlagNotFound, ErrorMessage: "no flag has this key",
		}),
	}
	for _, f := range flags {
		s.add(f)
	}
	s.keys = slices.Sorted(maps.Keys(s.flags))
	return s
}

func (s *Set) add(f Flag) {
	s.flags[f.Key] = compile(f, s.tally.of(s.Environment, f.Key), s.now())
	if f.Updated.After(s.Modified) {
		s.Modified = f.Updated.Time
	}
}

// With returns a set that has f, in the place of the one with the same key if
// there was one. It shares all else with s.
func (s *Set) With(f Flag) *Set {
	next := *s
	next.flags = maps.Clone(s.flags)
	next.add(f)
	if at, found := slices.BinarySearch(s.keys, f.Key); !found {
		next.keys = slices.Insert(slices.Clone(s.keys), at, f.Key)
	}
	return &next
}

// WithAll returns a set that has all of flags, as With does for one.
func (s *Set) WithAll(flags []Flag) *Set {
	next := *s
	next.flags = maps.Clone(s.flags)
	for _, f := range flags {
		next.add(f)
	}
	next.keys = slices.Sorted(maps.Keys(next.flags))
	return &next
}

// Without returns a set that does not have the flag, modified at the time at.
// The flag's counters stay until Tally.Forget.
func (s *Set) Without(key string, at time.Time) *Set {
	index, found := slices.BinarySearch(s.keys, key)
	if !found {
		return s
	}
	next := *s
	next.flags = maps.Clone(s.flags)
	delete(next.flags, key)
	next.keys = slices.Delete(slices.Clone(s.keys), index, index+1)
	if at.After(next.Modified) {
		next.Modified = at
	}
	return &next
}

// Keys returns the flags' keys, sorted. It is shared: nobody may alter it.
func (s *Set) Keys() []string { return s.keys }

// Len returns how many flags there are.
func (s *Set) Len() int { return len(s.keys) }

// Get returns a flag. What it points to is shared: nobody may alter it.
func (s *Set) Get(key string) (Flag, bool) {
	c, ok := s.flags[key]
	if !ok {
		return Flag{}, false
	}
	return c.flag, true
}

// Flags returns all flags in the order of their keys. What they point to is
// shared: nobody may alter it.
func (s *Set) Flags() []Flag {
	flags := make([]Flag, 0, len(s.keys))
	for _, key := range s.keys {
		flags = append(flags, s.flags[key].flag)
	}
	return flags
}

// Evaluate returns what the flag answers to ctx, which may be nil for nobody in
// particular, and counts it.
func (s *Set) Evaluate(key string, ctx *Context) Result {
	if ctx == nil {
		ctx = NewContext("", nil)
	}
	return s.evaluate(key, ctx, s.now())
}

// EvaluateAll returns what each flag answers to ctx, in the order of their keys,
// and counts it. Where the context names flags in gofeatureflag.flagList, only
// they are evaluated, in that order.
func (s *Set) EvaluateAll(ctx *Context) []Result {
	if ctx == nil {
		ctx = NewContext("", nil)
	}
	keys := s.keys
	if len(ctx.only) > 0 {
		keys = ctx.only
	}
	return s.EvaluateKeys(keys, ctx)
}

// EvaluateKeys returns what each of the flags answers to ctx, and counts it.
func (s *Set) EvaluateKeys(keys []string, ctx *Context) []Result {
	if ctx == nil {
		ctx = NewContext("", nil)
	}
	now := s.now()
	results := make([]Result, len(keys))
	for i, key := range keys {
		results[i] = s.evaluate(key, ctx, now)
	}
	return results
}

func (s *Set) evaluate(key string, ctx *Context, now time.Time) Result {
	c, ok := s.flags[key]
	if !ok {
		s.unknown.count(s.missing, now.Unix())
		return s.missing.result(key)
	}
	o := c.evaluate(ctx, now)
	c.tally.count(o, now.Unix())
	return o.result(c.flag.Key)
}
