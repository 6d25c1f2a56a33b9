package convert

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// maxQuery is how long a query in GO Feature Flag's own language may be: its
// parser takes its time.
const maxQuery = 4 << 10

// nikunjy writes a condition in GO Feature Flag's own query language, which
// compares versions, and ignores case. Loose are the paths of attributes whose
// numbers, booleans and lists it takes for nothing; why says what it cannot write.
func nikunjy(c cond) (query string, loose []string, why string) {
	w := &queryWriter{}
	if err := w.write(c); err != nil {
		return "", nil, err.Error()
	}
	if w.b.Len() > maxQuery {
		return "", nil, "its query would be too long"
	}
	return w.b.String(), w.loose, ""
}

type queryWriter struct {
	b     strings.Builder
	loose []string
}

// Every part is in parentheses, since "and" and "or" bind alike.
func (w *queryWriter) write(c cond) error {
	switch c := c.(type) {
	case allOf:
		return w.writeAll(" and ", c)
	case anyOf:
		return w.writeAll(" or ", c)
	case notOf:
		w.b.WriteString("not ")
		return w.writeAll("", []cond{c.of})
	case oneOf:
		return w.oneOf(c)
	case matches:
		return w.matches(c)
	case versions:
		return w.compare(c.attr, c.op, c.version)
	case present:
		if c.attr.kind == listKind {
			return w.compare(c.attr, "pr", "")
		}
		w.loosen(c.attr)
		return w.compare(c.attr, "ne", `""`)
	case logic:
		if c.plain != nil {
			return w.write(c.plain)
		}
	}
	return errors.New("it compares a version, or ignores case, and along with it has a condition that GO Feature Flag can express in JsonLogic alone")
}

func (w *queryWriter) writeAll(between string, cs []cond) error {
	for i, c := range cs {
		if i > 0 {
			w.b.WriteString(between)
		}
		w.b.WriteString("(")
		if err := w.write(c); err != nil {
			return err
		}
		w.b.WriteString(")")
		if w.b.Len() > maxQuery {
			return errors.New("its query would be too long")
		}
	}
	return nil
}

func (w *queryWriter) oneOf(c oneOf) error {
	texts := []string{}
	for _, v := range c.values {
		s, ok := v.(string)
		if !ok {
			return errors.New("it compares a version, or ignores case, and along with it a number or a boolean")
		}
		q, err := quote(s)
		if err != nil {
			return err
		}
		texts = append(texts, q)
	}
	w.loosen(c.attr)
	return w.compare(c.attr, "in", "["+strings.Join(texts, ", ")+"]")
}

func (w *queryWriter) matches(c matches) error {
	if !c.fold {
		return errors.New("it compares a version, or ignores case, and along with it a part of a text in which case counts")
	}
	q, err := quote(c.text)
	if err != nil {
		return err
	}
	w.loosen(c.attr)
	return w.compare(c.attr, map[place]string{anywhere: "co", atStart: "sw", atEnd: "ew", whole: "eq"}[c.how], q)
}

// loosen notes that an attribute is taken for text alone.
func (w *queryWriter) loosen(a attr) {
	if a.kind != keyKind && !slices.Contains(w.loose, a.path) {
		w.loose = append(w.loose, a.path)
	}
}

// attributeName is what the language takes for the name of an attribute; its
// nested ones keep the value of another where they are missing.
var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_:-]*$`)

// words are those of the language, which can't be names.
var words = map[string]bool{"not": true, "and": true, "or": true, "true": true, "false": true, "null": true, "in": true,
	"eq": true, "ne": true, "gt": true, "lt": true, "ge": true, "le": true, "co": true, "sw": true, "ew": true, "pr": true}

func (w *queryWriter) compare(a attr, op, with string) error {
	if !attributeName.MatchString(a.path) || words[strings.ToLower(a.path)] {
		return errors.New("GO Feature Flag's query language cannot name the attribute " + a.path)
	}
	w.b.WriteString(strings.TrimSuffix(a.path+" "+op+" "+with, " "))
	return nil
}

// quote writes a text, which the language reads as it stands, with no escapes.
func quote(s string) (string, error) {
	if strings.ContainsAny(s, "\"\\\n\r") {
		return "", errors.New("GO Feature Flag's query language cannot hold the text " + s)
	}
	return `"` + s + `"`, nil
}
