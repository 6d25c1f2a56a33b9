package flag

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/thomaspoignant/go-feature-flag/modules/core/dto"
	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
)

// internal returns a definition as the library evaluates it. It shares what it points to.
func internal(d Definition) *flag.InternalFlag {
	f := dto.ConvertDtoToInternalFlag(d)
	return &f
}

// Clone returns a copy of a definition that shares nothing with it. Its way
// leads through JSON: whatever kind of number there was is a float64 then.
func Clone(d Definition) (Definition, error) {
	data, err := json.Marshal(d)
	if err != nil {
		return Definition{}, err
	}
	var clone Definition
	err = json.Unmarshal(data, &clone)
	return clone, err
}

// steps returns the scheduled steps that have a date, earliest first; those of one
// date in the order of the definition, as the library applies them.
func steps(d Definition) []flag.ScheduledStep {
	if d.Scheduled == nil {
		return nil
	}
	dated := make([]flag.ScheduledStep, 0, len(*d.Scheduled))
	for _, step := range *d.Scheduled {
		if step.Date != nil {
			dated = append(dated, step)
		}
	}
	slices.SortStableFunc(dated, func(a, b flag.ScheduledStep) int { return a.Date.Compare(*b.Date) })
	return dated
}

// stepDates returns the dates of the scheduled steps, each once, earliest first.
func stepDates(d Definition) []time.Time {
	var dates []time.Time
	for _, step := range steps(d) {
		if len(dates) == 0 || !dates[len(dates)-1].Equal(*step.Date) {
			dates = append(dates, *step.Date)
		}
	}
	return dates
}

// resolve returns a definition with the scheduled steps that are due at a time
// applied, and without any steps, and the allocation of its default rule. It
// shares nothing with d: the library's merging writes into what it merges.
func resolve(d Definition, a Allocation, at time.Time) (*flag.InternalFlag, Allocation, error) {
	clone, err := Clone(d)
	if err != nil {
		return nil, nil, err
	}
	f := internal(clone)
	for _, step := range steps(clone) {
		if step.Date.After(at) {
			break
		}
		before := maps.Clone(percentagesOf(f))
		apply(f, step)
		if after := percentagesOf(f); len(a) > 0 && !maps.Equal(before, after) {
			// Where that is not possible, the library's order is better than no answer.
			a, _ = a.Reallocate(after)
		}
	}
	f.Scheduled = nil
	return f, a, nil
}

// percentagesOf returns the percentages of the default rule; nil for none.
func percentagesOf(f *flag.InternalFlag) map[string]float64 {
	if f.DefaultRule == nil || f.DefaultRule.Percentages == nil {
		return nil
	}
	return *f.DefaultRule.Percentages
}

// apply is what the library does with a scheduled step that is due. What a step
// says of metadata, the bucketing key and further steps has no effect.
func apply(f *flag.InternalFlag, step flag.ScheduledStep) {
	f.Rules = flag.MergeSetOfRules(f.GetRules(), step.GetRules())
	if step.Disable != nil {
		f.Disable = step.Disable
	}
	if step.TrackEvents != nil {
		f.TrackEvents = step.TrackEvents
	}
	if step.DefaultRule != nil {
		f.DefaultRule.MergeRules(*step.DefaultRule)
	}
	if step.Variations != nil {
		maps.Copy(f.GetVariations(), step.GetVariations())
	}
	if step.Version != nil {
		f.Version = step.Version
	}
	if step.Experimentation == nil {
		return
	}
	if f.Experimentation == nil {
		f.Experimentation = &flag.ExperimentationRollout{}
	}
	if step.Experimentation.Start != nil {
		f.Experimentation.Start = step.Experimentation.Start
	}
	if step.Experimentation.End != nil {
		f.Experimentation.End = step.Experimentation.End
	}
}
