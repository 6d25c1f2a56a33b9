package convert

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tidemark/tidemark/annotate/flag"
)

// darklyReader turns one of LaunchDarkly's flags into a plan.
type darklyReader struct {
	s     scribe
	file  *darklyFile
	flag  *darklyFlag
	state value // what it is in the environment
	names []string

	room      *room
	bucketing []bucketing
	// segments are those that the one that is read is in.
	segments []string
}

const darklyBuckets = "the shares stay, and people are dealt out anew: LaunchDarkly takes SHA-1 of the flag's key, its salt and %[1]s, GO Feature Flag FNV-1a of the flag's key and %[1]s"

func (r *darklyReader) plan() (*plan, error) {
	x := r.flag.top
	p := &plan{path: x.path, variations: map[string]any{}}
	if r.flag.alone {
		p.variations["value"] = x.v
		p.rest = outcome{variation: "value"}
		return p, nil
	}
	if x.field("archived").truth() || x.field("deleted").truth() {
		return nil, leftOut(x.path, "it is archived")
	}
	r.variations(p)
	r.metadata(p)
	r.state = x
	if environments := x.field("environments"); !environments.missing() {
		r.state = environments.field(r.file.environment)
		if r.state.missing() {
			return nil, leftOut(environments.path, "the file does not have it in %s", r.file.environment)
		}
	} else if x.field("on").missing() {
		return nil, leftOut(x.path, "the file does not say whether it is on: ask LaunchDarkly for the flag with its environments")
	}
	off := r.index(r.state.field("offVariation"))
	on := r.state.field("on").truth()
	if !on {
		p.off, p.rest = off.variation != "", off
		p.silent = off.variation == ""
	}
	then, err := r.fill(p, off)
	if err == nil {
		if on || p.silent {
			p.rest = then
		} else if then.dealt() || then.variation != off.variation {
			p.branches = append(p.branches, branch{name: "fallthrough", path: r.state.field("fallthrough").path, when: truth(true), then: then})
		}
	}
	if u, ok := errors.AsType[*unfit](err); ok && !on {
		r.s.lost(u.path, "as long as the flag is off nobody misses its rules, which are gone: %s", u.text)
		p.branches = nil
	} else if err != nil {
		return nil, err
	}
	if p.off {
		r.s.differs(under(r.state.path, "on"), "it is off%s: everybody gets %q, and its rules are kept, disabled each", inEnvironment(r.file.environment), off.variation)
	}
	r.chooseBucketing(p)
	return p, nil
}

// fill adds the branches, and returns what who meets none of them gets.
func (r *darklyReader) fill(p *plan, off outcome) (outcome, error) {
	met, err := r.prerequisites()
	if err != nil {
		return outcome{}, err
	}
	if met != truth(true) {
		p.branches = append(p.branches, branch{path: r.state.field("prerequisites").path, when: not(met), then: off})
	}
	if err := r.targets(p); err != nil {
		return outcome{}, err
	}
	for _, x := range r.state.field("rules").items() {
		if x.field("disabled").truth() {
			r.s.differs(x.path, "a rule that is disabled is gone")
			continue
		}
		when, err := r.clauses(x.field("clauses"))
		if err != nil {
			return outcome{}, err
		}
		then, err := r.outcome(x)
		if err != nil {
			return outcome{}, err
		}
		p.branches = append(p.branches, branch{name: x.field("description").text(), path: x.path, when: when, then: then})
	}
	return r.outcome(r.state.field("fallthrough"))
}

// variations names the variations: by their names, or by their values where those
// are short, and each once.
func (r *darklyReader) variations(p *plan) {
	list := r.flag.top.field("variations").required("a flag has its variations there").items()
	if len(list) == 0 {
		r.flag.top.field("variations").refuse("must have at least one variation")
	}
	for i, x := range list {
		v, name := x, ""
		// The REST API has objects around the values, the SDKs' data has the values.
		if o := x; o.isObject() && (o.object()["_id"] != nil || r.flag.top.object()["environments"] != nil) {
			v, name = x.field("value"), x.field("name").text()
		}
		if len(name) > flag.MaxVariationName {
			name = ""
		}
		if name == "" {
			switch value := v.v.(type) {
			case bool:
				name = strconv.FormatBool(value)
			case string:
				if len(value) <= 40 && value != "" {
					name = value
				}
			}
		}
		if name == "" {
			name = "variation-" + strconv.Itoa(i)
		}
		name = unique(func(n string) bool { _, ok := p.variations[n]; return ok }, name)
		p.variations[name] = v.v
		r.names = append(r.names, name)
	}
	r.flag.names = r.names
}

