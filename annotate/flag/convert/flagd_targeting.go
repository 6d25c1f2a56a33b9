package convert

import (
	"encoding/json"
	"strings"
)

// maxNodes is how many operations and values a flag's targeting may have with all
// that it refers to.
const maxNodes = 50_000

// targetingReader turns the JsonLogic of flagd, which answers with a variant's
// name, into branches.
type targetingReader struct {
	s     scribe
	file  flagdFile
	key   string
	plan  *plan
	nodes int
	room  *room
	// inEvaluator says that what is read is one of $evaluators, which can't refer to others.
	inEvaluator bool
	// bucketing is what each fractional deals people out by.
	bucketing []bucketing
}

// spend counts what is read.
func (t *targetingReader) spend(x value) error {
	if t.nodes--; t.nodes < 0 {
		return leftOut(x.path, "its targeting has more than %d operations and values", maxNodes)
	}
	return nil
}

// operation splits {"name": args}; ok is false for what JsonLogic takes as it stands.
func operation(x value) (name string, args value, ok bool) {
	o, isObject := x.v.(map[string]any)
	if !isObject || len(o) != 1 {
		return "", value{}, false
	}
	for name := range o {
		return name, x.field(name), true
	}
	return "", value{}, false
}

// resolve returns what a {"$ref": name} refers to.
func (t *targetingReader) resolve(x, ref value) (value, error) {
	if t.inEvaluator {
		return value{}, leftOut(x.path, "one evaluator refers to another, which flagd does not resolve")
	}
	name, ok := ref.v.(string)
	if !ok {
		ref.refuse("must be the name of one of $evaluators")
		return value{}, nil
	}
	to := t.file.evaluators.field(name)
	if to.missing() {
		ref.refuse("must be one of $evaluators: %s", strings.Join(sortedKeys(t.file.evaluators.object()), ", "))
	}
	return to, nil
}

// inside reads what a reference refers to.
func (t *targetingReader) inside(read func() error) error {
	t.inEvaluator = true
	defer func() { t.inEvaluator = false }()
	return read()
}

// branches appends those that x, met on a condition, comes to. They are exhaustive:
// who meets the condition meets one of them.
func (t *targetingReader) branches(x value, when cond) error {
	if err := t.spend(x); err != nil {
		return err
	}
	name, args, ok := operation(x)
	if !ok {
		return t.answer(x, when)
	}
	switch name {
	case "$ref":
		to, err := t.resolve(x, args)
		if err != nil || x.in.err != nil {
			return err
		}
		return t.inside(func() error { return t.branches(to, when) })
	case "if", "?:":
		if args.isList() {
			return t.ifs(args.items(), x, when)
		}
	case "fractional":
		return t.fractional(args, when)
	}
	return t.computed(x, when)
}

// ifs reads condition, answer, condition, answer and so on, and what is left else.
func (t *targetingReader) ifs(items []value, x value, when cond) error {
	for len(items) > 1 {
		c, err := t.cond(items[0])
		if err != nil {
			return err
		}
		then := both(when, c)
		if err := t.room.spend(then, items[0].path); err != nil {
			return err
		}
		if err := t.branches(items[1], then); err != nil {
			return err
		}
		items = items[2:]
	}
	if len(items) == 1 {
		return t.branches(items[0], when)
	}
	return t.answer(value{path: x.path, in: x.in}, when)
}

// add appends a branch.
func (t *targetingReader) add(path string, when cond, then outcome) {
	t.plan.branches = append(t.plan.branches, branch{path: path, when: when, then: then})
}

// answer reads the name of a variant, or null for the default variant.
func (t *targetingReader) answer(x value, when cond) error {
	if x.v == nil {
		t.add(x.path, when, t.plan.rest)
		return nil
	}
	name := variantName(x.v)
	if _, ok := t.plan.variations[name]; !ok {
		return leftOut(x.path, "%s is not one of the variants, which flagd answers with an error, so that the code's default counts for some: GO Feature Flag cannot do that for some", name)
	}
	t.add(x.path, when, outcome{variation: name})
	return nil
}

// variantName is what flagd looks up: the result as JSON with all quotes gone.
func variantName(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(string(text), `"`, "")
}

// computed reads an expression whose value is the name of a variant: one branch
// for each variant that it may be.
func (t *targetingReader) computed(x value, when cond) error {
	is, err := t.expand(x)
	switch name, _, _ := operation(x); {
	case err != nil && !t.yesOrNo(x):
		return err
	case err != nil:
		t.s.lost(x.path, "who has no version there that can be compared may get the default variant from flagd, and gets the variant \"false\" here")
		return t.condition(x, when)
	case boolean(is):
		return t.condition(x, when)
	case name != "starts_with" && name != "ends_with":
		t.s.lost(x.path, "who makes this something else than the name of a variant gets an error and the code's default from flagd, and the default variant here")
	}
	for _, name := range sortedKeys(t.plan.variations) {
		if err := t.room.spend(both(when, logic{is: is}), x.path); err != nil {
			return err
		}
		equal := op("===", is, name)
		if name == "true" || name == "false" {
			equal = op("or", equal, op("===", is, name == "true"))
		}
		t.add(x.path, both(when, logic{is: equal}), outcome{variation: name})
	}
	t.add(x.path, when, t.plan.rest)
	return nil
}

// yesOrNo says that the value of an operation is true or false, or null at most.
func (t *targetingReader) yesOrNo(x value) bool {
	name, args, _ := operation(x)
	switch name {
	case "sem_ver", "starts_with", "ends_with", "!", "!!", "<", "<=", ">", ">=":
		return true
	case "and", "or":
		items, yes := args.v.([]any)
		for _, item := range items {
			yes = yes && (boolean(item) || t.yesOrNo(value{v: item, in: x.in}))
		}
		return yes
	}
	return false
}

// condition reads a condition that stands for the variants "true" and "false".
func (t *targetingReader) condition(x value, when cond) error {
	c, err := t.cond(x)
	if err != nil {
		return err
	}
	if err := t.answer(value{path: x.path, v: true, in: x.in}, both(when, c)); err != nil {
		return err
	}
	return t.answer(value{path: x.path, v: false, in: x.in}, when)
}
