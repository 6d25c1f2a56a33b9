package flagfile

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tidemark/tidemark/annotate/flag"
)

// lines finds the line of a path such as "new-checkout.targeting[0].query". It
// knows YAML, and JSON as far as that is YAML.
type lines struct{ root *yaml.Node }

func newLines(data []byte, format flag.Format) lines {
	var document yaml.Node
	if format == flag.TOML || yaml.Unmarshal(data, &document) != nil || len(document.Content) == 0 {
		return lines{}
	}
	return lines{document.Content[0]}
}

// of returns the line of what path names, or of the nearest that is there above
// it; 0 where nothing is known.
func (l lines) of(path string) int {
	if l.root == nil || path == "" {
		return 0
	}
	return lineBelow(l.root, path, 0)
}

// maxPath bounds how deep a path is followed: aliases can lead in a circle.
const maxPath = 100

func lineBelow(n *yaml.Node, path string, depth int) int {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if depth > maxPath {
		return 0
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			rest, ok := strings.CutPrefix(path, key.Value)
			switch {
			case !ok:
			case rest == "":
				return key.Line
			case rest[0] == '.', rest[0] == '[': // keys may have dots themselves
				if line := lineBelow(value, strings.TrimPrefix(rest, "."), depth+1); line > 0 {
					return line
				}
				return key.Line
			}
		}
	case yaml.SequenceNode:
		index, rest, ok := strings.Cut(strings.TrimPrefix(path, "["), "]")
		i, err := strconv.Atoi(index)
		if !ok || err != nil || i < 0 || i >= len(n.Content) {
			return 0
		}
		if rest == "" {
			return n.Content[i].Line
		}
		if line := lineBelow(n.Content[i], strings.TrimPrefix(rest, "."), depth+1); line > 0 {
			return line
		}
		return n.Content[i].Line
	}
	return 0
}