// index reads which variation is meant; none where it is not said.
func (r *darklyReader) index(x value) outcome {
	i := x.count()
	switch {
	case i < 0:
		return outcome{}
	case i >= len(r.names):
		x.refuse("the flag has no variation of this number: it has %d, which count from 0", len(r.names))
		return outcome{}
	}
	return outcome{variation: r.names[i]}
}

func (r *darklyReader) metadata(p *plan) {
	x := r.flag.top
	p.metadata = map[string]any{}
	for _, field := range []string{"name", "description"} {
		if text := x.field(field).text(); text != "" {
			p.metadata[field] = text
		}
	}
	if tags := x.field("tags").texts(); len(tags) > 0 {
		p.metadata["tags"] = strings.Join(tags, ", ")
	}
	if t := x.field("temporary"); !t.missing() {
		p.metadata["permanent"] = !t.truth()
	}
	if owner := x.field("_maintainer").field("email").text(); owner != "" {
		p.metadata["owner"] = owner
	}
	if a := x.field("clientSideAvailability"); !a.missing() {
		web := a.field("usingEnvironmentId").truth() || a.field("usingEnvironmentID").truth()
		if !web {
			r.s.lost(a.path, "LaunchDarkly keeps it from browsers: here whoever may evaluate flags may evaluate this one")
		}
	}
	if release := x.field("releasePipelineKey"); release.text() != "" {
		r.s.lost(release.path, "the release that goes from environment to environment does not go on here")
	}
	if !x.field("migrationSettings").missing() || !x.field("migration").missing() {
		r.s.lost(x.path, "it leads a migration: its stages are variations like others here, with no checks of consistency")
	}
}

// prerequisites is the condition that all flags hold that this one depends on.
func (r *darklyReader) prerequisites() (cond, error) {
	all := cond(truth(true))
	for _, x := range r.state.field("prerequisites").items() {
		key := x.field("key").required("it is the key of another flag").text()
		other, ok := r.file.flags[key]
		if !ok {
			return nil, leftOut(x.path, "it depends on %q, which is not in the file", key)
		}
		p, err := r.file.planOf(other)
		if err != nil {
			return nil, leftOut(x.path, "it depends on %q, which is left out: %v", key, err)
		}
		names := &darklyReader{names: other.names}
		is := cond(truth(false))
		if !p.off && !p.silent {
			is, ok = p.whenGives(names.index(x.field("variation").required("it is the number of a variation")).variation)
		}
		if !ok {
			return nil, leftOut(x.path, "it depends on %q, which deals out shares, for which GO Feature Flag deals out anew, or has too many rules to copy", key)
		}
		if err := r.room.spend(is, x.path); err != nil {
			return nil, err
		}
		r.s.lost(x.path, "GO Feature Flag has no prerequisites: what %q is now is copied into the rules, and does not follow when it changes", key)
		all = both(all, is)
	}
	return all, nil
}

// targets are those who are named one by one.
func (r *darklyReader) targets(p *plan) error {
	targets, contexts := r.state.field("targets").items(), r.state.field("contextTargets").items()
	list := contexts
	if len(contexts) == 0 {
		list = targets
	}
	done := []string{}
	add := func(x value) error {
		values := anys(x.field("values").texts())
		a, err := r.attribute(x.field("contextKind").text(), "key", x)
		then := r.index(x.field("variation").required("it is the number of a variation"))
		if len(values) > 0 && err == nil {
			p.branches = append(p.branches, branch{path: x.path, when: oneOf{attr: a, values: values}, then: then})
		}
		done = append(done, x.path)
		return err
	}
	for _, x := range list {
		// An empty one stands for that of the older list of users.
		if kind := x.field("contextKind").text(); (kind == "" || kind == "user") && len(x.field("values").items()) == 0 {
			i := slices.IndexFunc(targets, func(t value) bool { return t.field("variation").count() == x.field("variation").count() })
			if i < 0 {
				continue
			}
			x = targets[i]
		}
		if err := add(x); err != nil {
			return err
		}
	}
	// The REST API has users in one list and the other kinds in the other.
	for _, x := range targets {
		if !slices.Contains(done, x.path) {
			if err := add(x); err != nil {
				return err
			}
		}
	}
	return nil
}

