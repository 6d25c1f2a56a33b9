package convert

import (
	"slices"

	"github.com/tidemark/tidemark/annotate/flag"
)

// fromLaunchDarkly reads flags as LaunchDarkly's REST API represents them, one or
// many, and the data of its SDKs, which their file data source reads as well.
// https://launchdarkly.com/docs/api/feature-flags
// https://launchdarkly.com/docs/sdk/features/flags-from-files
func fromLaunchDarkly(c *conversion, root value, options Options) {
	file := &darklyFile{c: c, flags: map[string]*darklyFlag{}, segments: map[string]value{}}
	file.read(root)
	if root.in.err != nil || tooMany(root.in, "", len(file.keys)) {
		return
	}
	environment, ok := chooseEnvironment(root.in, file.environments(), options.Environment)
	if !ok {
		return
	}
	file.environment = environment
	for _, key := range file.keys {
		x := file.flags[key]
		def, err := file.flag(x)
		c.take(root.in, key, x.top.path, def, err)
		if root.in.err != nil {
			return
		}
	}
}

// darklyFile is a file by flags and segments.
type darklyFile struct {
	c           *conversion
	keys        []string // in the order of the file
	flags       map[string]*darklyFlag
	segments    map[string]value
	environment string
}

// darklyFlag is one flag, and what became of it.
type darklyFlag struct {
	key string
	top value // holds the variations
	// alone is a value that everybody gets, in the short form of the SDKs' files.
	alone bool
	// busy says that its plan is being made, to find flags that depend on themselves.
	busy  bool
	plan  *plan
	names []string // of its variations
	err   error
}

func (f *darklyFile) read(root value) {
	f.readSegments(root)
	switch {
	case root.isList():
		f.addAll(root.items())
	case root.object()["items"] != nil:
		f.addAll(root.field("items").items())
	case root.object()["flags"] != nil || root.object()["flagValues"] != nil:
		f.addAll(root.field("flags").fields())
		for _, x := range root.field("flagValues").fields() {
			f.add(&darklyFlag{key: x.name, top: x, alone: true})
		}
	case root.object()["variations"] != nil:
		f.addAll([]value{root})
	default:
		root.refuse("has no flags: neither flags, as the SDKs have it, nor items or variations, as the REST API does")
	}
}

func (f *darklyFile) addAll(list []value) {
	for _, x := range list {
		key := x.field("key").text()
		if key == "" {
			key = x.name
		}
		if key == "" {
			x.field("key").required("a flag has its key there")
		}
		f.add(&darklyFlag{key: key, top: x})
	}
}

func (f *darklyFile) add(x *darklyFlag) {
	if f.flags[x.key] != nil {
		x.top.refuse("another flag in the file has the key %q", x.key)
	}
	f.keys = append(f.keys, x.key)
	f.flags[x.key] = x
}

func (f *darklyFile) readSegments(root value) {
	if !root.isObject() {
		return
	}
	segments := root.field("segments")
	list := segments.fields
	if segments.isList() {
		list = segments.items
	}
	for _, x := range list() {
		key := x.field("key").text()
		if key == "" {
			key = x.name
		}
		f.segments[key] = x
	}
}

func (f *darklyFile) environments() []string {
	var out []string
	for _, x := range f.flags {
		if !x.alone {
			out = append(out, sortedKeys(x.top.field("environments").object())...)
		}
	}
	return out
}

func (f *darklyFile) flag(x *darklyFlag) (flag.Definition, error) {
	p, err := f.planOf(x)
	if err != nil {
		return flag.Definition{}, err
	}
	return p.assemble(scribe{f.c, x.key})
}

// planOf makes a flag's plan, once.
func (f *darklyFile) planOf(x *darklyFlag) (*plan, error) {
	if x.plan != nil || x.err != nil {
		return x.plan, x.err
	}
	if x.busy {
		return nil, leftOut(x.top.path, "it depends on itself, which LaunchDarkly answers with an error")
	}
	x.busy = true
	defer func() { x.busy = false }()
	r := &darklyReader{s: scribe{f.c, x.key}, file: f, flag: x, room: newRoom()}
	x.plan, x.err = r.plan()
	return x.plan, x.err
}

// darklyKnown are the fields of a rollout that mean something for what is answered.
var darklyKnown = []string{"variations", "bucketBy", "contextKind", "kind", "seed"}

// unknownTo reports what a rollout has besides.
func (r *darklyReader) unknownTo(x value) {
	for _, field := range x.fields() {
		if !slices.Contains(darklyKnown, field.name) && !field.missing() {
			r.s.lost(field.path, "GO Feature Flag has nothing like %s", field.name)
		}
	}
}
