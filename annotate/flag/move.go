package flag

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/thomaspoignant/go-feature-flag/modules/core/dto"
	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"

	"github.com/tidemark/tidemark/annotate"
)

// Move is what one of the controls does to a flag.
type Move struct {
	// Flag is the flag after it. Revision, Updated, By and Change are as they were.
	Flag Flag
	// Changed is false where the flag is already as it is asked to be.
	Changed bool
	// Before and After are the shares at the time of the move.
	Before, After Shares
	// Rules is how many targeting rules apply after it, whatever the shares say.
	Rules int
	// Ended is the ramp that the move put an end to; nil for none.
	Ended *Ramp
	// Cancelled is what was to be done and will not be.
	Cancelled []Scheduled
	// Notes say in sentences what else a person has to know.
	Notes []string

	// base is what the flag was as JSON, with the steps that are due in it.
	base []byte
}

// LogChange returns what the change log says of the move.
func (m Move) LogChange() *annotate.FlagChange { return LogChange(m.Flag.Key, m.Before, m.After) }

// Apply returns what an action does to the flag at now. The flag itself stays as
// it is; so it is with all that moves it. An error is an *annotate.Error that
// says what would be right, with a field of the action ("to", "variation").
func (f Flag) Apply(a Action, now time.Time) (Move, error) {
	if err := a.Validate(); err != nil {
		return Move{}, err
	}
	switch {
	case a.Flip != nil:
		return f.Flip(*a.Flip, now)
	case a.Rollout != nil:
		return f.Rollout(*a.Rollout, now)
	default:
		return f.Kill(now)
	}
}

// Flip gives one variation to all whom no targeting rule catches, and enables
// the flag. "on" for a flag that is disabled only enables it, so that it is
// again as it was before; "off" for one that is disabled leaves it so. A ramp that is under way ends.
func (f Flag) Flip(flip Flip, now time.Time) (Move, error) {
	m, err := f.begin(now)
	if err != nil {
		return Move{}, err
	}
	variation, off, err := m.resolve(flip.To)
	if err != nil {
		return Move{}, err
	}
	switch {
	case off:
		m.Flag.Definition.Disable = pointer(true)
	case variation == "":
		m.Flag.Definition.Disable = nil
	default:
		if err := m.share(map[string]float64{variation: 100}, now); err != nil {
			return Move{}, err
		}
		m.Flag.Definition.Disable = nil
	}
	m.endRamp()
	return m.done(f, now), nil
}

// resolve says what "to" stands for: a variation, off, or (neither) on.
func (m *Move) resolve(to string) (variation string, off bool, err error) {
	disabled := internal(m.Flag.Definition).IsDisable()
	if disabled && to == "on" {
		return "", false, nil
	}
	if disabled && to == "off" {
		return "", true, nil
	}
	variations := internal(m.Flag.Definition).GetVariations()
	if _, ok := variations[to]; ok {
		return to, false, nil
	}
	if to != "on" && to != "off" {
		return "", false, m.noVariation("to", to, "on, off, ")
	}
	var meant []string
	for name, value := range variations {
		if value != nil && *value == any(to == "on") {
			meant = append(meant, name)
		}
	}
	if len(meant) == 1 {
		return meant[0], false, nil
	}
	return "", to == "off", nil
}

// Rollout gives a variation a percentage of those whom no targeting rule
// catches, and enables the flag. Nobody moves who need not: a progressive
// rollout in the default rule is replaced by percentages, beginning from the
// share that it has come to. A ramp that is under way ends.
func (f Flag) Rollout(r Rollout, now time.Time) (Move, error) {
	m, err := f.begin(now)
	if err != nil {
		return Move{}, err
	}
	if err := m.rollout(r, now); err != nil {
		return Move{}, err
	}
	m.Flag.Definition.Disable = nil
	m.endRamp()
	return m.done(f, now), nil
}

func (m *Move) rollout(r Rollout, now time.Time) error {
	to, err := m.sharesOf(r, now)
	if err != nil {
		return err
	}
	return m.share(to, now)
}

