package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	promconfig "github.com/prometheus/prometheus/config"
	"go.yaml.in/yaml/v3"
)

// document is a configuration file, taken apart into Tidemark's own sections
// and Prometheus'.
type document struct {
	name string
	// own are Tidemark's sections, prometheus the others.
	own, prometheus []section
	// rest is the file with the lines of Tidemark's sections left empty, so that
	// Prometheus' own strict reader takes it, and its errors name the right
	// lines. Without a section of Prometheus' it is empty: that reader takes a
	// file that is a null for a configuration of zeros.
	rest string
}

// section is a top-level key with what it holds.
type section struct{ key, value *yaml.Node }

// parseDocument takes data apart. It returns an error that names the line for
// what is no YAML, no mapping, more than one document, or an unknown section.
func parseDocument(data []byte, name string) (*document, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	switch {
	case len(data) > MaxFile:
		return nil, fmt.Errorf("%s has %d bytes, and a configuration file may have %d: move targets to file_sd_configs", name, len(data), MaxFile)
	case !utf8.Valid(data):
		return nil, fmt.Errorf("%s is not text in UTF-8: save it as UTF-8", name)
	}
	root, err := parseRoot(data, name)
	if err != nil {
		return nil, err
	}
	doc := &document{name: name}
	if root == nil {
		return doc, nil
	}
	if err := doc.split(root); err != nil {
		return nil, err
	}
	if len(doc.own) > 0 && root.Style&yaml.FlowStyle != 0 {
		return nil, problem(name, doc.own[0].key, doc.own[0].key.Value, "write the file in block style: each section on lines of its own, not within { }")
	}
	if err := doc.checkAnchors(); err != nil {
		return nil, err
	}
	if len(doc.prometheus) > 0 {
		doc.rest = doc.blankOwn(data, root)
	}
	return doc, doc.checkRest()
}

// parseRoot returns the mapping at the top of the file; nil for an empty file.
func parseRoot(data []byte, name string) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var file yaml.Node
	switch err := decoder.Decode(&file); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, relocate(name, err)
	}
	root := file.Content[0]
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case err == nil:
		return nil, problem(name, second.Content[0], "", "a second document begins: a configuration file holds one; remove the line ---")
	case !errors.Is(err, io.EOF):
		return nil, relocate(name, err)
	}
	switch {
	case root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null":
		return nil, nil
	case root.Kind != yaml.MappingNode:
		return nil, problem(name, root, "", "a configuration file consists of sections such as scrape_configs:")
	}
	return root, nil
}

// split sorts the top-level keys into Tidemark's own and Prometheus'.
func (d *document) split(root *yaml.Node) error {
	own := slices.Collect(maps.Keys(new(Config).sections()))
	theirs := prometheusSections()
	first := map[string]*yaml.Node{}
	var errs []error
	for i := 0; i < len(root.Content); i += 2 {
		s := section{root.Content[i], root.Content[i+1]}
		key := s.key.Value
		if before := first[key]; before != nil {
			errs = append(errs, problem(d.name, s.key, key, fmt.Sprintf("the section is there twice, first in line %d: join them", before.Line)))
			continue
		}
		first[key] = s.key
		switch {
		case s.key.Kind == yaml.ScalarNode && slices.Contains(own, key):
			d.own = append(d.own, s)
		case s.key.Kind == yaml.ScalarNode && slices.Contains(theirs, key):
			d.prometheus = append(d.prometheus, s)
		default:
			errs = append(errs, problem(d.name, s.key, quoted(key), "unknown section; "+known(key, slices.Concat(own, theirs))))
		}
	}
	return errors.Join(errs...)
}

// prometheusSections are the top-level keys of a prometheus.yml.
func prometheusSections() []string {
	var keys []string
	t := reflect.TypeFor[promconfig.Config]()
	for i := range t.NumField() {
		if key, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// lineBreak is what YAML counts as the end of a line.
var lineBreak = regexp.MustCompile("\r\n|\r|\n|\u0085|\u2028|\u2029")

// blankOwn returns data with the lines of Tidemark's own sections emptied.
func (d *document) blankOwn(data []byte, root *yaml.Node) string {
	starts := []int{0}
	for _, at := range lineBreak.FindAllIndex(data, -1) {
		starts = append(starts, at[1])
	}
	starts = append(starts, len(data))
	blanked := slices.Clone(data)
	for i := 0; i < len(root.Content); i += 2 {
		if !slices.ContainsFunc(d.own, func(s section) bool { return s.key == root.Content[i] }) {
			continue
		}
		from, to := root.Content[i].Line-1, len(starts)-1
		if i+2 < len(root.Content) {
			to = root.Content[i+2].Line - 1
		}
		if from < 0 || from > to || to >= len(starts) {
			continue // checkRest finds the section still there
		}
		for at := starts[from]; at < starts[to]; at++ {
			if blanked[at] != '\n' && blanked[at] != '\r' {
				blanked[at] = ' '
			}
		}
	}
	return string(blanked)
}

// checkAnchors refuses what Prometheus' sections take from Tidemark's: it is
// not there any more when they are read.
func (d *document) checkAnchors() error {
	ours := map[*yaml.Node]bool{}
	for _, s := range d.own {
		walk(s.value, func(n *yaml.Node) { ours[n] = true })
	}
	var errs []error
	for _, s := range d.prometheus {
		walk(s.value, func(n *yaml.Node) {
			if n.Kind == yaml.AliasNode && ours[n.Alias] {
				errs = append(errs, problem(d.name, n, s.key.Value, fmt.Sprintf(
					"*%s stands for a part of one of Tidemark's own sections: write it out, or put the anchor into one of Prometheus'", n.Value)))
			}
		})
	}
	return errors.Join(errs...)
}

// walk calls visit with n and all below it. It does not follow aliases.
func walk(n *yaml.Node, visit func(*yaml.Node)) {
	visit(n)
	for _, below := range n.Content {
		walk(below, visit)
	}
}

// checkRest makes sure that exactly Tidemark's sections were taken out.
func (d *document) checkRest() error {
	if len(d.own) == 0 {
		return nil
	}
	root, err := parseRoot([]byte(d.rest), d.name)
	if err != nil {
		return err
	}
	var left, want []string
	if root != nil {
		for i := 0; i < len(root.Content); i += 2 {
			left = append(left, root.Content[i].Value)
		}
	}
	for _, s := range d.prometheus {
		want = append(want, s.key.Value)
	}
	if !slices.Equal(left, want) {
		return problem(d.name, d.own[0].key, d.own[0].key.Value, "the section cannot be told apart from its neighbours: begin each section at the start of a line of its own")
	}
	return nil
}
