package convert

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
)

// featureReader turns a feature into a plan.
type featureReader struct {
	s           scribe
	file        *unleashFile
	feature     *feature
	state       featureState
	environment string
	room        *room

	names      variantNames
	stickiness []stickiness
}

// strategy is one way to be enabled: for those who meet a condition, for a part
// of them. Unleash tries them in order until one enables.
type strategy struct {
	title, path string
	when        cond
	rollout     float64 // in per cent
	group       string
	variants    []value
}

const unleashBuckets = "the shares stay, and people are dealt out anew: Unleash takes murmur3 of the group and %[1]s in steps of a per cent, GO Feature Flag FNV-1a of the flag's key and %[1]s"

func (r *featureReader) plan() (plan, error) {
	x := r.feature
	p := plan{path: x.path, metadata: x.metadata}
	r.names = r.variations(&p)
	p.rest = outcome{variation: r.names.off}
	if r.state.enabled.missing() {
		r.s.lost(x.path, "the file does not say whether it is enabled%s: here it is off", inEnvironment(r.environment))
	}
	p.off = !r.state.enabled.truth()
	err := r.fill(&p)
	if u, ok := errors.AsType[*unfit](err); ok && p.off {
		r.s.lost(u.path, "as long as the flag is off nobody misses its strategies, which are gone: %s", u.text)
		p.branches = nil
	} else if err != nil {
		return p, err
	}
	if p.off {
		r.s.differs(x.path, "it is off%s: everybody gets %q, and its strategies are kept as rules that are disabled each", inEnvironment(r.environment), r.names.off)
	}
	p.bucketBy = r.bucketing(p)
	return p, nil
}

// fill adds the branches that the strategies come to.
func (r *featureReader) fill(p *plan) error {
	parents, err := r.parents()
	if err != nil {
		return err
	}
	strategies, off, err := r.strategies()
	if err != nil {
		return err
	}
	p.off = p.off || off
	for _, s := range r.inOrder(strategies) {
		s.when = both(parents, s.when)
		if err := r.room.spend(s.when, s.path); err != nil {
			return err
		}
		branches, err := r.branches(s)
		if err != nil {
			return err
		}
		p.branches = append(p.branches, branches...)
	}
	return nil
}

func inEnvironment(name string) string {
	if name == "" {
		return ""
	}
	return " in " + name
}

// strategies reads those of the feature. Off says that all are disabled.
func (r *featureReader) strategies() (out []strategy, off bool, err error) {
	disabled := 0
	for _, x := range r.state.strategies {
		if x.field("disabled").truth() {
			disabled++
			r.s.differs(x.path, "a strategy that is disabled is gone")
			continue
		}
		s, err := r.strategy(x)
		if err != nil {
			return nil, false, err
		}
		out = append(out, s...)
	}
	switch all := len(r.state.strategies); {
	case all == 0:
		out = []strategy{{path: r.feature.path, when: truth(true), rollout: 100, group: r.feature.key}}
	case disabled == all:
		r.s.lost(r.feature.path, "all of its strategies are disabled: here it is off, where older versions of Unleash enable it for everybody")
		return nil, true, nil
	}
	return out, false, nil
}

// inOrder puts the strategies into an order in which the first that somebody
// meets decides, as GO Feature Flag has it, and enables for as many as Unleash
// does: largest share first, since those of one group have the same people in front.
func (r *featureReader) inOrder(strategies []strategy) []strategy {
	out := slices.Clone(strategies)
	slices.SortStableFunc(out, func(a, b strategy) int { return cmp.Compare(b.rollout, a.rollout) })
	moved := false
	for i, s := range strategies {
		moved = moved || s.path != out[i].path
		for _, other := range strategies[:i] {
			if other.rollout < 100 && s.rollout < 100 && other.group != s.group {
				r.s.lost(s.path, "who meets this strategy and another of %s gets the larger of the two shares; Unleash deals out for each group anew, so that more of them are enabled", percent(other.rollout))
			}
		}
	}
	hasOwn := slices.ContainsFunc(strategies, func(s strategy) bool { return len(s.variants) > 0 })
	if moved && hasOwn {
		r.s.lost(r.feature.path, "its strategies are tried in the order of their shares, so that who meets several may get the variants of another one")
	}
	return out
}