// Kill disables the flag, for everyone. Its rules stay; flipping it on brings
// them back. Nothing but a person turns it on again: a ramp ends, what was
// scheduled is cancelled, and steps of the definition's own that would enable it no longer do.
func (f Flag) Kill(now time.Time) (Move, error) {
	m, err := f.begin(now)
	if err != nil {
		return Move{}, err
	}
	m.Flag.Definition.Disable = pointer(true)
	if m.Flag.Definition.Scheduled != nil {
		for i := range *m.Flag.Definition.Scheduled {
			step := &(*m.Flag.Definition.Scheduled)[i]
			if step.Disable != nil && !*step.Disable {
				step.Disable = nil
				m.note("the scheduled step of %s no longer enables the flag", step.Date.UTC().Format(time.RFC3339))
			}
		}
	}
	m.endRamp()
	m.Cancelled, m.Flag.Schedule = m.Flag.Schedule, nil
	return m.done(f, now), nil
}

// Define gives the flag a new definition, which must be valid. Where the default
// rule had percentages and has others, the allocation sees to it that nobody
// moves who need not. A ramp goes on while the default rule stays as it was.
func (f Flag) Define(d Definition, now time.Time) (Move, error) {
	if err := f.writable(); err != nil {
		return Move{}, err
	}
	next, err := Clone(d)
	if err != nil {
		return Move{}, invalid("definition", nil, "is no JSON: %v", err)
	}
	if sameJSON(f.Definition, next) {
		return Move{Flag: f, Before: f.Shares(now), After: f.Shares(now)}, nil
	}
	m, err := f.begin(now)
	if err != nil {
		m = Move{Flag: f, Before: f.Shares(now)} // broken as it is, it can be replaced
	}
	old := m.Flag.Definition
	m.Flag.Allocation, err = m.redefine(next, now)
	if err != nil {
		return Move{}, err
	}
	m.Flag.Definition = next
	if ramp := m.Flag.Ramp; ramp != nil && (!sameJSON(old.DefaultRule, next.DefaultRule) ||
		!has(next, ramp.Variation) || ramp.Rest != "" && !has(next, ramp.Rest)) {
		m.endRamp()
	}
	return m.done(f, now), nil
}

func has(d Definition, variation string) bool {
	_, ok := internal(d).GetVariations()[variation]
	return ok
}

// redefine returns the allocation that goes with the definition next.
func (m *Move) redefine(next Definition, now time.Time) (Allocation, error) {
	old := m.Flag.Definition
	if old.DefaultRule == nil || next.DefaultRule == nil || next.DefaultRule.ProgressiveRollout != nil ||
		internal(old).GetBucketingKey() != internal(next).GetBucketingKey() {
		return nil, nil
	}
	to := ruleShares(next.DefaultRule, now)
	if percentages := next.DefaultRule.GetPercentages(); len(percentages) > 0 {
		to = percentages
	}
	return reallocate(m.allocation(now), to, internal(next).GetVariations())
}

// begin returns a Move that has done nothing yet, on a copy of the flag in which
// the scheduled steps that are due are part of the definition, so that they
// cannot overrule what is done to it.
func (f Flag) begin(now time.Time) (Move, error) {
	if err := f.writable(); err != nil {
		return Move{}, err
	}
	m := Move{Flag: f, Before: f.Shares(now)}
	m.Flag.Schedule = slices.Clone(f.Schedule)
	resolved, allocation, err := resolve(f.Definition, f.Allocation, now)
	if err != nil {
		return Move{}, err
	}
	rest, err := Clone(f.Definition)
	if err != nil {
		return Move{}, err
	}
	m.Flag.Allocation = allocation
	m.Flag.Definition = dto.ConvertInternalFlagToDto(*resolved)
	m.Flag.Definition.Converter = rest.Converter
	if rest.Scheduled != nil {
		later := slices.DeleteFunc(*rest.Scheduled, func(s flag.ScheduledStep) bool { return s.Date != nil && !s.Date.After(now) })
		if len(later) > 0 {
			m.Flag.Definition.Scheduled = &later
		}
	}
	m.base, err = json.Marshal(m.Flag)
	return m, err
}

