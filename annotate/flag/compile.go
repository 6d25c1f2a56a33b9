package flag

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thomaspoignant/go-feature-flag/modules/core/ffcontext"
	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
	"github.com/thomaspoignant/go-feature-flag/modules/core/utils"
)

// compiled is one flag, ready to be evaluated. The library makes a copy of a
// flag with scheduled steps, by way of JSON, for each evaluation, and applies
// them; here each state between two steps is a phase, made when it is first needed.
type compiled struct {
	flag     Flag
	tally    *flagTally
	original *flag.InternalFlag
	phases   []phase // the first from the beginning of time
}

// phase is the time from one scheduled step to the next.
type phase struct {
	from  time.Time
	state atomic.Pointer[state]
}

func compile(f Flag, tally *flagTally, now time.Time) *compiled {
	c := &compiled{flag: f, tally: tally, original: internal(f.Definition)}
	dates := stepDates(f.Definition)
	c.phases = make([]phase, len(dates)+1)
	for i, date := range dates {
		c.phases[i+1].from = date
	}
	c.at(now)
	return c
}

// at returns the state that counts at a time.
func (c *compiled) at(date time.Time) *state {
	i := len(c.phases) - 1
	for i > 0 && c.phases[i].from.After(date) {
		i--
	}
	if s := c.phases[i].state.Load(); s != nil {
		return s
	}
	s := c.compile(c.phases[i].from)
	c.phases[i].state.Store(s)
	return s
}

// evaluate returns the outcome for a context.
func (c *compiled) evaluate(ctx *Context, now time.Time) *outcome {
	date := ctx.at(now)
	s := c.at(date)
	if s.always != nil {
		return s.always
	}
	if s.split != nil {
		return s.bySplit(c.flag.Key, ctx, date)
	}
	return s.askAt(c.flag.Key, ctx, date)
}

// bySplit returns the outcome of a flag that only splits by a key.
func (s *state) bySplit(flagKey string, ctx *Context, date time.Time) *outcome {
	var p *part
	if key, err := s.resolved.GetBucketingKeyValue(ctx.library); err == nil && key != "" {
		p = s.split.of(flagKey, key)
	}
	if p == nil {
		return s.askAt(flagKey, ctx, date)
	}
	if o := p.outcome.Load(); o != nil {
		return o
	}
	o := s.askAt(flagKey, ctx, date)
	if o.err == nil && o.variant == p.variation {
		p.outcome.Store(o)
	}
	return o
}

// askAt asks the library as of a date.
func (s *state) askAt(flagKey string, ctx *Context, date time.Time) *outcome {
	asked := date // on the heap, and only where the library asks for it
	return s.ask(flagKey, dated{ctx.library, &asked})
}

// dated is a context that is evaluated as of a time: the library asks its own
// clock otherwise.
type dated struct {
	ffcontext.Context
	date *time.Time
}

// ExtractGOFFProtectedFields implements ffcontext.Context.
func (d dated) ExtractGOFFProtectedFields() ffcontext.GoffContextSpecifics {
	return ffcontext.GoffContextSpecifics{CurrentDateTime: d.date}
}

// state is a flag between two scheduled steps. The library evaluates it.
type state struct {
	original *flag.InternalFlag // as it was defined
	resolved *flag.InternalFlag // with the steps that are due, and none that is to come
	// always is what the flag answers whatever it is asked for: one that gives a
	// variation to everyone, that is disabled, or that cannot be evaluated at all.
	always *outcome
	// keyed is the flag with its steps, where one that is to come needs a key to
	// split by: the library asks for it from the beginning. Nil otherwise.
	keyed *flag.InternalFlag
	// owners says who is in which variation of the default rule, where the
	// percentages alone do not; nil where they do.
	owners Allocation
	// split is the flag where it only splits by a key; nil for others.
	split *split

	outcomes atomic.Pointer[map[cause]*outcome]
	making   sync.Mutex // held by who adds to them
}

// compile makes the state that counts from a date on.
func (c *compiled) compile(from time.Time) (s *state) {
	s = &state{original: c.original}
	defer func() {
		if cause := recover(); cause != nil {
			s.always = s.outcome(nil, failure(fmt.Sprint(cause)))
		}
	}()
	resolved, allocation, err := resolve(c.flag.Definition, c.flag.Allocation, from)
	if err != nil {
		s.always = s.outcome(nil, failure(err.Error()))
		return s
	}
	steady(resolved)
	s.resolved = resolved
	if rule := resolved.DefaultRule; rule != nil && rule.ProgressiveRollout == nil && len(rule.GetPercentages()) > 0 {
		s.owners = allocation
	}
	with := *resolved
	with.Scheduled = c.original.Scheduled
	if with.RequiresBucketing() && !resolved.RequiresBucketing() {
		s.keyed = &with
	} else if constant(resolved) {
		s.always = s.ask(c.flag.Key, dated{NewContext("", nil).library, &from})
	} else {
		s.split = newSplit(resolved, s.owners)
	}
	return s
}