// branches are what a strategy comes to: first who is given a variant by
// override, then the others.
func (r *featureReader) branches(s strategy) ([]branch, error) {
	if s.when == truth(false) {
		return nil, nil
	}
	variants := s.variants
	if len(variants) == 0 {
		variants = r.state.variants
	}
	out := []branch{}
	for _, v := range variants {
		for _, o := range v.field("overrides").items() {
			a, err := r.attribute(o.field("contextName"))
			if err != nil {
				return nil, err
			}
			when := both(s.when, oneOf{attr: a, values: anys(o.field("values").texts())})
			if err := r.room.spend(when, o.path); err != nil {
				return nil, err
			}
			out = append(out, branch{path: o.path, when: when, then: r.partly(s.rollout, []share{{r.names.of(v), 1}})})
		}
	}
	shares := []share{}
	for _, v := range variants {
		w := v.field("weight").number()
		if w < 0 {
			v.field("weight").refuse("must not be negative")
		}
		shares = append(shares, share{r.names.of(v), w})
	}
	if len(variants) == 0 {
		shares = []share{{r.names.on, 1}}
	}
	then := r.partly(s.rollout, shares)
	if then.none() {
		return nil, leftOut(s.path, "none of its variants has a weight")
	}
	if len(shares) > 1 && then.dealt() {
		r.stick(s.path, variants[0].field("stickiness").text())
	}
	return append(out, branch{name: s.title, path: s.path, when: s.when, then: then}), nil
}

// partly gives the shares to a part of the people, and off to the others.
func (r *featureReader) partly(rollout float64, shares []share) outcome {
	total := 0.0
	for _, s := range shares {
		total += s.weight
	}
	if total == 0 {
		return outcome{}
	}
	all := []share{{r.names.off, (100 - rollout) * total}}
	for _, s := range shares {
		all = append(all, share{s.variation, s.weight * rollout})
	}
	out, _ := deal(all)
	return out
}

// strategy reads one. A strategy that can be met in several ways gives several.
func (r *featureReader) strategy(x value) ([]strategy, error) {
	c, err := r.constraints(x)
	if err != nil {
		return nil, err
	}
	parameters := x.field("parameters")
	s := strategy{title: x.field("title").text(), path: x.path, when: c, rollout: 100, group: r.feature.key, variants: x.field("variants").items()}
	if group := parameters.field("groupId").text(); group != "" {
		s.group = group
	}
	name := x.field("name").required("a strategy has its name there")
	switch name.text() {
	case "default":
	case "flexibleRollout":
		stickiness := parameters.field("stickiness").text()
		s.rollout = portion(parameters.field("rollout"))
		return r.rollout(s, stickiness)
	case "gradualRolloutUserId":
		s.rollout = portion(parameters.field("percentage"))
		return r.rollout(s, "userId")
	case "gradualRolloutSessionId":
		s.rollout = portion(parameters.field("percentage"))
		return r.rollout(s, "sessionId")
	case "gradualRolloutRandom":
		s.rollout = portion(parameters.field("percentage"))
		return r.rollout(s, "random")
	case "userWithId":
		s.when = both(c, oneOf{attr: targetingKey, values: anys(split(parameters.field("userIds").text()))})
		r.userID()
	case "remoteAddress":
		addresses, err := r.addresses(parameters.field("IPs"), split(parameters.field("IPs").text()))
		if err != nil {
			return nil, err
		}
		s.when = both(c, addresses)
	case "applicationHostname":
		hosts := split(strings.ToLower(parameters.field("hostNames").text()))
		s.when = both(c, oneOf{attr: attr{"hostname", textKind}, values: anys(hosts)})
		r.s.lost(x.path, "Unleash's SDKs look up the name of their host: here nobody is on a host, until the context brings it as \"hostname\", in lower case")
	default:
		return nil, leftOut(name.path, "the strategy %q is one that an application brings along", name.text())
	}
	return []strategy{s}, nil
}

// rollout reads to whom a strategy is rolled out. Who lacks what it sticks to is
// not enabled.
func (r *featureReader) rollout(s strategy, to string) ([]strategy, error) {
	if s.rollout <= 0 {
		s.when = truth(false)
	}
	if to != "" && to != "default" && to != "random" {
		a, err := r.attribute(value{path: s.path, v: to, in: &input{}})
		if err != nil {
			return nil, err
		}
		s.when = both(s.when, present{a})
	}
	if s.rollout > 0 && s.rollout < 100 {
		r.stick(s.path, to)
	}
	return []strategy{s}, nil
}

// portion reads a percentage, which Unleash keeps as text.
func portion(x value) float64 {
	n, ok := x.v.(float64)
	if !ok {
		var err error
		if n, err = strconv.ParseFloat(x.text(), 64); err != nil && !x.missing() {
			x.refuse("must be a percentage")
		}
	}
	if math.IsNaN(n) || n < 0 || n > 100 {
		x.refuse("must be a percentage")
		return 0
	}
	return n
}

// split reads a list with commas between.
func split(s string) []string {
	out := []string{}
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func anys(texts []string) []any {
	out := make([]any, len(texts))
	for i, s := range texts {
		out[i] = s
	}
	return out
}
