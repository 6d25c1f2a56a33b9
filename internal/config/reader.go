package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/tidemark/tidemark/annotate/deploy"
)

// reader reads Tidemark's own sections, and gathers all that is wrong with them.
type reader struct {
	file string
	errs []error
}

// fail notes what is wrong with the node that key leads to.
func (r *reader) fail(n *yaml.Node, key, format string, args ...any) {
	r.errs = append(r.errs, problem(r.file, n, key, fmt.Sprintf(format, args...)))
}

// read takes the value of a key over. What is wrong with it goes to r.
type read func(r *reader, n *yaml.Node, key string)

// object reads a mapping whose keys are known.
func object(fields map[string]read) read {
	return func(r *reader, n *yaml.Node, key string) {
		r.entries(n, key, func(name *yaml.Node, value *yaml.Node, path string) {
			if readField, ok := fields[name.Value]; ok {
				readField(r, value, path)
				return
			}
			r.fail(name, path, "unknown key; %s", known(name.Value, slices.Collect(maps.Keys(fields))))
		})
	}
}

// entries calls visit with each entry of a mapping, and the path that leads to
// its value. No value at all is an empty mapping.
func (r *reader) entries(n *yaml.Node, key string, visit func(name, value *yaml.Node, path string)) {
	n = resolve(n)
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, key, "is %s, and must be a mapping of keys to values", kind(n))
		return
	}
	first := map[string]int{}
	for i := 0; i < len(n.Content); i += 2 {
		name := resolve(n.Content[i])
		path := key + "." + name.Value
		line, twice := first[name.Value]
		switch {
		case name.Kind != yaml.ScalarNode:
			r.fail(name, key, "a key must be a word, not %s", kind(name))
		case name.ShortTag() == "!!merge":
			r.fail(name, path, "merging is not possible here: write the keys out")
		case twice:
			r.fail(name, path, "is there twice, first in line %d: keep one", line)
		default:
			first[name.Value] = name.Line
			visit(name, n.Content[i+1], path)
		}
	}
}

// boolean reads true or false.
func boolean(target *bool) read {
	return scalar("true or false", func(n *yaml.Node) (err error) {
		if n.ShortTag() != "!!bool" {
			return errNot
		}
		return n.Decode(target)
	})
}

// text reads a string with take, whose error says what would be right.
func text(take func(string) error) read {
	return func(r *reader, n *yaml.Node, key string) {
		n = resolve(n)
		if isNull(n) {
			return
		}
		if n.Kind != yaml.ScalarNode {
			r.fail(n, key, "is %s, and must be text", kind(n))
			return
		}
		if err := take(n.Value); err != nil {
			r.fail(n, key, "%v", err)
		}
	}
}

// into takes over a string that check accepts.
func into(target *string, check func(string) error) func(string) error {
	return func(value string) error {
		if err := check(value); err != nil {
			return err
		}
		*target = value
		return nil
	}
}

// number reads a whole number from 1 to high.
func number(target *int, high int) read {
	return scalar(fmt.Sprintf("a whole number from 1 to %d", high), func(n *yaml.Node) error {
		value, err := strconv.Atoi(n.Value)
		if err != nil || value < 1 || value > high {
			return errNot
		}
		*target = value
		return nil
	})
}

// size reads a number of bytes from low to high, written as 512KB or 32MB, in
// which Prometheus' way 1KB is 1024 bytes.
func size(target *int64, low, high int64) read {
	return scalar(fmt.Sprintf("a size from %s to %s, such as 32MB", units.Base2Bytes(low), units.Base2Bytes(high)), func(n *yaml.Node) error {
		value, err := units.ParseBase2Bytes(n.Value)
		if err != nil || int64(value) < low || int64(value) > high {
			return errNot
		}
		*target = int64(value)
		return nil
	})
}

// errNot is a value that is not what it must be.
var errNot = fmt.Errorf("not what it must be")

// scalar reads a single value with take. No value at all keeps the default.
func scalar(must string, take func(*yaml.Node) error) read {
	return func(r *reader, n *yaml.Node, key string) {
		n = resolve(n)
		switch {
		case isNull(n):
		case n.Kind != yaml.ScalarNode:
			r.fail(n, key, "is %s, and must be %s", kind(n), must)
		case take(n) != nil:
			r.fail(n, key, "is %s, and must be %s", quoted(n.Value), must)
		}
	}
}