// constant reports whether nothing of a context, nor the time, has a say in what
// f answers.
func constant(f *flag.InternalFlag) bool {
	asks := slices.ContainsFunc(f.GetRules(), func(r flag.Rule) bool { return !r.IsDisable() })
	return f.BucketingKey == nil && f.Experimentation == nil && !f.RequiresBucketing() && (f.IsDisable() || !asks)
}

// steady keeps the library from writing into f while it evaluates, and from
// adding percentages up in the random order of a map, which has 33.3, 33.3 and
// 33.4 come to now 99999 and now 100000 buckets.
func steady(f *flag.InternalFlag) {
	rules := f.GetRules()
	for i := range rules {
		steadyRule(&rules[i])
	}
	if f.DefaultRule != nil {
		steadyRule(f.DefaultRule)
	}
}

func steadyRule(r *flag.Rule) {
	if p := r.ProgressiveRollout; p != nil && p.End != nil && (percentage(p.End) == 0 || percentage(p.End) > 100) {
		p.End.Percentage = pointer(100.0)
	}
	percentages := r.GetPercentages()
	if !wavers(percentages) {
		return
	}
	// A ten-thousandth of a bucket more keeps the sum above the whole number in any
	// order. The library knows a rule that gives all by the number 100.
	largest := ""
	for name, value := range percentages {
		if value != 100 && (largest == "" || value > percentages[largest] || value == percentages[largest] && name < largest) {
			largest = name
		}
	}
	percentages[largest] += 1e-4 / flag.PercentageMultiplier
}

// failure is what the library says of a flag that it cannot read.
func failure(message string) flag.ResolutionDetails {
	return flag.ResolutionDetails{
		Variant: flag.VariationSDKDefault, Reason: flag.ReasonError, ErrorCode: flag.ErrorCodeGeneral, ErrorMessage: message,
	}
}

// ask returns what the library answers.
func (s *state) ask(flagKey string, ctx dated) (o *outcome) {
	defer func() {
		if cause := recover(); cause != nil {
			o = s.outcome(nil, failure("the evaluation failed"))
		}
	}()
	if s.keyed != nil {
		if _, err := s.keyed.GetBucketingKeyValue(ctx); err != nil {
			return s.outcome(nil, flag.ResolutionDetails{
				Variant: flag.VariationSDKDefault, Reason: flag.ReasonError, ErrorCode: flag.ErrorCodeTargetingKeyMissing,
				ErrorMessage: err.Error(), Metadata: s.original.GetMetadata(),
			})
		}
	}
	value, details := s.resolved.Value(flagKey, ctx, flag.Context{})
	if len(s.owners) > 0 && details.RuleIndex == nil && details.ErrorCode == "" && details.Reason != flag.ReasonDisabled {
		if key, err := s.resolved.GetBucketingKeyValue(ctx); err == nil {
			details.Variant = s.owners.Owner(int(utils.BuildHash(flagKey, key, uint32(s.owners.Buckets()))))
			value = s.resolved.GetVariationValue(details.Variant)
		}
	}
	return s.outcome(value, details)
}

// cause is what tells the outcomes of a state apart.
type cause struct {
	variant, reason, code, message string
	rule                           int
}

// maxOutcomes bounds how many outcomes a state keeps: there are about as many as
// rules times variations.
const maxOutcomes = 1000

// outcome returns the outcome for what the library answered, and keeps it.
func (s *state) outcome(value any, details flag.ResolutionDetails) *outcome {
	id := cause{details.Variant, details.Reason, details.ErrorCode, details.ErrorMessage, -1}
	if details.RuleIndex != nil {
		id.rule = *details.RuleIndex
	}
	if known := s.outcomes.Load(); known != nil {
		if o := (*known)[id]; o != nil {
			return o
		}
	}
	if s.original.Scheduled != nil && len(*s.original.Scheduled) > 0 {
		details.Cacheable = false // by tomorrow it may answer something else
	}
	return s.keep(id, newOutcome(s.original, value, details))
}

// keep adds an outcome to those that are known, and returns the one that is in
// its place already if there is one.
func (s *state) keep(id cause, o *outcome) *outcome {
	s.making.Lock()
	defer s.making.Unlock()
	next := map[cause]*outcome{}
	if known := s.outcomes.Load(); known != nil {
		if there := (*known)[id]; there != nil {
			return there
		}
		if len(*known) >= maxOutcomes {
			return o
		}
		next = maps.Clone(*known)
	}
	next[id] = o
	s.outcomes.Store(&next)
	return o
}

// underWay reports whether an experiment is, or whether there is none.
func underWay(e *flag.ExperimentationRollout, date time.Time) bool {
	return e == nil || (e.Start == nil || !date.Before(*e.Start)) && (e.End == nil || !date.After(*e.End))
}

// wavers reports whether the library's count of buckets depends on the order in
// which it adds percentages up: where the sum is a whole number of buckets, but
// for what floating point loses, it is now that and now one less. Two come to the same in
// either order.
func wavers(percentages map[string]float64) bool {
	others := 0
	sum := 0.0
	for _, value := range percentages {
		sum += value
		if value > 0 && value != 100 {
			others++
		}
	}
	buckets := sum * flag.PercentageMultiplier
	return len(percentages) > 2 && others > 0 && math.Abs(buckets-math.Round(buckets)) < 1e-5
}
