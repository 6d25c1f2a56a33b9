package convert

import (
	"math"
)

// bucketing is the attribute that a fractional deals people out by.
type bucketing struct {
	path      string // where it stands
	attribute string // "" is the targeting key
}

const flagdBuckets = "the shares stay, and people are dealt out anew: flagd takes murmur3 of its bucketing value, GO Feature Flag FNV-1a of the flag's key and %s"

// fractional reads the operation that deals people out by weights.
func (t *targetingReader) fractional(args value, when cond) error {
	if !args.isList() || len(args.items()) == 0 {
		return leftOut(args.path, "fractional needs a list of variants with their weights")
	}
	items := args.items()
	if items[0].missing() {
		items = items[1:]
		t.bucketing = append(t.bucketing, bucketing{path: args.path})
	} else if !items[0].isList() {
		by, err := t.bucketValue(items[0])
		if err != nil {
			return err
		}
		t.bucketing = append(t.bucketing, by)
		items = items[1:]
	} else {
		t.bucketing = append(t.bucketing, bucketing{path: args.path})
	}
	if r, ok := t.rampOf(items); ok {
		t.add(args.path, when, outcome{ramp: r})
		return nil
	}
	shares := []share{}
	for _, item := range items {
		s, err := t.share(item)
		if err != nil {
			return err
		}
		shares = append(shares, s)
	}
	out, total := deal(shares)
	switch {
	case total > math.MaxInt32:
		return leftOut(args.path, "its weights add up to more than %d, which flagd answers with an error", math.MaxInt32)
	case total == 0:
		out = t.plan.rest
	case !out.dealt():
		// flagd gives the default variant to who has no targeting key.
		if by := t.bucketing[len(t.bucketing)-1]; by.attribute == "" {
			t.add(args.path, both(when, present{targetingKey}), out)
			out = t.plan.rest
		}
	}
	t.add(args.path, when, out)
	return nil
}

// share reads a variant with its weight, which is 1 where it is left out.
func (t *targetingReader) share(x value) (share, error) {
	items := x.items()
	if !x.isList() || len(items) == 0 {
		return share{}, leftOut(x.path, "a variant with its weight is a list, such as [\"on\", 50]")
	}
	out := share{weight: 1}
	if len(items) > 1 && !items[1].missing() {
		n, ok := items[1].v.(float64)
		if !ok {
			return out, leftOut(items[1].path, "a weight is computed")
		}
		if n != math.Trunc(n) {
			return out, leftOut(items[1].path, "a weight is no whole number, which flagd answers with an error")
		}
		out.weight = max(n, 0)
	}
	if _, _, ok := operation(items[0]); ok || items[0].isList() || items[0].isObject() {
		return out, leftOut(items[0].path, "a variant is computed")
	}
	if items[0].missing() {
		out.variation = t.plan.rest.variation
		if out.variation == "" {
			return out, leftOut(items[0].path, "a share of the people gets no variant, so that the code's default counts for them")
		}
		return out, nil
	}
	out.variation = variantName(items[0].v)
	if _, ok := t.plan.variations[out.variation]; !ok {
		return out, leftOut(items[0].path, "%s is not one of the variants, which flagd answers with an error for a share of the people", out.variation)
	}
	return out, nil
}

// rampOf reads weights that the time makes, one growing from 0 as the other goes
// down to 0: {"-": [time, start]} and {"-": [end, time]}.
func (t *targetingReader) rampOf(items []value) (*ramp, bool) {
	if len(items) != 2 {
		return nil, false
	}
	var r ramp
	for _, item := range items {
		parts, ok := item.v.([]any)
		if !ok || len(parts) != 2 {
			return nil, false
		}
		name := variantName(parts[0])
		if _, ok := t.plan.variations[name]; !ok {
			return nil, false
		}
		minus, ok := parts[1].(object)
		args, isList := minus["-"].(list)
		if !ok || !isList || len(minus) != 1 || len(args) != 2 {
			return nil, false
		}
		for i, arg := range args {
			n, isNumber := arg.(float64)
			path, isVar := varPath(args[1-i])
			if !isNumber || !isVar || path != "$flagd.timestamp" || n != math.Trunc(n) || math.Abs(n) > 1<<40 {
				continue
			}
			if i == 1 {
				r.to, r.start = name, int64(n)
			} else {
				r.from, r.end = name, int64(n)
			}
		}
	}
	return &r, r.from != "" && r.to != "" && r.from != r.to && r.start < r.end
}

// bucketValue reads the expression that people are dealt out by.
func (t *targetingReader) bucketValue(x value) (bucketing, error) {
	by := bucketing{path: x.path}
	if path, ok := varPath(x.v); ok {
		by.attribute = path
		t.s.differs(x.path, "flagd deals out the same people for all flags that take %q alone; here each flag does for itself", path)
	} else if path, ok := concatenated(x); ok {
		by.attribute = path
	} else if name, _, isOperation := operation(x); isOperation {
		t.s.lost(x.path, "the value of %q that people are dealt out by is not an attribute: here the targeting key is taken, so that those whom it keeps together may get different variants", name)
		return by, nil
	} else {
		return by, leftOut(x.path, "people are dealt out by a fixed value, so that all get one and the same variant")
	}
	if by.attribute == "targetingKey" {
		by.attribute = ""
	}
	return by, nil
}

// concatenated is the only attribute in a "cat" of it, the flag's key and fixed texts.
func concatenated(x value) (path string, ok bool) {
	name, args, _ := operation(x)
	if name != "cat" || !args.isList() {
		return "", false
	}
	for _, item := range args.items() {
		p, isVar := varPath(item.v)
		_, isText := item.v.(string)
		switch {
		case isText || p == "$flagd.flagKey":
		case isVar && path == "":
			path = p
		default:
			return "", false
		}
	}
	return path, path != ""
}

// chooseBucketing says what the flag's shares are dealt out by: GO Feature Flag
// has one attribute for all rules of a flag.
func (t *targetingReader) chooseBucketing() {
	dealt := false
	for _, b := range t.plan.branches {
		dealt = dealt || b.then.dealt()
	}
	if !dealt {
		return
	}
	first := t.bucketing[0]
	for _, b := range t.bucketing {
		if b.attribute != first.attribute {
			t.s.lost(b.path, "GO Feature Flag deals out by one attribute for all rules of a flag: here it is the targeting key, so that those whom another keeps together may get different variants")
			first = bucketing{path: b.path}
			break
		}
	}
	if first.attribute == "" {
		t.s.differs(first.path, flagdBuckets, "the targeting key")
		t.s.lost(first.path, "who has no targeting key gets an error and the code's default, from all rules of the flag; flagd gives the default variant, and only where it deals out")
		return
	}
	t.plan.bucketBy = first.attribute
	t.s.differs(first.path, flagdBuckets, first.attribute)
	t.s.lost(first.path, "who has no text as %s gets an error and the code's default, from all rules of the flag; flagd deals those out as well, or all into one variant", first.attribute)
}
