package flag

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"

	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"

	"github.com/tidemark/tidemark/annotate"
)

// The limits of a definition. Whatever is past them is refused and not cut.
const (
	MaxVariations    = 100
	MaxVariationName = 100
	MaxRules         = 200
	MaxRuleName      = annotate.MaxName
	MaxSteps         = 100
	MaxQuery         = 8 << 10
	// MaxDefinition is how long a definition may be as JSON, in bytes.
	MaxDefinition = 128 << 10
)

// keyPattern is what needs no escaping in a URL, a file name or a label.
const keyPattern = `^[A-Za-z0-9_][A-Za-z0-9_.:~-]*$`

// ValidateKey returns an Invalid error where no flag may have the key.
func ValidateKey(key string) error {
	if ok, _ := regexp.MatchString(keyPattern, key); !ok || len(key) > annotate.MaxName {
		return invalid("key", key, "must be of letters, digits, '_', '.', ':', '~' and '-', beginning with a letter, a digit or '_', and at most %d long", annotate.MaxName)
	}
	return nil
}

// Validate returns what is wrong with a definition, joined; each is an
// *annotate.Error with its path in Field, such as
// "new-checkout.targeting[0].percentage.on", which begins with at. It takes
// percentages that do not add up to 100 as weights.
func Validate(at string, d Definition) error {
	v := validator{problems: &problems{}}
	v.definition(at, d)
	return v.err()
}

// Validate returns what is wrong with f, joined.
func (f Flag) Validate() error {
	p := &problems{}
	p.addErr(ValidateKey(f.Key))
	p.addErr(Validate(f.Key, f.Definition))
	p.addErr(f.Allocation.Validate())
	if f.Ramp != nil {
		p.addErr(prefixed("ramp", f.Ramp.Validate()))
	}
	if len(f.Schedule) > MaxSchedule {
		p.add("schedule", len(f.Schedule), "has %d entries; at most %d are kept", len(f.Schedule), MaxSchedule)
	}
	for i, s := range f.Schedule {
		p.addErr(prefixed(fmt.Sprintf("schedule[%d].do", i), s.Do.Validate()))
	}
	return p.err()
}

type validator struct {
	*problems
	// sums says that percentages must add up to 100.
	sums bool
}

func (v validator) definition(at string, d Definition) {
	before := len(v.list)
	f := internal(d)
	v.variations(under(at, "variations"), f)
	if len(f.GetBucketingKey()) > annotate.MaxName {
		v.add(under(at, "bucketingKey"), nil, "is %d bytes long; at most %d are read", len(f.GetBucketingKey()), annotate.MaxName)
	}
	if f.DefaultRule == nil {
		v.add(under(at, "defaultRule"), nil, "is missing; say what everyone gets whom no targeting rule catches")
	} else {
		v.rule(under(at, "defaultRule"), f.DefaultRule, true, f)
	}
	for i := range f.GetRules() {
		v.rule(fmt.Sprintf("%s[%d]", under(at, "targeting"), i), &f.GetRules()[i], false, f)
	}
	v.ruleNames(under(at, "targeting"), f)
	v.experiment(under(at, "experimentation"), f.Experimentation)
	v.metadata(under(at, "metadata"), d)
	if size := jsonSize(d); size > MaxDefinition {
		v.add(at, size, "is %d bytes of JSON; at most %d are kept", size, MaxDefinition)
	}
	v.stepForms(under(at, "scheduledRollout"), d)
	if len(v.list) > before {
		return // what steps lead to is told when that from which they start is right
	}
	v.steps(under(at, "scheduledRollout"), d)
	v.library(at, f)
}

// library asks GO Feature Flag itself, for what newer versions of it may check.
func (v validator) library(at string, f *flag.InternalFlag) {
	defer func() {
		if cause := recover(); cause != nil {
			v.add(at, nil, "makes GO Feature Flag fail: %v", cause)
		}
	}()
	if err := f.IsValid(); err != nil {
		v.add(at, nil, "is refused by GO Feature Flag: %v", err)
	}
}

func (v validator) variations(at string, f *flag.InternalFlag) {
	variations := f.GetVariations()
	switch {
	case len(variations) == 0:
		v.add(at, nil, "has none; say at least one, as in {\"on\": true, \"off\": false}")
	case len(variations) > MaxVariations:
		v.add(at, len(variations), "has %d variations; at most %d are kept", len(variations), MaxVariations)
	}
	first := ""
	for _, name := range sortedKeys(variations) {
		path, value := under(at, name), variations[name]
		switch {
		case name == "" || len(name) > MaxVariationName || !isLine(name):
			v.add(path, name, "must have a name of one line, and at most %d bytes", MaxVariationName)
		case name == CodeDefault:
			v.add(path, name, "must have another name; this one stands for the default of the code")
		}
		if value == nil || *value == nil {
			v.add(path, nil, "is null; say a value")
			continue
		}
		kind := typeOf(*value)
		if first == "" {
			first = kind
		}
		if kind != first {
			v.add(path, nil, "is a %s, where %q is a %s; all must be of one type", kind, sortedKeys(variations)[0], first)
		}
	}
}

func typeOf(value any) string {
	switch value.(type) {
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "list"
	case map[string]any:
		return "object"
	default:
		return "number"
	}
}

