package convert

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// The JsonLogic that is written here says what it means whatever an attribute's
// type is: an operation that fails fails the whole query in GO Feature Flag's
// evaluator, also under a negation.

type (
	object = map[string]any
	list   = []any
)

func op(name string, args ...any) object { return object{name: args} }

func variable(path string) object { return object{"var": path} }

// jsonLogic writes a condition as a JsonLogic query; why says what it cannot, or is empty.
func jsonLogic(c cond) (query, why string) {
	is, why := render(c)
	if why != "" {
		return "", why
	}
	// GO Feature Flag looks at the text of the result, for which {} and -0 are true.
	if !boolean(is) {
		is = op("!!", is)
	}
	text, err := marshal(is)
	if err != nil {
		return "", err.Error()
	}
	return text, ""
}

func marshal(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return string(bytes.TrimSpace(b.Bytes())), nil
}

// boolean says that the result is true or false, and nothing else.
func boolean(is any) bool {
	o, ok := is.(object)
	if !ok || len(o) != 1 {
		return false
	}
	for name, args := range o {
		switch name {
		case "==", "===", "!=", "!==", "<", "<=", ">", ">=", "!", "!!", "in", "some", "all", "none", "contains_any":
			return true
		case "and", "or":
			items, ok := args.(list)
			for _, item := range items {
				ok = ok && boolean(item)
			}
			return ok && len(items) > 0
		}
	}
	return false
}

func render(c cond) (is any, why string) {
	switch c := c.(type) {
	case truth:
		return op("==", float64(1), map[bool]float64{true: 1, false: 0}[bool(c)]), ""
	case allOf:
		return renderAll("and", c)
	case anyOf:
		return renderAll("or", c)
	case notOf:
		is, why = render(c.of)
		return op("!", is), why
	case oneOf:
		return c.logic(), ""
	case matches:
		if c.fold {
			return nil, "it takes upper and lower case for the same, which JsonLogic cannot"
		}
		return c.attr.each(c.test), ""
	case compares:
		return c.attr.each(c.test), ""
	case present:
		switch c.attr.kind {
		case keyKind:
			return op("!!", c.attr.value()), ""
		case textKind:
			return op("!==", c.attr.value(), ""), ""
		}
		return op("!==", variable(c.attr.path), nil), ""
	case logic:
		return c.is, ""
	case versions:
		return nil, "it compares versions, which JsonLogic cannot"
	}
	return nil, "it depends on the time"
}

func renderAll(name string, cs []cond) (is any, why string) {
	args := list{}
	for _, c := range cs {
		arg, why := render(c)
		if why != "" {
			return nil, why
		}
		args = append(args, arg)
	}
	return object{name: args}, ""
}

// value is the attribute as its kind takes it.
func (a attr) value() any {
	v := variable(a.path)
	if a.kind != textKind {
		return v
	}
	return op("if", op("===", v, true), "true", op("===", v, false), "false", op("cat", v))
}

// each is the test of the attribute, or of each of its items.
func (a attr) each(test func(v any) object) object {
	if a.kind != listKind {
		return test(a.value())
	}
	return op("some", op("merge", variable(a.path)), test(variable("")))
}

func (c oneOf) logic() object {
	values := c.values
	if c.attr.kind == keyKind {
		return op("in", c.attr.value(), values)
	}
	if c.attr.kind == textKind {
		values = list{}
		for _, v := range c.values {
			values = append(values, shownAs(v)...)
		}
	}
	// The operation "in" would take 0 for every text that is no number.
	return op("contains_any", values, op("merge", variable(c.attr.path)))
}

// shownAs are all values that a text shows.
func shownAs(v any) list {
	s, ok := v.(string)
	if !ok {
		return list{v}
	}
	switch s {
	case "true":
		return list{s, true}
	case "false":
		return list{s, false}
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil && strconv.FormatFloat(n, 'f', -1, 64) == s {
		return list{s, n}
	}
	return list{s}
}

func (c matches) test(v any) object {
	var is object
	length := float64(utf8.RuneCountInString(c.text))
	switch {
	case c.text == "" && c.attr.kind == listKind:
		return op("in", "", v)
	case c.text == "":
		return op("==", float64(1), float64(1))
	case c.how == atStart:
		is = op("===", op("substr", v, float64(0), length), c.text)
	case c.how == atEnd:
		is = op("===", op("substr", v, -length), c.text)
	default:
		is = op("in", c.text, v)
	}
	if c.attr.kind != listKind {
		return is
	}
	// Only text contains the empty text.
	return op("and", op("in", "", v), is)
}

func (c compares) test(v any) object {
	is := op(c.op, v, c.number)
	if c.attr.kind != listKind {
		return op("and", op("!==", v, ""), is)
	}
	// What is compared with a number is made one, text and booleans too.
	return op("and", op("!", op("in", "", v)), op("!==", v, true), op("!==", v, false), op("!==", v, nil), is)
}