// writable refuses what a file defines.
func (f Flag) writable() error {
	if f.Origin == nil {
		return nil
	}
	return conflict("key", f.Key, "is defined by the file %s, which alone can change it; change it there", f.Origin.Path)
}

// done fills in what the move came to.
func (m Move) done(from Flag, now time.Time) Move {
	m.After = m.Flag.Shares(now)
	resolved := internal(m.Flag.Definition)
	for _, rule := range resolved.GetRules() {
		if !rule.IsDisable() && !resolved.IsDisable() {
			m.Rules++
		}
	}
	if !resolved.IsDisable() && !underWay(resolved.Experimentation, now) {
		m.note("its experiment is not under way, so that it answers nothing for now")
	}
	if later := stepDates(m.Flag.Definition); len(later) > 0 {
		m.note("its definition has scheduled steps that come after it, the next at %s", later[0].UTC().Format(time.RFC3339))
	}
	after, err := json.Marshal(m.Flag)
	m.Changed = err != nil || !bytes.Equal(m.base, after)
	if !m.Changed {
		m.Flag = from
	}
	return m
}

func (m *Move) note(format string, args ...any) {
	m.Notes = append(m.Notes, fmt.Sprintf(format, args...))
}

func (m *Move) endRamp() { m.Ended, m.Flag.Ramp = m.Flag.Ramp, nil }

// allocation returns who has which bucket of the default rule now.
func (m *Move) allocation(now time.Time) Allocation {
	rule := m.Flag.Definition.DefaultRule
	switch {
	case rule.ProgressiveRollout != nil:
		if p := newProgressive(rule.ProgressiveRollout); p != nil {
			return progressiveAllocation(rule.ProgressiveRollout, int(p.cut(now)))
		}
	case len(m.Flag.Allocation) > 0:
		return m.Flag.Allocation
	case len(rule.GetPercentages()) > 0:
		return AllocationOf(all(rule.GetPercentages(), internal(m.Flag.Definition).GetVariations()))
	}
	return AllocationOf(all(ruleShares(rule, now), internal(m.Flag.Definition).GetVariations()))
}

// progressiveAllocation is that of a progressive rollout, which has the variation
// of its end in the lower buckets, up to cut.
func progressiveAllocation(r *flag.ProgressiveRollout, cut int) Allocation {
	var a Allocation
	if cut > 0 {
		a = append(a, Slice{Variation: *r.End.Variation, From: 0, To: cut})
	}
	if cut < Buckets {
		a = append(a, Slice{Variation: *r.Initial.Variation, From: Buckets, To: cut})
	}
	return a
}

// share gives the shares to those whom no targeting rule catches.
func (m *Move) share(to map[string]float64, now time.Time) error {
	d := &m.Flag.Definition
	if d.DefaultRule == nil {
		return conflict("definition.defaultRule", nil, "is missing; put a valid definition first")
	}
	allocation, err := reallocate(m.allocation(now), to, internal(*d).GetVariations())
	if err != nil {
		return err
	}
	m.Flag.Allocation = allocation
	rule := d.DefaultRule
	rule.ProgressiveRollout, rule.Percentages, rule.VariationResult = nil, nil, nil
	for variation, share := range to {
		if share >= 100 {
			rule.VariationResult = &variation
			return nil
		}
	}
	rule.Percentages = &to
	return nil
}

// reallocate returns a with the shares of to; nil where the library's own order comes to the same.
func reallocate(a Allocation, to map[string]float64, variations map[string]*any) (Allocation, error) {
	to = all(to, variations)
	next, err := a.Reallocate(to)
	if err != nil || slices.Equal(next, AllocationOf(to)) {
		return nil, err
	}
	return next, nil
}

// all returns shares that name every variation.
func all(shares map[string]float64, variations map[string]*any) map[string]float64 {
	every := maps.Clone(shares)
	if every == nil {
		every = make(map[string]float64, len(variations))
	}
	for name := range variations {
		if _, ok := every[name]; !ok {
			every[name] = 0
		}
	}
	return every
}
