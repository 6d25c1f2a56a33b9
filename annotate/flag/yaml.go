package flag

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"go.yaml.in/yaml/v3"
)

func readYAML(at string, data []byte, p *problems) (tree any) {
	defer func() {
		if cause := recover(); cause != nil {
			p.add(at, nil, "is no YAML: %v", cause)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var document, more yaml.Node
	switch err := dec.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		p.add(at, nil, "is no YAML: %v", err)
		return nil
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		p.add(at, nil, "has more than one YAML document; put all into one")
		return nil
	}
	if len(document.Content) == 0 {
		return nil
	}
	// Aliases may make a file a few times longer, and not a million times.
	r := &yamlReader{problems: p, left: 10_000 + 4*len(data)}
	return r.value(at, document.Content[0], 0)
}

// yamlReader reads the nodes themselves: a definition's strings are what was
// written, where YAML alone would make a number of a version and a bool of a key.
type yamlReader struct {
	*problems
	left int // nodes, with those that aliases repeat
}

func (r *yamlReader) value(at string, n *yaml.Node, depth int) any {
	if r.left--; r.left < 0 || depth > maxDepth {
		if r.left > -2 {
			r.add(at, nil, "is too large once its aliases are followed, or nested deeper than %d", maxDepth)
			r.left = -2
		}
		return nil
	}
	switch n.Kind {
	case yaml.AliasNode:
		return r.value(at, n.Alias, depth+1)
	case yaml.MappingNode:
		members := make(map[string]any, len(n.Content)/2)
		r.mapping(at, n, members, depth)
		return members
	case yaml.SequenceNode:
		items := make([]any, len(n.Content))
		for i, item := range n.Content {
			items[i] = r.value(fmt.Sprintf("%s[%d]", at, i), item, depth+1)
		}
		return items
	default:
		return r.scalar(at, n)
	}
}

func (r *yamlReader) mapping(at string, n *yaml.Node, members map[string]any, depth int) {
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch {
		case key.Kind != yaml.ScalarNode:
			r.add(at, nil, "has a key, in line %d, that is no text", key.Line)
		case key.ShortTag() == "!!merge":
			merged = append(merged, value)
		default:
			name := under(at, key.Value)
			if _, twice := members[key.Value]; twice {
				r.add(name, nil, "is there twice; the second time in line %d", key.Line)
			}
			members[key.Value] = r.value(name, value, depth+1)
		}
	}
	for _, value := range merged {
		r.merge(at, value, members, depth+1)
	}
}

// merge adds what "<<" refers to, where the mapping does not say it itself.
func (r *yamlReader) merge(at string, n *yaml.Node, members map[string]any, depth int) {
	if r.left--; r.left < 0 || depth > maxDepth {
		return
	}
	switch n.Kind {
	case yaml.AliasNode:
		r.merge(at, n.Alias, members, depth+1)
	case yaml.SequenceNode:
		for _, item := range n.Content {
			r.merge(at, item, members, depth+1)
		}
	case yaml.MappingNode:
		other := make(map[string]any)
		r.mapping(at, n, other, depth)
		for name, value := range other {
			if _, has := members[name]; !has {
				members[name] = value
			}
		}
	default:
		r.add(under(at, "<<"), nil, "must refer to a mapping, in line %d", n.Line)
	}
}

func (r *yamlReader) scalar(at string, n *yaml.Node) any {
	switch tag := n.ShortTag(); tag {
	case "!!str":
		if n.Style == 0 { // neither quoted nor a block
			return plain{n.Value, n.Value}
		}
		return n.Value
	case "!!null":
		return nil
	case "!!timestamp":
		return plain{n.Value, n.Value}
	case "!!bool":
		var v bool
		if err := n.Decode(&v); err != nil {
			r.add(at, n.Value, "is no boolean")
		}
		return plain{n.Value, v}
	case "!!int", "!!float":
		var v float64
		if err := n.Decode(&v); err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			r.add(at, n.Value, "must be a finite number")
			return 0.0
		}
		return plain{n.Value, v}
	default:
		r.add(at, n.Value, "has the YAML tag %s, which no definition needs", tag)
		return nil
	}
}
