package flag

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v3"
)

// Format is a notation in which definitions are written.
type Format string

// The formats that GO Feature Flag reads.
const (
	JSON Format = "json"
	YAML Format = "yaml"
	TOML Format = "toml"
)

// MaxFile is how long a file of definitions may be, in bytes.
const MaxFile = 16 << 20

// FormatOf returns the format of a file by the end of its name; false for one
// that holds no definitions.
func FormatOf(path string) (Format, bool) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json":
		return JSON, true
	case ".yaml", ".yml":
		return YAML, true
	case ".toml":
		return TOML, true
	default:
		return "", false
	}
}

// ParseDefinition reads one definition, and refuses what is wrong with it with
// errors as Validate returns them. The paths begin with at, such as the flag's
// key; it may be empty. Percentages must add up to 100.
//
// The three formats of one definition are equal when they are read: numbers
// are float64, times are in UTC, and what is null is not there.
func ParseDefinition(at string, data []byte, format Format) (Definition, error) {
	p := &problems{}
	tree := readTree(at, data, format, p)
	if p.any() {
		return Definition{}, p.err()
	}
	return p.parse(at, tree, true)
}

// ParseFile reads a file of definitions by their keys, as GO Feature Flag reads
// it. It returns those that are right even where others are wrong.
//
// Percentages that do not add up to 100 are weights, as they are for GO Feature
// Flag: whoever brings such a file gets the same answers. ParseDefinition
// refuses them, since what a person writes there is a slip.
func ParseFile(data []byte, format Format) (map[string]Definition, error) {
	all := &problems{}
	tree := readTree("", data, format, all)
	if all.any() {
		return nil, all.err()
	}
	file, ok := tree.(map[string]any)
	if !ok && tree != nil {
		return nil, invalid("", nil, "must be definitions by their keys, and not %s", kindOf(tree))
	}
	definitions := make(map[string]Definition, len(file))
	for _, key := range sortedKeys(file) {
		p := &problems{}
		p.addErr(ValidateKey(key))
		if d, err := p.parse(key, file[key], false); err == nil {
			definitions[key] = d
		}
		all.list = append(all.list, p.list...)
	}
	return definitions, all.err()
}

// parse makes a definition of a tree.
func (p *problems) parse(at string, tree any, sums bool) (Definition, error) {
	read, _ := object(definitionFields(false), "a definition")(p, at, tree)
	if p.any() {
		return Definition{}, p.err()
	}
	data, err := json.Marshal(read)
	if err != nil {
		return Definition{}, invalid(at, nil, "cannot be written as JSON: %v", err)
	}
	var d Definition
	if err := json.Unmarshal(data, &d); err != nil {
		return Definition{}, invalid(at, nil, "is no definition: %v", err)
	}
	v := validator{problems: p, sums: sums}
	v.definition(at, d)
	if p.any() {
		return Definition{}, p.err()
	}
	return d, nil
}

// MarshalFile writes definitions by their keys, as GO Feature Flag reads them.
func MarshalFile(definitions map[string]Definition, format Format) ([]byte, error) {
	indented, err := json.MarshalIndent(definitions, "", "  ")
	if err != nil || format == JSON {
		return append(indented, '\n'), err
	}
	var tree map[string]any
	if err := json.Unmarshal(indented, &tree); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	switch format {
	case YAML:
		enc := yaml.NewEncoder(&out)
		enc.SetIndent(2)
		if err := enc.Encode(tree); err != nil {
			return nil, err
		}
		err = enc.Close()
	case TOML:
		err = toml.NewEncoder(&out).Encode(tree)
	default:
		err = fmt.Errorf("there is no format %q", format)
	}
	return out.Bytes(), err
}