func (v validator) ruleNames(at string, f *flag.InternalFlag) {
	rules := f.GetRules()
	if len(rules) > MaxRules {
		v.add(at, len(rules), "has %d rules; at most %d are kept", len(rules), MaxRules)
	}
	seen := make(map[string]int)
	for i := range rules {
		name := rules[i].GetName()
		path := fmt.Sprintf("%s[%d].name", at, i)
		if other, twice := seen[name]; twice && name != "" {
			v.add(path, name, "is the name of targeting[%d] as well; say another", other)
		}
		if len(name) > MaxRuleName {
			v.add(path, len(name), "is %d bytes long; at most %d are kept", len(name), MaxRuleName)
		}
		seen[name] = i
	}
}

func (v validator) experiment(at string, e *flag.ExperimentationRollout) {
	if e == nil {
		return
	}
	switch {
	case e.Start == nil && e.End == nil:
		v.add(at, nil, "has neither start nor end; say one, or leave it out")
	case e.Start != nil && e.End != nil && !e.End.After(*e.Start):
		v.add(under(at, "end"), *e.End, "must be after start")
	}
}

// rule checks a rule; what is disabled is checked when a step enables it, as GO Feature Flag does.
func (v validator) rule(at string, r *flag.Rule, fallback bool, f *flag.InternalFlag) {
	if len(r.GetQuery()) > MaxQuery {
		v.add(under(at, "query"), len(r.GetQuery()), "is %d bytes long; at most %d are read", len(r.GetQuery()), MaxQuery)
		return
	}
	if !fallback && r.IsDisable() {
		return
	}
	if !fallback {
		v.query(under(at, "query"), r)
	}
	if r.Percentages == nil && r.ProgressiveRollout == nil && r.VariationResult == nil {
		v.add(at, nil, "gives nothing; say variation, percentage or progressiveRollout")
	}
	if r.Percentages != nil {
		v.percentages(under(at, "percentage"), *r.Percentages, f)
	}
	if r.ProgressiveRollout != nil {
		v.progressive(under(at, "progressiveRollout"), r.ProgressiveRollout, f)
	}
	if r.Percentages == nil && r.ProgressiveRollout == nil && r.VariationResult != nil {
		v.variation(under(at, "variation"), *r.VariationResult, f)
	}
}

func (v validator) variation(at, name string, f *flag.InternalFlag) {
	if _, ok := f.GetVariations()[name]; !ok {
		names := sortedKeys(f.GetVariations())
		v.add(at, name, "there is no variation %q%s; there are %s", name, didYouMean(name, names), or(names, "none"))
	}
}

func (v validator) query(at string, r *flag.Rule) {
	if r.Query == nil {
		v.add(at, nil, "is missing; say whom the rule is for, as in targetingKey eq \"u1\"")
		return
	}
	if err := checkQuery(r); err != nil {
		v.add(at, r.GetQuery(), "%v", err)
	}
}

func (v validator) percentages(at string, percentages map[string]float64, f *flag.InternalFlag) {
	if len(percentages) == 0 {
		v.add(at, nil, "is empty; say percentages by variation")
		return
	}
	sum := 0.0
	for _, name := range sortedKeys(percentages) {
		value := percentages[name]
		sum += value
		v.variation(under(at, name), name, f)
		if math.IsNaN(value) || value < 0 || value > 100 {
			v.add(under(at, name), value, "must be from 0 to 100")
		}
	}
	switch {
	case bucketsOf(percentages) == 0:
		v.add(at, sum, "adds up to nothing; it must be 100")
	case v.sums && math.Abs(sum-100) > 1e-6:
		v.add(at, sum, "adds up to %v; it must be 100", thousandth(sum))
	}
}

func (v validator) progressive(at string, r *flag.ProgressiveRollout, f *flag.InternalFlag) {
	complete := true
	ends := []struct {
		name string
		step *flag.ProgressiveRolloutStep
	}{{"initial", r.Initial}, {"end", r.End}}
	for _, end := range ends {
		path := under(at, end.name)
		if end.step == nil {
			v.add(path, nil, "is missing; a progressive rollout has initial and end")
			complete = false
			continue
		}
		if end.step.Variation == nil {
			v.add(under(path, "variation"), nil, "is missing")
		} else {
			v.variation(under(path, "variation"), *end.step.Variation, f)
		}
		if p := percentage(end.step); math.IsNaN(p) || p < 0 || p > 100 {
			v.add(under(path, "percentage"), p, "must be from 0 to 100")
		}
		if end.step.Date == nil {
			v.add(under(path, "date"), nil, "is missing; say when")
			complete = false
		}
	}
	if !complete {
		return
	}
	switch {
	case r.End.Percentage == nil && percentage(r.Initial) > 0:
		v.add(under(at, "end.percentage"), nil, "is missing; say 100, or where it ends")
	case percentage(r.End) < percentage(r.Initial):
		v.add(under(at, "end.percentage"), percentage(r.End), "must not be below initial.percentage, which is %v", percentage(r.Initial))
	}
	if r.End.Date.Unix() <= r.Initial.Date.Unix() {
		v.add(under(at, "end.date"), *r.End.Date, "must be at least a second after initial.date")
	}
}

func jsonSize(value any) int {
	data, err := json.Marshal(value)
	if err != nil {
		return math.MaxInt
	}
	return len(data)
}
