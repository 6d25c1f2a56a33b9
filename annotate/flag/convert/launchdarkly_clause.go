package convert

import (
	"strings"
	"time"
)

// attribute is the attribute that one of LaunchDarkly's contexts is here.
func (r *darklyReader) attribute(kind, ref string, x value) (attr, error) {
	parts := []string{ref}
	if strings.HasPrefix(ref, "/") {
		parts = strings.Split(ref[1:], "/")
		for i := range parts {
			parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(parts[i])
		}
	}
	for _, part := range parts {
		if part == "" || strings.Contains(part, ".") {
			return attr{}, leftOut(x.path, "GO Feature Flag cannot look at an attribute of the name %q", ref)
		}
	}
	if kind != "" && kind != "user" {
		r.s.differs(r.flag.top.path, "a context of the kind %[1]q is the attribute %[1]q here, an object with its key and what else it has", kind)
		return attr{path: kind + "." + strings.Join(parts, "."), kind: listKind}, nil
	}
	if ref == "key" {
		return targetingKey, nil
	}
	if parts[0] == "targetingKey" || parts[0] == "gofeatureflag" {
		return attr{}, leftOut(x.path, "GO Feature Flag cannot look at an attribute of the name %q", ref)
	}
	return attr{path: strings.Join(parts, "."), kind: listKind}, nil
}

// clauses holds where all do.
func (r *darklyReader) clauses(x value) (cond, error) {
	all := cond(truth(true))
	for _, c := range x.items() {
		is, err := r.clause(c)
		if err == nil {
			err = r.room.spend(is, c.path)
		}
		if err != nil {
			return nil, err
		}
		all = both(all, is)
	}
	return all, nil
}

// clause holds where one of its values does. Who lacks the attribute never meets
// it, negated or not.
func (r *darklyReader) clause(x value) (cond, error) {
	op := x.field("op").required("a clause has its operator there").text()
	values, negate := x.field("values").items(), x.field("negate").truth()
	if op == "segmentMatch" {
		is, err := r.inSegments(values)
		if err == nil && negate {
			is = not(is)
		}
		return is, err
	}
	name := x.field("attribute").required("it is the name of an attribute").text()
	if name == "kind" {
		return r.ofKind(x, op, values, negate)
	}
	a, err := r.attribute(x.field("contextKind").text(), name, x.field("attribute"))
	if err != nil {
		return nil, err
	}
	is, err := r.test(op, a, values, x)
	if err != nil {
		return nil, err
	}
	if !negate {
		return is, nil
	}
	if a == targetingKey {
		return not(is), nil
	}
	return both(present{a}, not(is)), nil
}

// ofKind asks for the kind of a context, which is a user where it does not say.
func (r *darklyReader) ofKind(x value, name string, values []value, negate bool) (cond, error) {
	if name != "in" {
		return nil, leftOut(x.path, "it compares the kind of a context by %q", name)
	}
	kinds := list{}
	for _, v := range values {
		kinds = append(kinds, v.text())
	}
	r.s.differs(x.path, "the kind of a context is its attribute \"kind\" here, and \"user\" for who has none")
	is := cond(logic{is: op("in", op("var", "kind", "user"), kinds)})
	if negate {
		is = not(is)
	}
	return is, nil
}

func (r *darklyReader) test(op string, a attr, values []value, x value) (cond, error) {
	if op == "in" {
		scalars := []any{}
		for _, v := range values {
			if _, isText := v.v.(string); !isText && a.kind == keyKind || v.isList() || v.isObject() || v.missing() {
				continue // nothing equals it
			}
			scalars = append(scalars, v.v)
		}
		if len(scalars) == 0 {
			return truth(false), nil
		}
		return oneOf{attr: a, values: scalars}, nil
	}
	var any []cond
	for _, v := range values {
		is, err := r.testOne(op, a, v, x)
		if err != nil {
			return nil, err
		}
		any = append(any, is)
	}
	return either(any...), nil
}

func (r *darklyReader) testOne(op string, a attr, v, x value) (cond, error) {
	text, isText := v.v.(string)
	number, isNumber := v.v.(float64)
	switch op {
	case "startsWith", "endsWith", "contains":
		how := map[string]place{"startsWith": atStart, "endsWith": atEnd, "contains": anywhere}[op]
		if !isText {
			return truth(false), nil
		}
		return matches{attr: a, how: how, text: text}, nil
	case "matches":
		is, ok := literally(a, text)
		if !isText || !ok {
			return nil, leftOut(v.path, "GO Feature Flag has no regular expressions, and this one is more than a text")
		}
		return is, nil
	case "lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual":
		if !isNumber || a.kind == keyKind {
			return truth(false), nil
		}
		return compares{a, map[string]string{"lessThan": "<", "lessThanOrEqual": "<=", "greaterThan": ">", "greaterThanOrEqual": ">="}[op], number}, nil
	case "before", "after":
		if isText {
			if t, err := time.Parse(time.RFC3339, text); err == nil {
				number, isNumber = float64(t.UnixMilli()), true
			}
		}
		if !isNumber {
			return truth(false), nil
		}
		r.s.lost(x.path, "who has the date %s as text, and not as a number of milliseconds, does not meet the clause", a.path)
		return compares{a, map[string]string{"before": "<", "after": ">"}[op], number}, nil
	case "semVerEqual", "semVerLessThan", "semVerGreaterThan":
		full, ok := fullVersion(text, false)
		if !ok {
			return truth(false), nil
		}
		r.s.lost(x.path, "who has a version of fewer than three numbers is compared by LaunchDarkly, and here has none")
		return versions{a, map[string]string{"semVerEqual": "eq", "semVerLessThan": "lt", "semVerGreaterThan": "gt"}[op], full}, nil
	}
	return nil, leftOut(x.field("op").path, "GO Feature Flag has nothing like the operator %q", op)
}
