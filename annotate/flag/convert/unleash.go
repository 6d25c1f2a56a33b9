package convert

import (
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate/flag"
)

// fromUnleash reads what Unleash exports, what its client API answers, and what
// its admin API tells of one feature or of a list.
// https://docs.getunleash.io/reference/environment-import-export
func fromUnleash(c *conversion, root value, options Options) {
	file := unleashFile{features: map[string]*feature{}, segments: map[int]value{}}
	file.read(root)
	if root.in.err != nil || tooMany(root.in, "features", len(file.keys)) {
		return
	}
	environment, ok := chooseEnvironment(root.in, file.environments(), options.Environment)
	if !ok {
		return
	}
	for _, key := range file.keys {
		x := file.features[key]
		if x.archived {
			c.leaveOut(key, x.path, "it is archived")
			continue
		}
		def, err := file.flag(scribe{c, key}, x, environment)
		c.take(root.in, key, x.path, def, err)
		if root.in.err != nil {
			return
		}
	}
}

// chooseEnvironment returns the environment that is asked for, or the only one
// that there is.
func chooseEnvironment(in *input, have []string, want string) (string, bool) {
	slices.Sort(have)
	have = slices.Compact(have)
	switch {
	case len(have) == 0 || slices.Contains(have, want):
		return want, true
	case want != "":
		in.fail(invalid("environment", want, "must be one of those in the file: %s", strings.Join(have, ", ")))
		return "", false
	case len(have) > 1:
		in.fail(invalid("environment", nil, "the file has several, of which one has to be chosen: %s", strings.Join(have, ", ")))
		return "", false
	}
	return have[0], true
}

// unleashFile is a file by features.
type unleashFile struct {
	keys     []string // in the order of the file
	features map[string]*feature
	segments map[int]value
}

// feature is one flag with all that stands about it in the file.
type feature struct {
	path, key    string
	archived     bool
	metadata     map[string]any
	dependencies []value
	states       []featureState
}

// featureState is what a feature is in one environment.
type featureState struct {
	environment string // empty where the file does not say
	enabled     value
	strategies  []value
	variants    []value
}

func (f *unleashFile) read(root value) {
	list := root.field("features")
	if list.missing() && root.object()["name"] != nil {
		f.feature(root)
	} else {
		for _, x := range list.required("Unleash's exports have their features there").items() {
			f.feature(x)
		}
	}
	for _, x := range root.field("featureEnvironments").items() {
		if feat := f.named(x); feat != nil {
			state := feat.state(x.field("environment").text())
			state.enabled = x.field("enabled")
			state.variants = append(state.variants, x.field("variants").items()...)
		}
	}
	for _, x := range root.field("featureStrategies").items() {
		if feat := f.named(x); feat != nil {
			state := feat.state(x.field("environment").text())
			state.strategies = append(state.strategies, x)
		}
	}
	for _, x := range root.field("dependencies").items() {
		if feat := f.features[x.field("feature").text()]; feat != nil {
			feat.dependencies = append(feat.dependencies, x.field("dependencies").items()...)
		}
	}
	for _, x := range root.field("featureTags").items() {
		if feat := f.named(x); feat != nil {
			feat.tag(x.field("tagType").text() + ":" + x.field("tagValue").text())
		}
	}
	for _, x := range root.field("segments").items() {
		f.segments[x.field("id").count()] = x
	}
}

// named is the feature that a row is about.
func (f *unleashFile) named(x value) *feature {
	name := x.field("featureName")
	if name.missing() {
		name = x.field("name")
	}
	return f.features[name.text()]
}

func (f *unleashFile) feature(x value) {
	name := x.field("name").required("a feature has its name there")
	feat := &feature{path: x.path, key: name.text(), archived: x.field("archived").truth() || !x.field("archivedAt").missing(),
		dependencies: x.field("dependencies").items(), metadata: map[string]any{}}
	if _, twice := f.features[feat.key]; twice {
		name.refuse("is there twice")
	}
	for _, field := range []string{"description", "project", "type"} {
		if text := x.field(field).text(); text != "" {
			feat.metadata[field] = text
		}
	}
	// The types that Unleash expects no end of.
	if t := x.field("type").text(); t != "" {
		feat.metadata["permanent"] = t == "kill-switch" || t == "permission"
	}
	if x.field("stale").truth() {
		feat.metadata["stale"] = true
	}
	for _, tag := range x.field("tags").items() {
		feat.tag(tag.field("type").text() + ":" + tag.field("value").text())
	}
	environments := x.field("environments").items()
	for _, e := range environments {
		state := feat.state(e.field("name").text())
		state.enabled, state.strategies, state.variants = e.field("enabled"), e.field("strategies").items(), e.field("variants").items()
	}
	if strategies := x.field("strategies"); len(environments) == 0 && (!x.field("enabled").missing() || !strategies.missing()) {
		state := feat.state("")
		state.enabled, state.strategies, state.variants = x.field("enabled"), strategies.items(), x.field("variants").items()
	}
	f.keys = append(f.keys, feat.key)
	f.features[feat.key] = feat
}

// tag adds one to the metadata, which holds text alone.
func (x *feature) tag(tag string) {
	if before, ok := x.metadata["tags"].(string); ok {
		tag = before + ", " + tag
	}
	x.metadata["tags"] = tag
}

// state returns what the feature is in an environment, to be filled.
func (x *feature) state(environment string) *featureState {
	for i := range x.states {
		if x.states[i].environment == environment {
			return &x.states[i]
		}
	}
	x.states = append(x.states, featureState{environment: environment})
	return &x.states[len(x.states)-1]
}

func (f *unleashFile) environments() []string {
	var out []string
	for _, x := range f.features {
		for _, s := range x.states {
			if s.environment != "" {
				out = append(out, s.environment)
			}
		}
	}
	return out
}

// in gathers what the feature is in an environment, and what the file says of it
// for none in particular.
func (x *feature) in(environment string) (out featureState) {
	for _, s := range x.states {
		if s.environment == environment || s.environment == "" {
			if !s.enabled.missing() {
				out.enabled = s.enabled
			}
			out.strategies = append(out.strategies, s.strategies...)
			out.variants = append(out.variants, s.variants...)
		}
	}
	slices.SortStableFunc(out.strategies, func(a, b value) int {
		return a.field("sortOrder").count() - b.field("sortOrder").count()
	})
	return out
}

func (f *unleashFile) flag(s scribe, x *feature, environment string) (flag.Definition, error) {
	r := &featureReader{s: s, file: f, feature: x, state: x.in(environment), environment: environment, room: newRoom()}
	p, err := r.plan()
	if err != nil {
		return flag.Definition{}, err
	}
	return p.assemble(s)
}
