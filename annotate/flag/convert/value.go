package convert

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
)

// input holds the first thing that was wrong with a file. Whoever reads it goes
// on with zero values, and looks at err in the end.
type input struct{ err error }

func (in *input) fail(err error) {
	if in.err == nil {
		in.err = err
	}
}

// value is a part of a file, which knows where it stands.
type value struct {
	path string
	name string // its key, where it is a field
	v    any
	in   *input
}

// missing says that it is not there, or null.
func (x value) missing() bool { return x.v == nil }

// refuse says that it is wrong, and what would be right.
func (x value) refuse(format string, args ...any) {
	x.in.fail(invalid(x.path, excerpt(x.v), format, args...))
}

// field returns the field of an object; a missing one of a missing object.
func (x value) field(name string) value {
	return value{path: under(x.path, name), name: name, v: x.object()[name], in: x.in}
}

// fields returns all fields of an object, sorted by name.
func (x value) fields() []value {
	out := []value{}
	for _, name := range sortedKeys(x.object()) {
		out = append(out, x.field(name))
	}
	return out
}

func (x value) object() map[string]any {
	if x.v == nil {
		return nil
	}
	o, ok := x.v.(map[string]any)
	if !ok {
		x.refuse("must be an object")
	}
	return o
}

// isObject and isList ask without refusing.
func (x value) isObject() bool { _, ok := x.v.(map[string]any); return ok }
func (x value) isList() bool   { _, ok := x.v.([]any); return ok }

// items returns the items of a list; none of a missing one.
func (x value) items() []value {
	if x.v == nil {
		return nil
	}
	list, ok := x.v.([]any)
	if !ok {
		x.refuse("must be a list")
	}
	out := make([]value, len(list))
	for i := range list {
		out[i] = value{path: at(x.path, i), v: list[i], in: x.in}
	}
	return out
}

// text returns a string; "" of a missing one.
func (x value) text() string {
	if x.v == nil {
		return ""
	}
	s, ok := x.v.(string)
	if !ok {
		x.refuse("must be text")
	}
	return s
}

// texts returns a list of strings.
func (x value) texts() []string {
	out := []string{}
	for _, item := range x.items() {
		if item.missing() {
			item.refuse("must be text")
		}
		out = append(out, item.text())
	}
	return out
}

// truth returns a boolean; false of a missing one.
func (x value) truth() bool {
	if x.v == nil {
		return false
	}
	b, ok := x.v.(bool)
	if !ok {
		x.refuse("must be true or false")
	}
	return b
}

// number returns a number; 0 of a missing one.
func (x value) number() float64 {
	if x.v == nil {
		return 0
	}
	n, ok := x.v.(float64)
	if !ok {
		x.refuse("must be a number")
	}
	return n
}

// count returns a whole number from 0 on, -1 of a missing one.
func (x value) count() int {
	if x.v == nil {
		return -1
	}
	n, ok := x.v.(float64)
	if !ok || n < 0 || n != math.Trunc(n) || n > math.MaxInt32 {
		x.refuse("must be a whole number from 0 on")
		return -1
	}
	return int(n)
}

// required refuses a missing one.
func (x value) required(what string) value {
	if x.v == nil {
		x.refuse("is missing; %s", what)
	}
	return x
}

// excerpt shortens what was found for an error.
func excerpt(v any) any {
	switch v := v.(type) {
	case nil, bool, float64:
		return v
	case string:
		if len(v) > 100 {
			return v[:100] + "…"
		}
		return v
	case []any:
		return "a list"
	default:
		return "an object"
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// bare is a key that needs no quotes in a path.
var bare = regexp.MustCompile(`^[\w$@<>=!?%*/+-]+$`)

// under is the path of a field.
func under(path, name string) string {
	if !bare.MatchString(name) {
		return fmt.Sprintf("%s[%q]", path, name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// at is the path of an item.
func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
