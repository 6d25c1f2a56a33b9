package convert

import (
	"fmt"
	"maps"
	"strings"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// fromFlagd reads flagd's definitions, as JSON or YAML.
// https://flagd.dev/reference/flag-definitions
func fromFlagd(c *conversion, root value, _ Options) {
	file := flagdFile{evaluators: root.field("$evaluators"), metadata: root.field("metadata").object()}
	file.evaluators.object()
	flags := root.field("flags").required("flagd's file has its flags there")
	list := flags.fields
	if flags.isList() {
		list = flags.items
	}
	entries := list()
	if tooMany(root.in, flags.path, len(entries)) {
		return
	}
	for _, x := range entries {
		key := x.name
		if flags.isList() {
			key = x.field("key").required("in a list, each flag has its key there").text()
		}
		if key == "" {
			x.refuse("a flag's key must not be empty")
		}
		def, err := file.flag(scribe{c, key}, key, x)
		c.take(root.in, key, x.path, def, err)
		if root.in.err != nil {
			return
		}
	}
}

func tooMany(in *input, path string, n int) bool {
	if n > MaxFlags {
		in.fail(&annotate.Error{Code: annotate.TooMany, Field: path, Message: fmt.Sprintf("has %d flags, and may have %d", n, MaxFlags)})
	}
	return n > MaxFlags
}

type flagdFile struct {
	evaluators value
	metadata   map[string]any
}

// flagdFields are those that a flag has by flagd's schema, and key, which it has in a list.
var flagdFields = map[string]bool{"key": true, "state": true, "variants": true, "defaultVariant": true, "targeting": true, "metadata": true}

func (f flagdFile) flag(s scribe, key string, x value) (flag.Definition, error) {
	for _, field := range x.fields() {
		if !flagdFields[field.name] {
			s.differs(field.path, "flagd's schema does not know it, and it is gone")
		}
	}
	p := plan{path: x.path, metadata: map[string]any{}}
	maps.Copy(p.metadata, f.metadata)
	maps.Copy(p.metadata, x.field("metadata").object())

	p.variations = x.field("variants").required("a flag has at least one variant").object()
	if len(p.variations) == 0 {
		x.field("variants").refuse("must have at least one variant")
		return flag.Definition{}, nil
	}
	if _, ok := p.variations[""]; ok {
		x.field("variants").refuse("must not have a variant without a name")
		return flag.Definition{}, nil
	}
	if d := x.field("defaultVariant"); d.text() != "" {
		if _, ok := p.variations[d.text()]; !ok {
			d.refuse("must be one of the variants: %s", strings.Join(sortedKeys(p.variations), ", "))
		}
		p.rest = outcome{variation: d.text()}
	}
	switch state := x.field("state").required("it is ENABLED or DISABLED"); state.text() {
	case "ENABLED":
	case "DISABLED":
		p.silent = true
	default:
		state.refuse("must be ENABLED or DISABLED")
	}
	targeting := x.field("targeting")
	if len(targeting.object()) == 0 || x.in.err != nil {
		return p.assemble(s)
	}
	t := &targetingReader{s: s, file: f, key: key, plan: &p, nodes: maxNodes, room: newRoom()}
	if err := t.branches(targeting, truth(true)); err != nil {
		if !p.silent {
			return flag.Definition{}, err
		}
		s.lost(targeting.path, "as long as the flag is disabled nobody misses its targeting, which is gone: %v", err)
		p.branches = nil
	}
	t.chooseBucketing()
	return p.assemble(s)
}
