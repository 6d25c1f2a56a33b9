package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	gff "github.com/thomaspoignant/go-feature-flag/modules/core/flag"

	"github.com/tidemark/tidemark/annotate/flag"
)

// plan is what a flag does, on the way from its source to a definition.
type plan struct {
	path       string
	variations map[string]any
	// branches are tried in order; rest is for whom none catches.
	branches []branch
	rest     outcome
	// off says that the branches are kept, and catch nobody.
	off bool
	// silent says that the flag answers none, and the code's default counts.
	silent bool
	// bucketBy is the attribute that people are dealt out by; empty is the
	// targeting key.
	bucketBy string
	metadata map[string]any
}

// branch gives an outcome to those who meet a condition.
type branch struct {
	name, path string
	when       cond
	then       outcome
}

// outcome is one variation, shares of several, a ramp from one to another, or,
// with none of them, no answer.
type outcome struct {
	variation string
	shares    []share
	ramp      *ramp
}

// ramp moves people from one variation to another, evenly from start to end,
// which are seconds since 1970.
type ramp struct {
	from, to   string
	start, end int64
}

func (o outcome) none() bool { return o.variation == "" && o.shares == nil && o.ramp == nil }

// dealt says that the outcome depends on the bucket.
func (o outcome) dealt() bool { return o.shares != nil || o.ramp != nil }

// compiled is a branch as GO Feature Flag has it.
type compiled struct {
	rule gff.Rule
	path string
}

// assemble makes the definition. The error is an *unfit, which says why there is none.
func (p plan) assemble(s scribe) (flag.Definition, error) {
	def := flag.Definition{Variations: &map[string]*any{}}
	for name, v := range p.variations {
		(*def.Variations)[name] = &v
	}
	if len(p.metadata) > 0 {
		def.Metadata = &p.metadata
	}
	if p.bucketBy != "" {
		def.BucketingKey = &p.bucketBy
	}
	room := flag.MaxDefinition
	for _, b := range p.branches {
		if !fits(b.when, &room) {
			return def, leftOut(p.path, "%s", tooLong)
		}
	}
	if err := p.rules(s, &def); err != nil {
		return def, err
	}
	return def, p.validate(s, &def)
}

// validate refuses what Tidemark or GO Feature Flag would refuse. What is wrong
// with metadata alone is taken away.
func (p plan) validate(s scribe, def *flag.Definition) error {
	if err := flag.ValidateKey(s.flag); err != nil {
		return leftOut(p.path, "no flag may have its key: %v", err)
	}
	err := flag.Validate("", *def)
	for _, problem := range flag.Problems(err) {
		name, ok := strings.CutPrefix(problem.Field, "metadata.")
		if !ok {
			return leftOut(p.path, "its definition would be refused: %v", problem)
		}
		if _, ok := p.metadata[name]; ok {
			delete(p.metadata, name)
			s.lost(p.path, "the metadata %q is gone: it %s", name, problem.Message)
			return p.validate(s, def)
		}
	}
	if err != nil {
		return leftOut(p.path, "its definition would be refused: %v", err)
	}
	return nil
}

func (p plan) rules(s scribe, def *flag.Definition) error {
	conds := make([]cond, len(p.branches))
	for i, b := range p.branches {
		conds[i] = b.when
	}
	switch cuts := times(conds...); {
	case p.silent || p.rest.none() && len(p.branches) == 0:
		return p.silence(s, def)
	case p.off:
		return p.keep(s, def)
	case len(cuts) > 0:
		return p.schedule(s, def, cuts)
	}
	rules, rest, err := p.compile(s, p.branches)
	if err != nil {
		return err
	}
	def.DefaultRule = rest
	setRules(def, rules)
	return nil
}

func setRules(def *flag.Definition, rules []compiled) {
	if len(rules) == 0 {
		return
	}
	out, seen := make([]gff.Rule, len(rules)), map[string]bool{}
	for i, r := range rules {
		out[i] = r.rule
		// The library refuses a name that is there twice.
		if name := r.rule.GetName(); name == "" || seen[name] {
			out[i].Name = nil
		} else {
			seen[name] = true
		}
	}
	def.Rules = &out
}

// silence disables the flag: GO Feature Flag has no other way to answer none.
func (p plan) silence(s scribe, def *flag.Definition) error {
	disable := true
	def.Disable = &disable
	p.silent = false
	if p.rest.none() {
		names := sortedKeys(p.variations)
		if len(names) == 0 || names[0] == "" {
			return leftOut(p.path, "it has a variation without a name, or none")
		}
		name := names[0]
		p.rest = outcome{variation: name}
		s.differs(p.path, "gives no variation, so that the code's default counts: here it is disabled, and if it is enabled it gives %q to who meets no rule", name)
	}
	p.off = false
	if err := p.rules(s, def); err != nil {
		u, ok := errors.AsType[*unfit](err)
		if !ok {
			return err
		}
		s.lost(u.path, "as long as the flag is disabled nobody misses its rules, which are gone: %s", u.text)
		def.DefaultRule, err = p.rest.rule(s, p.path)
		return err
	}
	return nil
}

