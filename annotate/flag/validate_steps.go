package flag

import (
	"fmt"
	"slices"

	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
)

// stepForms checks the scheduled steps by themselves.
func (v validator) stepForms(at string, d Definition) {
	if d.Scheduled == nil {
		return
	}
	if n := len(*d.Scheduled); n > MaxSteps {
		v.add(at, n, "has %d steps; at most %d are kept", n, MaxSteps)
	}
	for i, step := range *d.Scheduled {
		path := fmt.Sprintf("%s[%d]", at, i)
		if step.Date == nil {
			v.add(under(path, "date"), nil, "is missing; say when the step is due")
		}
		for name, set := range map[string]bool{"metadata": step.Metadata != nil, "bucketingKey": step.BucketingKey != nil, "scheduledRollout": step.Scheduled != nil} {
			if set {
				v.add(under(path, name), nil, "has no effect in a scheduled step; leave it out")
			}
		}
	}
}

// steps checks the flag that each scheduled step leads to, in the order of their dates.
func (v validator) steps(at string, d Definition) {
	clone, err := Clone(d)
	if err != nil || clone.Scheduled == nil {
		return
	}
	f, all := internal(clone), *clone.Scheduled
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return all[a].Date.Compare(*all[b].Date) })
	for _, i := range order {
		path, step, before := fmt.Sprintf("%s[%d]", at, i), all[i], len(f.GetRules())
		apply(f, step)
		v.variations(under(path, "variations"), f)
		if step.DefaultRule != nil {
			v.rule(under(path, "defaultRule"), f.DefaultRule, true, f)
		}
		v.stepRules(under(path, "targeting"), step, f, before)
		v.experiment(under(path, "experimentation"), f.Experimentation)
	}
}

// stepRules checks the rules that a step changed, and those that it added after
// the ones that were there before. Their paths are those in the step.
func (v validator) stepRules(at string, step flag.ScheduledStep, f *flag.InternalFlag, before int) {
	if len(f.GetRules()) > MaxRules {
		v.add(at, len(f.GetRules()), "leads to %d rules; at most %d are kept", len(f.GetRules()), MaxRules)
	}
	added := before
	for i := range step.GetRules() {
		name := step.GetRules()[i].GetName()
		index := slices.IndexFunc(f.GetRules()[:before], func(r flag.Rule) bool { return name != "" && r.GetName() == name })
		if index < 0 {
			index = added
			added++
		}
		if index < len(f.GetRules()) {
			v.rule(fmt.Sprintf("%s[%d]", at, i), &f.GetRules()[index], false, f)
		}
	}
}
