package convert

import (
	"regexp/syntax"
	"slices"
)

// maxTexts is how many texts a regular expression may stand for.
const maxTexts = 100

// literally is what a regular expression means that stands for a number of texts,
// maybe with the start or the end of the attribute at them.
func literally(a attr, pattern string) (cond, bool) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, false
	}
	is := anchored(a, re)
	return is, is != nil
}

func anchored(a attr, re *syntax.Regexp) cond {
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	parts := []*syntax.Regexp{re}
	switch re.Op {
	case syntax.OpAlternate:
		var cs []cond
		for _, sub := range re.Sub {
			c := anchored(a, sub)
			if c == nil {
				return nil
			}
			cs = append(cs, c)
		}
		return either(cs...)
	case syntax.OpConcat:
		parts = slices.Clone(re.Sub)
	}
	start := parts[0].Op == syntax.OpBeginText
	if start {
		parts = parts[1:]
	}
	n := len(parts)
	end := n > 0 && parts[n-1].Op == syntax.OpEndText
	if end {
		parts = parts[:n-1]
	}
	texts, ok := product(parts)
	if !ok {
		return nil
	}
	var cs []cond
	for _, text := range texts {
		switch {
		case start && end:
			cs = append(cs, oneOf{attr: a, values: []any{text}})
		case start:
			cs = append(cs, matches{attr: a, how: atStart, text: text})
		case end:
			cs = append(cs, matches{attr: a, how: atEnd, text: text})
		default:
			cs = append(cs, matches{attr: a, how: anywhere, text: text})
		}
	}
	return either(cs...)
}

// product are the texts that several expressions stand for, one after the other.
func product(parts []*syntax.Regexp) ([]string, bool) {
	texts := []string{""}
	for _, part := range parts {
		tails, ok := standsFor(part)
		if !ok || len(tails)*len(texts) > maxTexts {
			return nil, false
		}
		var longer []string
		for _, head := range texts {
			for _, tail := range tails {
				longer = append(longer, head+tail)
			}
		}
		texts = longer
	}
	return texts, true
}

// standsFor are the texts that an expression stands for.
func standsFor(re *syntax.Regexp) ([]string, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []string{""}, true
	case syntax.OpLiteral:
		return []string{string(re.Rune)}, re.Flags&syntax.FoldCase == 0
	case syntax.OpCapture:
		return standsFor(re.Sub[0])
	case syntax.OpConcat:
		return product(re.Sub)
	case syntax.OpQuest:
		texts, ok := standsFor(re.Sub[0])
		return append(texts, ""), ok
	case syntax.OpCharClass:
		var texts []string
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				if texts = append(texts, string(r)); len(texts) > maxTexts {
					return nil, false
				}
			}
		}
		return texts, true
	case syntax.OpAlternate:
		var texts []string
		for _, sub := range re.Sub {
			more, ok := standsFor(sub)
			if texts = append(texts, more...); !ok || len(texts) > maxTexts {
				return nil, false
			}
		}
		return texts, true
	}
	return nil, false
}
