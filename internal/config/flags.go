package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tidemark/tidemark/annotate/flag/control"
	"github.com/tidemark/tidemark/annotate/flag/flagfile"
)

// Flags is the section flags: feature flags.
type Flags struct {
	// DefaultEnvironment is the one that is meant where none is named.
	DefaultEnvironment string
	// Environments are those that have flags, each its own.
	Environments []string
	// Files are where flags are defined besides through the API.
	Files []flagfile.Source
	// RequireReason are the environments in which whoever changes a flag must say why.
	RequireReason []string
	// MaxFlags is how many flags an environment may have.
	MaxFlags int
	// Origins are the web sites whose pages may evaluate flags.
	Origins []string
	// Context is added to the context of every evaluation.
	Context map[string]any

	reasonEverywhere bool
}

// maxFlagFiles is how many entries flags.files may have.
const maxFlagFiles = 1000

func defaultFlags() Flags {
	return Flags{DefaultEnvironment: "production", MaxFlags: control.DefaultMaxFlags}
}

func (f *Flags) fields() map[string]read {
	return map[string]read{
		"default_environment": text(into(&f.DefaultEnvironment, checkEnvironment)),
		"environments":        words(&f.Environments, checkEnvironment),
		"files":               list(maxFlagFiles, "{path: flags/*.yaml, environment: production}", f.readFile),
		"require_reason":      f.readReason,
		"cors_origins":        words(&f.Origins, checkOrigin),
		"evaluation_context":  f.readContext,
		"max_flags":           number(&f.MaxFlags, 100_000),
	}
}

// environmentPattern is what an environment may be called: it is a part of paths,
// of keys in the store and of metrics' labels.
var environmentPattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$`)

func checkEnvironment(name string) error {
	if !environmentPattern.MatchString(name) {
		return fmt.Errorf("is %s, and must be a name such as production: letters, digits, '.', '_' and '-', at most 100", quoted(name))
	}
	return nil
}

// readFile reads one entry of the list of files.
func (f *Flags) readFile(r *reader, n *yaml.Node, key string) {
	var source flagfile.Source
	object(map[string]read{
		"path":        text(into(&source.Path, checkPattern)),
		"environment": text(into(&source.Environment, checkEnvironment)),
	})(r, n, key)
	if source.Path == "" && resolve(n).Kind == yaml.MappingNode && lookup(n, "path") == nil {
		r.fail(n, key, "has no path: say which file, folder or pattern, such as flags/*.yaml")
	}
	f.Files = append(f.Files, source)
}

func checkPattern(path string) error {
	if path == "" {
		return fmt.Errorf("is empty, and must be a file, a folder, or a pattern such as flags/*.yaml")
	}
	if _, err := filepath.Match(path, ""); err != nil {
		return fmt.Errorf("is %s, which is no pattern: a [ has no ]", quoted(path))
	}
	return nil
}

// readReason reads a list of environments, or true for all of them.
func (f *Flags) readReason(r *reader, n *yaml.Node, key string) {
	if n = resolve(n); n.Kind == yaml.ScalarNode && !isNull(n) {
		if n.ShortTag() != "!!bool" || n.Decode(&f.reasonEverywhere) != nil {
			r.fail(n, key, "is %s, and must be true, false or a list of environments such as [production]", kind(n))
		}
		return
	}
	words(&f.RequireReason, checkEnvironment)(r, n, key)
}

// complete fills in what follows from other keys, and fails what names an
// environment that is not there. Relative paths start at dir.
func (f *Flags) complete(fail func(path, format string, args ...any), dir string) {
	if len(f.Environments) == 0 {
		f.Environments = []string{f.DefaultEnvironment}
	}
	one := func(name, path string) {
		if !slices.Contains(f.Environments, name) {
			fail(path, "is %q, which is none of flags.environments: %s", name, strings.Join(f.Environments, ", "))
		}
	}
	one(f.DefaultEnvironment, ".default_environment")
	for i, name := range f.Environments {
		if slices.Contains(f.Environments[:i], name) {
			fail(".environments", "has %q twice: keep one", name)
		}
	}
	for i := range f.Files {
		source := &f.Files[i]
		if source.Environment == "" {
			source.Environment = f.DefaultEnvironment
		}
		one(source.Environment, fmt.Sprintf(".files[%d].environment", i))
		if dir != "" && !filepath.IsAbs(source.Path) {
			source.Path = filepath.Join(dir, source.Path)
		}
	}
	for i, name := range f.RequireReason {
		one(name, fmt.Sprintf(".require_reason[%d]", i))
	}
	if f.reasonEverywhere {
		f.RequireReason = slices.Clone(f.Environments)
	}
}

// Settings are what a control.Control needs of this section.
func (f Flags) Settings() control.Settings {
	return control.Settings{
		Environments:  f.Environments,
		RequireReason: f.RequireReason,
		MaxFlags:      f.MaxFlags,
	}
}

// completeFlags does so with the section flags, which the file may not have.
func (c *Config) completeFlags(r *reader, doc *document, dir string) {
	section := &yaml.Node{}
	for _, s := range doc.own {
		if s.key.Value == "flags" {
			section = s.value
		}
	}
	c.Flags.complete(func(path, format string, args ...any) {
		r.fail(below(section, path), "flags"+path, format, args...)
	}, dir)
	for name := range c.Auth.Environments {
		if !slices.Contains(c.Flags.Environments, name) {
			c.Notes = append(c.Notes, fmt.Sprintf("auth.environments: %q is none of flags.environments, so this counts for deploys alone", name))
		}
	}
}
