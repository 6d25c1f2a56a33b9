package convert

import (
	"math"
	"strings"
	"unicode/utf8"
)

// cond reads an expression of which only counts whether JsonLogic takes it for true.
func (t *targetingReader) cond(x value) (cond, error) {
	if err := t.spend(x); err != nil {
		return nil, err
	}
	name, args, ok := operation(x)
	if !ok {
		return truth(truthy(x.v)), nil
	}
	switch name {
	case "$ref":
		to, err := t.resolve(x, args)
		if err != nil || x.in.err != nil {
			return truth(false), err
		}
		var c cond
		err = t.inside(func() (err error) { c, err = t.cond(to); return err })
		return c, err
	case "and", "or":
		return t.combined(name, x, args)
	case "!", "!!":
		if args.isList() && len(args.items()) == 1 {
			c, err := t.cond(args.items()[0])
			if err == nil && name == "!" {
				c = not(c)
			}
			return c, err
		}
	case "sem_ver":
		return t.version(args)
	case "starts_with", "ends_with":
		is, err := t.affix(name, args)
		if o, ok := is.(object); ok {
			// Of a condition it does not count whether it is false or null.
			is = object{"and": o["if"].(list)[:2]}
		}
		return logic{is: is}, err
	}
	if c, ok, err := t.time(name, x, args); ok || err != nil {
		return c, err
	}
	is, err := t.expand(x)
	if err != nil {
		return nil, err
	}
	return logic{is: is, plain: plainly(is)}, nil
}

func (t *targetingReader) combined(name string, x, args value) (cond, error) {
	if !args.isList() {
		return nil, leftOut(x.path, "%q needs a list", name)
	}
	var cs []cond
	for _, item := range args.items() {
		c, err := t.cond(item)
		if err != nil {
			return nil, err
		}
		cs = append(cs, c)
	}
	switch {
	case len(cs) == 0:
		return truth(false), nil
	case name == "and":
		return both(cs...), nil
	}
	return either(cs...), nil
}

// truthy is what JsonLogic takes for true.
func truthy(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return false
}

// plainly is what an operation on a text attribute is in GO Feature Flag's own
// language, where it can be.
func plainly(is any) cond {
	o, ok := is.(object)
	if !ok || len(o) != 1 {
		return nil
	}
	for name, args := range o {
		items, ok := args.(list)
		if !ok || len(items) != 2 {
			return nil
		}
		path, isVar := varPath(items[0])
		if !isVar {
			return nil
		}
		values, isList := items[1].(list)
		if text, ok := items[1].(string); ok && name != "in" {
			values, isList = list{text}, true
		}
		if !isList || len(values) == 0 {
			return nil
		}
		is := oneOf{attr: attr{path: path, kind: textKind}, values: values}
		switch name {
		case "==", "===", "in":
			return is
		case "!=", "!==":
			return not(is)
		}
	}
	return nil
}

// varPath is the attribute that {"var": …} names, with no default.
func varPath(v any) (string, bool) {
	o, ok := v.(object)
	if !ok || len(o) != 1 {
		return "", false
	}
	path := o["var"]
	if l, ok := path.(list); ok && len(l) == 1 {
		path = l[0]
	}
	s, ok := path.(string)
	return s, ok && s != ""
}

