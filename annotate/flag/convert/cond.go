package convert

import (
	"slices"

	"github.com/tidemark/tidemark/annotate/flag"
)

// cond is a condition on a context, in the words that GO Feature Flag's two
// query languages have: what a converter builds from whatever its source has.
type cond interface{ isCond() }

type (
	// truth holds for everybody or for nobody.
	truth bool
	// allOf, anyOf and notOf combine conditions. both, either and not build them.
	allOf []cond
	anyOf []cond
	notOf struct{ of cond }
	// oneOf holds where the attribute equals one of the values: text, numbers, booleans.
	oneOf struct {
		attr   attr
		values []any
	}
	// matches holds where the attribute has the text in the given place. With
	// fold, upper and lower case are the same.
	matches struct {
		attr attr
		how  place
		text string
		fold bool
	}
	// compares holds where the attribute is a number, and op, such as "<", holds.
	compares struct {
		attr   attr
		op     string
		number float64
	}
	// versions holds where the attribute is a semantic version of three numbers,
	// and op, in GO Feature Flag's words, holds.
	versions struct {
		attr    attr
		op      string
		version string
	}
	// present holds where the context has the attribute.
	present struct{ attr attr }
	// since holds from a time on, in seconds since 1970.
	since int64
	// logic holds where JsonLogic is truthy. Plain, if not nil, is what it means
	// for attributes that are text.
	logic struct {
		is    any
		plain cond
	}
)

func (truth) isCond()    {}
func (allOf) isCond()    {}
func (anyOf) isCond()    {}
func (notOf) isCond()    {}
func (oneOf) isCond()    {}
func (matches) isCond()  {}
func (compares) isCond() {}
func (versions) isCond() {}
func (present) isCond()  {}
func (since) isCond()    {}
func (logic) isCond()    {}

// place is where in an attribute a text has to be.
type place int

const (
	anywhere place = iota
	atStart
	atEnd
	// whole is the text and nothing else, for where upper and lower case are the same.
	whole
)

// attr is an attribute of the context.
type attr struct {
	path string // its names, with dots between
	kind kind
}

// kind says what the source takes an attribute for.
type kind int

const (
	// keyKind is the targeting key, which is text always, and empty for none.
	keyKind kind = iota
	// listKind may be a list, and matches where one of its items does. Types
	// are never turned into one another.
	listKind
	// textKind is text; a number or a boolean counts as the text that shows it.
	textKind
)

// targetingKey is the attribute that all formats have, by one name or another.
var targetingKey = attr{path: "targetingKey", kind: keyKind}

// both holds where all do.
func both(cs ...cond) cond {
	out := allOf{}
	for _, c := range cs {
		switch c := c.(type) {
		case truth:
			if !c {
				return truth(false)
			}
		case allOf:
			out = append(out, c...)
		default:
			out = append(out, c)
		}
	}
	switch len(out) {
	case 0:
		return truth(true)
	case 1:
		return out[0]
	}
	return out
}

// either holds where one does.
func either(cs ...cond) cond {
	out := anyOf{}
	for _, c := range cs {
		switch c := c.(type) {
		case truth:
			if c {
				return truth(true)
			}
		case anyOf:
			out = append(out, c...)
		default:
			out = append(out, c)
		}
	}
	switch len(out) {
	case 0:
		return truth(false)
	case 1:
		return out[0]
	}
	return out
}

// not holds where c does not.
func not(c cond) cond {
	switch c := c.(type) {
	case truth:
		return !c
	case notOf:
		return c.of
	}
	return notOf{c}
}

// asOf is what the condition is from a time on, until the next that it names.
func asOf(c cond, now int64) cond {
	switch c := c.(type) {
	case since:
		return truth(now >= int64(c))
	case notOf:
		return not(asOf(c.of, now))
	case allOf:
		return both(allAsOf(c, now)...)
	case anyOf:
		return either(allAsOf(c, now)...)
	}
	return c
}

func allAsOf(cs []cond, now int64) []cond {
	out := make([]cond, len(cs))
	for i, c := range cs {
		out[i] = asOf(c, now)
	}
	return out
}

// times are those that a condition names, sorted.
func times(cs ...cond) []int64 {
	var out []int64
	for _, c := range cs {
		switch c := c.(type) {
		case since:
			out = append(out, int64(c))
		case notOf:
			out = append(out, times(c.of)...)
		case allOf:
			out = append(out, times(c...)...)
		case anyOf:
			out = append(out, times(c...)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// room is how long the conditions of a flag may still get, in bytes. A reader
// counts what it comes to more than once, so that there is more of it than a
// definition may have.
type room struct{ left int }

func newRoom() *room { return &room{8 * flag.MaxDefinition} }

// spend takes what a condition needs.
func (r *room) spend(c cond, path string) error {
	if !fits(c, &r.left) {
		return leftOut(path, "%s", tooLong)
	}
	return nil
}

// fits says that the condition, written out, is no longer than about the number
// of bytes that are left, and takes them away.
func fits(c cond, left *int) bool {
	*left -= 16
	switch c := c.(type) {
	case notOf:
		return fits(c.of, left)
	case allOf:
		return allFit(c, left)
	case anyOf:
		return allFit(c, left)
	case oneOf:
		for _, v := range c.values {
			if s, ok := v.(string); ok {
				*left -= len(s)
			}
			if *left -= 3; *left < 0 {
				return false
			}
		}
	case matches:
		*left -= len(c.text)
	case logic:
		return logicFits(c.is, left)
	}
	return *left >= 0
}

func allFit(cs []cond, left *int) bool {
	for _, c := range cs {
		if !fits(c, left) {
			return false
		}
	}
	return *left >= 0
}

func logicFits(v any, left *int) bool {
	switch v := v.(type) {
	case string:
		*left -= len(v)
	case []any:
		for _, item := range v {
			if !logicFits(item, left) {
				return false
			}
		}
	case map[string]any:
		for name, item := range v {
			*left -= len(name)
			if !logicFits(item, left) {
				return false
			}
		}
	}
	*left -= 3
	return *left >= 0
}
