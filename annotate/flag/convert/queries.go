package convert

import (
	"fmt"
	"slices"

	"github.com/tidemark/tidemark/annotate/flag"
)

// queries are one or several of which somebody meets one exactly where he meets
// the condition. There are several where the two languages have to share its
// alternatives, or where it is longer than a query may be.
type queries struct {
	texts []string
	// loose are the attributes of which queries take only text for something.
	loose []string
}

// toQueries writes a condition; why says what it cannot write.
func toQueries(c cond) (q queries, why string) {
	why = q.write(c)
	return q, why
}

func (q *queries) write(c cond) (why string) {
	text, loose, why := toQuery(c)
	if why == "" && len(text) > flag.MaxQuery {
		why = fmt.Sprintf("its query would be longer than %d bytes", flag.MaxQuery)
	}
	if why == "" {
		if q.texts = append(q.texts, text); len(q.texts) > flag.MaxRules {
			return fmt.Sprintf("it would be more than %d rules", flag.MaxRules)
		}
		for _, path := range loose {
			if !slices.Contains(q.loose, path) {
				q.loose = append(q.loose, path)
			}
		}
		return ""
	}
	one, other, ok := halves(c)
	if !ok {
		return why
	}
	if why := q.write(one); why != "" {
		return why
	}
	return q.write(other)
}

// toQuery writes a condition in the language that can: JsonLogic first, since it
// says what it means whatever type an attribute has.
func toQuery(c cond) (query string, loose []string, why string) {
	query, why = jsonLogic(c)
	if why == "" {
		return query, nil, ""
	}
	return nikunjy(c)
}

// halves are two conditions of which one is met where c is; false where there are
// no alternatives in it.
func halves(c cond) (one, other cond, ok bool) {
	switch c := c.(type) {
	case anyOf:
		n := len(c) / 2
		return either(c[:n]...), either(c[n:]...), true
	case oneOf:
		if n := len(c.values) / 2; n > 0 {
			return oneOf{c.attr, c.values[:n]}, oneOf{c.attr, c.values[n:]}, true
		}
	case allOf:
		i := longest(c)
		if i < 0 {
			return nil, nil, false
		}
		one, other, _ = halves(c[i])
		rest := slices.Delete(slices.Clone(c), i, i+1)
		return both(slices.Insert(slices.Clone(rest), i, one)...), both(slices.Insert(slices.Clone(rest), i, other)...), true
	}
	return nil, nil, false
}

// longest is the longest of several conditions that has halves, or -1.
func longest(cs []cond) int {
	found, most := -1, 0
	for i, c := range cs {
		if _, _, ok := halves(c); !ok {
			continue
		}
		left := flag.MaxDefinition
		if fits(c, &left); found < 0 || flag.MaxDefinition-left > most {
			found, most = i, flag.MaxDefinition-left
		}
	}
	return found
}