// version reads sem_ver. flagd reads versions as Go's module system does.
func (t *targetingReader) version(args value) (cond, error) {
	items := args.items()
	if len(items) != 3 {
		return nil, leftOut(args.path, "sem_ver needs a version, an operator and a version")
	}
	path, ok := varPath(items[0].v)
	with, isText := items[2].v.(string)
	if !ok || !isText {
		return nil, leftOut(args.path, "it compares something else than an attribute with a version")
	}
	full, ok := fullVersion(with, true)
	if !ok {
		return truth(false), nil
	}
	a := attr{path: path, kind: textKind}
	t.s.lost(args.path, "who has a version with a v in front, or of fewer than three numbers, is compared by flagd, and here has none")
	operator, _ := items[1].v.(string)
	switch operator {
	case "=", "!=", "<", "<=", ">", ">=":
		return versions{a, map[string]string{"=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}[operator], full}, nil
	case "^", "~":
		from, to := versionRange(full, operator == "^")
		return both(versions{a, "ge", from}, versions{a, "lt", to}), nil
	}
	return truth(false), nil
}

// time reads a comparison of $flagd.timestamp with numbers. It is whole seconds.
func (t *targetingReader) time(name string, x, args value) (c cond, ok bool, err error) {
	if !args.isList() {
		return nil, false, nil
	}
	items := args.items()
	stamp := -1
	if len(items) < 2 {
		return nil, false, nil
	}
	for i, item := range items {
		if path, ok := varPath(item.v); ok && path == "$flagd.timestamp" {
			stamp = i
		}
	}
	if stamp < 0 || name == "if" || name == "?:" {
		return nil, false, nil
	}
	cs := []cond{}
	for i := range len(items) - 1 {
		pair := items[i : i+2]
		op, other := name, pair[1]
		if i != stamp {
			op, other = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}[name], pair[0]
		}
		n, isNumber := other.v.(float64)
		if stamp != i && stamp != i+1 || !isNumber || len(items) > 3 || math.Abs(n) > 1<<40 {
			return nil, false, leftOut(x.path, "it uses the time for something else than a comparison with a number of seconds")
		}
		switch op {
		case ">=":
			cs = append(cs, since(math.Ceil(n)))
		case ">":
			cs = append(cs, since(math.Floor(n)+1))
		case "<":
			cs = append(cs, not(since(math.Ceil(n))))
		case "<=":
			cs = append(cs, not(since(math.Floor(n)+1)))
		default:
			return nil, false, leftOut(x.path, "it uses the time for something else than <, <=, > or >=")
		}
	}
	return both(cs...), true, nil
}

// expand writes an expression without what only flagd has.
func (t *targetingReader) expand(x value) (any, error) {
	if err := t.spend(x); err != nil {
		return nil, err
	}
	if x.isList() {
		out := list{}
		for _, item := range x.items() {
			v, err := t.expand(item)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	}
	name, args, ok := operation(x)
	if !ok {
		return x.v, nil
	}
	switch name {
	case "$ref":
		to, err := t.resolve(x, args)
		if err != nil || x.in.err != nil {
			return nil, err
		}
		var v any
		err = t.inside(func() (err error) { v, err = t.expand(to); return err })
		return v, err
	case "var":
		return t.variable(x, args)
	case "starts_with", "ends_with":
		return t.affix(name, args)
	case "sem_ver", "fractional":
		return nil, leftOut(x.path, "%s stands inside another operation, where GO Feature Flag cannot express it", name)
	case "missing", "missing_some":
		if strings.Contains(variantName(args.v), "targetingKey") {
			t.s.lost(args.path, "the targeting key is never missing here: it is the empty text for who has none")
		}
	}
	to, err := t.expand(args)
	if err != nil {
		return nil, err
	}
	if mayFail(name, to) {
		t.s.lost(x.path, "who makes %q fail, with an attribute that is missing or of another type, gets an error and the code's default from flagd; here the condition does not hold", name)
	}
	return object{name: to}, nil
}

// mayFail says that JsonLogic gives up on arguments of the wrong type.
func mayFail(name string, args any) bool {
	items, _ := args.(list)
	switch name {
	case "in":
		if len(items) != 2 {
			return true
		}
		_, isText := items[0].(string)
		_, isList := items[1].(list)
		return !isText && !isList
	case "+", "-", "*", "/", "%", "min", "max", "abs", "substr", "cat", "reduce":
		for _, item := range items {
			if _, ok := item.(object); ok {
				return true
			}
		}
		return items == nil
	}
	return false
}

// variable reads {"var": …}.
func (t *targetingReader) variable(x, args value) (any, error) {
	path, ok := varPath(x.v)
	if l, isList := args.v.([]any); isList && len(l) > 1 {
		path, ok = l[0].(string)
	}
	if !ok {
		if _, isNumber := args.v.(float64); isNumber || args.v == nil || args.v == "" || args.isList() && len(args.items()) == 0 {
			return object{"var": args.v}, nil
		}
		return nil, leftOut(x.path, "the name of an attribute is computed")
	}
	switch first, _, _ := strings.Cut(path, "."); {
	case path == "$flagd.flagKey":
		return t.key, nil
	case first == "$flagd":
		return nil, leftOut(x.path, "%s is used for something that GO Feature Flag cannot express", path)
	case first == "key":
		t.s.lost(x.path, "GO Feature Flag puts the targeting key there: what a context brings as \"key\" is not seen")
	}
	return object{"var": args.v}, nil
}

// affix writes starts_with and ends_with, which are null for what is no text.
func (t *targetingReader) affix(name string, args value) (any, error) {
	items := args.items()
	if !args.isList() || len(items) != 2 {
		return nil, nil
	}
	of, err := t.expand(items[0])
	if err != nil {
		return nil, err
	}
	text, ok := items[1].v.(string)
	if !ok {
		return nil, leftOut(args.path, "%s compares with something that is no fixed text", name)
	}
	isText := op("in", "", of)
	length := float64(utf8.RuneCountInString(text))
	cut := op("substr", of, float64(0), length)
	if name == "ends_with" {
		cut = op("substr", of, -length)
	}
	if text == "" {
		return op("if", isText, true, nil), nil
	}
	return op("if", isText, op("===", cut, text), nil), nil
}