// keep writes the branches as rules that are disabled each.
func (p plan) keep(s scribe, def *flag.Definition) error {
	rules, disable := []compiled{}, true
	for _, b := range p.branches {
		if b.then.none() {
			continue
		}
		if len(times(b.when)) > 0 {
			s.lost(b.path, "a rule that depends on the time is gone; the flag is off, so that nobody misses it now")
			continue
		}
		kept, err := b.compile(s)
		if u, ok := errors.AsType[*unfit](err); ok {
			s.lost(b.path, "a rule is gone; the flag is off, so that nobody misses it now: %s", u.text)
			continue
		} else if err != nil {
			return err
		}
		for i := range kept {
			kept[i].rule.Disable = &disable
		}
		rules = append(rules, kept...)
	}
	rest, err := p.rest.rule(s, p.path)
	if err != nil {
		return err
	}
	def.DefaultRule = rest
	setRules(def, rules)
	return nil
}

// compile writes branches as rules. A branch that catches everybody ends them.
func (p plan) compile(s scribe, branches []branch) (rules []compiled, rest *gff.Rule, err error) {
	last := branch{path: p.path, then: p.rest}
	for _, b := range branches {
		if b.when == truth(false) {
			continue
		}
		if b.when == truth(true) {
			last = b
			break
		}
		if b.then.none() {
			return nil, nil, leftOut(b.path, "some get no variation here, so that the code's default counts for them: GO Feature Flag answers none for everybody or for nobody")
		}
		compiled, err := b.compile(s)
		if err != nil {
			return nil, nil, err
		}
		rules = append(rules, compiled...)
	}
	if last.then.none() {
		return nil, nil, leftOut(last.path, "who meets no rule gets no variation, so that the code's default counts: GO Feature Flag answers none for everybody or for nobody")
	}
	rest, err = last.then.rule(s, last.path)
	return rules, rest, err
}

// compile writes a branch as one rule, or as several with one outcome.
func (b branch) compile(s scribe) ([]compiled, error) {
	q, why := toQueries(b.when)
	if why != "" {
		return nil, leftOut(b.path, "%s", why)
	}
	if len(q.loose) > 0 {
		s.lost(b.path, "the query takes %s for text: who has a number, a boolean or a list there counts as having none of the values", strings.Join(q.loose, ", "))
	}
	out := []compiled{}
	for _, query := range q.texts {
		rule, err := b.then.rule(s, b.path)
		if err != nil {
			return nil, err
		}
		rule.Query = &query
		if b.name != "" && len(b.name) <= maxName && len(out) == 0 {
			rule.Name = &b.name
		}
		out = append(out, compiled{*rule, b.path})
	}
	return out, nil
}

// maxName leaves room in a rule's name for the phase that it is of.
const maxName = flag.MaxRuleName - 30

// rule is the part of a rule that says what it gives.
func (o outcome) rule(s scribe, path string) (*gff.Rule, error) {
	switch {
	case o.ramp != nil:
		start, end := time.Unix(o.ramp.start, 0).UTC(), time.Unix(o.ramp.end, 0).UTC()
		none, all := 0.0, 100.0
		return &gff.Rule{ProgressiveRollout: &gff.ProgressiveRollout{
			Initial: &gff.ProgressiveRolloutStep{Variation: &o.ramp.from, Percentage: &none, Date: &start},
			End:     &gff.ProgressiveRolloutStep{Variation: &o.ramp.to, Percentage: &all, Date: &end},
		}}, nil
	case o.shares != nil:
		shares, rounded := percentages(o.shares)
		if len(rounded) > 0 {
			s.differs(path, "percentages have steps of a thousandth: %s", strings.Join(rounded, ", "))
		}
		return &gff.Rule{Percentages: &shares}, nil
	case o.none():
		return nil, leftOut(path, "it gives no variation")
	}
	return &gff.Rule{VariationResult: &o.variation}, nil
}

// everybody is a query that holds always.
func everybody() *string {
	q, _ := jsonLogic(truth(true))
	return &q
}

// same says that two lists of rules are one as JSON.
func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && slices.Equal(x, y)
}

// maxCopied is how many branches a flag may have whose outcome others depend on:
// each needs that none before it is met.
const maxCopied = 100

// whenGives is the condition on which the flag gives a variation; ok says that
// there is one, which is not so where the bucket decides, or too many branches do.
func (p plan) whenGives(variation string) (c cond, ok bool) {
	if p.silent {
		return truth(false), true
	}
	branches := slices.Clone(p.branches)
	if p.off {
		branches = nil
	}
	if len(branches) > maxCopied {
		return nil, false
	}
	c, before := cond(truth(false)), cond(truth(false))
	for _, b := range append(branches, branch{when: truth(true), then: p.rest}) {
		if b.then.ramp != nil || slices.ContainsFunc(b.then.shares, func(s share) bool { return s.variation == variation }) {
			return nil, false
		}
		if b.then.variation == variation {
			c = either(c, both(not(before), b.when))
		}
		before = either(before, b.when)
	}
	return c, true
}

func unique(taken func(string) bool, name string) string {
	for n := 2; taken(name); n++ {
		name = fmt.Sprintf("%s-%d", name, n)
	}
	return name
}
