package intake

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// Tags are what Grafana, Graphite and their like select by: words, most of them
// key:value.
type Tags []string

// UnmarshalJSON implements json.Unmarshaler: a list of words, or one string with spaces
// between them, as Graphite takes both.
func (t *Tags) UnmarshalJSON(b []byte) error {
	if string(b) == "null" { // not given, as Grafana's own client says it
		*t = nil
		return nil
	}
	var list []string
	if len(b) > 0 && b[0] == '"' {
		var words string
		if err := json.Unmarshal(b, &words); err != nil {
			return err
		}
		list = strings.Fields(words)
	} else if err := json.Unmarshal(b, &list); err != nil {
		return &annotate.Error{Code: annotate.Invalid, Field: "tags", Message: `must be a list of strings such as ["deploy", "service:web"], or one string with spaces between them`}
	}
	*t = Tags{} // given, if empty
	for _, tag := range list {
		if tag = strings.TrimSpace(tag); tag != "" && !slices.Contains(*t, tag) {
			*t = append(*t, tag)
		}
	}
	return nil
}

// tagPair is a tag as Grafana knows it.
type tagPair struct{ key, value string }

// pairOf reads a tag as Grafana does (pkg/services/tag/model.go): of a:b:c only a:b
// counts.
func pairOf(tag string) tagPair {
	parts := strings.SplitN(tag, ":", 3)
	p := tagPair{key: strings.TrimSpace(parts[0])}
	if len(parts) > 1 {
		p.value = strings.TrimSpace(parts[1])
	}
	return p
}

// String is the pair as Grafana writes it.
func (p tagPair) String() string {
	if p.value == "" {
		return p.key
	}
	return p.key + ":" + p.value
}

// Pairs returns the tags as Grafana keeps them, each once.
func (t Tags) Pairs() Tags {
	pairs := Tags{}
	for _, tag := range t {
		if p := pairOf(tag).String(); p != "" && !slices.Contains(pairs, p) {
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// Match reports whether Grafana would find what has these tags by the filter: by any of
// its tags, or by all. A key alone stands for any value. As Grafana does, it counts for
// all: tags that fit the filter must be as many as the filter has.
func (t Tags) Match(filter Tags, anyOf bool) bool {
	filter = filter.Pairs()
	if len(filter) == 0 {
		return true
	}
	fit := 0
	for _, tag := range t.Pairs() {
		has := pairOf(tag)
		if slices.ContainsFunc(filter, func(f string) bool {
			asked := pairOf(f)
			return asked.key == has.key && (asked.value == "" || asked.value == has.value)
		}) {
			fit++
		}
	}
	return anyOf && fit > 0 || fit == len(filter)
}

// line is as many of the tags as a label has room for, with a comma between them.
func (t Tags) line() string {
	var fit Tags
	size := 0
	for _, tag := range t {
		if size += len(tag) + 1; size <= annotate.MaxValue {
			fit = append(fit, tag)
		}
	}
	return strings.Join(fit, ",")
}

// kindWords are the tags that say what kind of change it is.
var kindWords = map[string]string{
	"deploy": "deploy", "deployment": "deploy", "flag": "flag", "config": "config", "incident": "incident",
	"maintenance": "maintenance", "drill": "drill", "restart": "restart",
}

// maxTagLabels is how many labels tags may become, so that a change has room for more.
const maxTagLabels = annotate.MaxLabels - 10

// fill says in r what the tags say by convention: service, env, version and commit, and
// the kind by a word of its own. Other tags of the form key:value become labels, the
// first of each key.
func (t Tags) fill(r *annotate.Report) {
	fields := map[string]*string{
		"service": &r.Service, "env": &r.Environment, "environment": &r.Environment,
		"version": &r.Version, "commit": &r.Commit,
	}
	for _, tag := range t {
		key, value, pair := strings.Cut(tag, ":")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		field := fields[key]
		switch kind := kindWords[tag]; {
		case kind != "" && r.Kind == "":
			r.Kind = kind
		case !pair || value == "":
		case field != nil && *field == "" && len(value) <= annotate.MaxName:
			*field = value
		case field == nil && !slices.Contains(ownLabels, key) && annotate.IsLabelName(key) && r.Labels[key] == "" && len(r.Labels) < maxTagLabels:
			r.Labels[key] = value
		}
	}
}

// tagsOf are the tags of a change that no tags were given for.
func tagsOf(c annotate.Change) Tags {
	tags := Tags{c.Kind}
	for _, t := range []struct{ key, value string }{{"service", c.Service}, {"env", c.Environment}, {"version", c.Version}} {
		if t.value != "" {
			tags = append(tags, t.key+":"+t.value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Labels)) {
		if name != labelTags {
			tags = append(tags, name+":"+c.Labels[name])
		}
	}
	return tags
}