// words reads a list of strings, each of which check accepts. An empty list is
// not nil.
func words(target *[]string, check func(string) error) read {
	return func(r *reader, n *yaml.Node, key string) {
		n = resolve(n)
		if isNull(n) {
			return
		}
		if n.Kind != yaml.SequenceNode {
			r.fail(n, key, "is %s, and must be a list such as [%s]", kind(n), "cpu, filesystem")
			return
		}
		list := make([]string, len(n.Content))
		for i, item := range n.Content {
			if isNull(resolve(item)) {
				r.fail(item, fmt.Sprintf("%s[%d]", key, i), "is empty: remove it")
			}
			text(into(&list[i], check))(r, item, fmt.Sprintf("%s[%d]", key, i))
		}
		*target = list
	}
}

// pairs reads a mapping whose keys are the user's own, an entry at a time with
// take, whose error says what would be right.
func pairs(take func(key, value string) error) read {
	return func(r *reader, n *yaml.Node, key string) {
		r.entries(n, key, func(name, value *yaml.Node, path string) {
			value = resolve(value)
			if value.Kind != yaml.ScalarNode || isNull(value) {
				r.fail(value, path, "is %s, and must be text", kind(value))
				return
			}
			if err := take(name.Value, value.Value); err != nil {
				r.fail(value, path, "%v", err)
			}
		})
	}
}

// list reads a list of up to most items, one after the other. example is one.
func list(most int, example string, item read) read {
	return func(r *reader, n *yaml.Node, key string) {
		n = resolve(n)
		switch {
		case isNull(n):
		case n.Kind != yaml.SequenceNode:
			r.fail(n, key, "is %s, and must be a list such as [%s]", kind(n), example)
		case len(n.Content) > most:
			r.fail(n, key, "has %d entries, and may have %d", len(n.Content), most)
		default:
			for i, one := range n.Content {
				at := fmt.Sprintf("%s[%d]", key, i)
				if isNull(resolve(one)) {
					r.fail(one, at, "is empty: remove it")
					continue
				}
				item(r, one, at)
			}
		}
	}
}

// duration reads a time span from low to high, in Prometheus' form.
func duration(target *time.Duration, low, high time.Duration) read {
	return scalar(fmt.Sprintf("a duration from %s to %s, such as 20m", model.Duration(low), model.Duration(high)), func(n *yaml.Node) error {
		value, err := model.ParseDuration(n.Value)
		if err != nil || time.Duration(value) < low || time.Duration(value) > high {
			return errNot
		}
		*target = time.Duration(value)
		return nil
	})
}

// moment reads a time.
func moment(target *time.Time) read {
	return scalar("a time such as 2026-12-23T18:00:00Z", func(n *yaml.Node) (err error) {
		*target, err = time.Parse(time.RFC3339, n.Value)
		return err
	})
}

// pattern reads a regular expression that values match as a whole.
func pattern(target **regexp.Regexp) read {
	return text(func(value string) (err error) {
		if value == "" {
			return fmt.Errorf("is empty, and must be a regular expression such as v[0-9]+")
		}
		compiled, err := deploy.Pattern(value)
		if err != nil {
			return fmt.Errorf("is %s, and must be a regular expression: %w", quoted(value), err)
		}
		*target = compiled
		return nil
	})
}

// mustPattern compiles a pattern of our own.
func mustPattern(expr string) *regexp.Regexp {
	compiled, err := deploy.Pattern(expr)
	if err != nil {
		panic(err)
	}
	return compiled
}

// anyText accepts every text.
func anyText(string) error { return nil }

// pathStep is a key or an index in a path such as .exec[0].
var pathStep = regexp.MustCompile(`[^.\[\]]+`)

// below returns the node that a path such as .exec[0] leads to from n, as far as it
// is there.
func below(n *yaml.Node, path string) *yaml.Node {
	for _, step := range pathStep.FindAllString(path, -1) {
		next := (*yaml.Node)(nil)
		if at := resolve(n); at.Kind == yaml.SequenceNode {
			var i int
			if _, err := fmt.Sscan(step, &i); err == nil && i < len(at.Content) {
				next = at.Content[i]
			}
		} else {
			next = lookup(at, step)
		}
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// kind says what n is, for an error.
func kind(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "empty"
	default:
		return quoted(n.Value)
	}
}

// quoted is a value as an error shows it, shortened when it is long.
func quoted(value string) string {
	const most = 60
	if runes := []rune(value); len(runes) > most {
		value = string(runes[:most]) + "…"
	}
	return strconv.Quote(value)
}