// automatic are the fields of what LaunchDarkly goes on to change by itself.
var automatic = []string{"progressiveRolloutConfiguration", "guardedRolloutConfiguration", "releaseGuardianConfiguration", "measuredRolloutConfiguration"}

// outcome reads a variation or a rollout.
func (r *darklyReader) outcome(x value) (outcome, error) {
	for _, name := range automatic {
		if field := x.field(name); !field.missing() {
			r.s.lost(field.path, "LaunchDarkly goes on to change the shares by itself: here they stay as they are now")
		}
	}
	if v := x.field("variation"); !v.missing() {
		return r.index(v), nil
	}
	rollout := x.field("rollout")
	list := rollout.field("variations").items()
	if len(list) == 0 {
		return outcome{}, leftOut(x.path, "it has neither a variation nor a rollout, which LaunchDarkly answers with an error")
	}
	r.unknownTo(rollout)
	shares, left := []share{}, float64(buckets)
	for i, v := range list {
		w := min(v.field("weight").number(), left)
		if w < 0 {
			v.field("weight").refuse("must not be negative")
		}
		// The last one has what the weights leave.
		if i == len(list)-1 {
			w = left
		}
		left -= w
		shares = append(shares, share{r.index(v.field("variation").required("it is the number of a variation")).variation, w})
	}
	out, _ := deal(shares)
	if !out.dealt() {
		return out, nil
	}
	return out, r.bucket(rollout)
}

// bucket reads what a rollout deals people out by.
func (r *darklyReader) bucket(x value) error {
	by := x.field("bucketBy").text()
	if x.field("kind").text() == "experiment" {
		by = ""
		r.s.lost(x.path, "it is an experiment: nobody is left out of what is measured, and what it measures is not here")
	}
	if by == "" {
		by = "key"
	}
	a, err := r.attribute(x.field("contextKind").text(), by, x)
	if err != nil {
		return err
	}
	if a == targetingKey {
		a.path = ""
	}
	if !x.field("seed").missing() {
		r.s.differs(x.field("seed").path, "a seed keeps people together over several flags: here each flag deals them out for itself")
	}
	r.bucketing = append(r.bucketing, bucketing{x.path, a.path})
	return nil
}

// chooseBucketing says what the flag's shares are dealt out by.
func (r *darklyReader) chooseBucketing(p *plan) {
	if len(r.bucketing) == 0 || !slices.ContainsFunc(append(p.branches, branch{then: p.rest}), func(b branch) bool { return b.then.dealt() }) {
		return
	}
	by := r.bucketing[0]
	for _, b := range r.bucketing {
		if b.attribute != by.attribute {
			r.s.lost(b.path, "GO Feature Flag deals out by one attribute for all rules of a flag: here it is the targeting key, so that those whom another keeps together may get different variations")
			by = bucketing{path: b.path}
			break
		}
	}
	what, lacks := by.attribute, fmt.Sprintf("no text as %s", by.attribute)
	if by.attribute == "" {
		what, lacks = "the targeting key", "no targeting key"
	}
	r.s.differs(by.path, darklyBuckets, what)
	instead := "LaunchDarkly gives the first variation of a rollout"
	if p.off {
		instead = fmt.Sprintf("LaunchDarkly gives %q as long as the flag is off", p.rest.variation)
	}
	r.s.lost(by.path, "who has %s gets an error and the code's default, from all rules of the flag; %s", lacks, instead)
	p.bucketBy = by.attribute
}
