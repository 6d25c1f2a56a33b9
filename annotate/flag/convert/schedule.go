package convert

import (
	"fmt"
	"math"
	"time"

	gff "github.com/thomaspoignant/go-feature-flag/modules/core/flag"

	"github.com/tidemark/tidemark/annotate/flag"
)

// maxSteps is how many times a flag's rules may name.
const maxSteps = 50

// phase is what the rules are from a time on.
type phase struct {
	from  int64
	rules []compiled
	rest  *gff.Rule
}

// schedule writes rules that depend on the time as a scheduled rollout: the rules
// of all phases stand in the definition, by name, and each step disables those of
// the phase before and enables its own.
func (p plan) schedule(s scribe, def *flag.Definition, cuts []int64) error {
	if len(cuts) > maxSteps {
		return leftOut(p.path, "its rules name %d times, and may name %d", len(cuts), maxSteps)
	}
	phases := []phase{}
	for _, from := range append([]int64{math.MinInt64}, cuts...) {
		branches := make([]branch, len(p.branches))
		for i, b := range p.branches {
			branches[i] = b
			branches[i].when = asOf(b.when, from)
		}
		rules, rest, err := p.compile(s, branches)
		if err != nil {
			return err
		}
		if n := len(phases); n > 0 && same(ruleList(phases[n-1].rules), ruleList(rules)) && same(phases[n-1].rest, rest) {
			continue
		}
		phases = append(phases, phase{from, rules, rest})
	}
	if len(phases) == 1 {
		def.DefaultRule = phases[0].rest
		setRules(def, phases[0].rules)
		return nil
	}
	s.differs(p.path, "the times in its rules have become the steps of a scheduled rollout, of which a step takes effect by itself")
	last := phases[len(phases)-1]
	def.DefaultRule = last.rest
	all, steps := []compiled{}, []gff.ScheduledStep{}
	for n := range phases {
		ph := &phases[n]
		if n < len(phases)-1 && !same(ph.rest, last.rest) {
			rest := *ph.rest
			rest.Query = everybody()
			ph.rules = append(ph.rules, compiled{rest, p.path})
		}
		for i := range ph.rules {
			name := fmt.Sprintf("phase %d rule %d", n+1, i+1)
			if own := ph.rules[i].rule.GetName(); own != "" {
				name += ": " + own
			}
			disable := n > 0
			ph.rules[i].rule.Name, ph.rules[i].rule.Disable = &name, &disable
		}
		all = append(all, ph.rules...)
		if n > 0 {
			at := time.Unix(ph.from, 0).UTC()
			changes := append(switched(phases[n-1].rules, true), switched(ph.rules, false)...)
			steps = append(steps, gff.ScheduledStep{Date: &at, InternalFlag: gff.InternalFlag{Rules: &changes}})
		}
	}
	setRules(def, all)
	def.Scheduled = &steps
	return nil
}

// switched are changes that disable rules, or enable them.
func switched(rules []compiled, disable bool) []gff.Rule {
	out := make([]gff.Rule, len(rules))
	for i, r := range rules {
		out[i] = gff.Rule{Name: r.rule.Name, Disable: &disable}
	}
	return out
}

func ruleList(rules []compiled) []gff.Rule {
	out := make([]gff.Rule, len(rules))
	for i, r := range rules {
		out[i] = r.rule
	}
	return out
}
