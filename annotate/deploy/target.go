package deploy

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tidemark/tidemark/annotate"
)

// Target is what a service in an environment can be deployed with: what may be
// asked for, and within what limits.
type Target struct {
	ID
	// Version is what a version must match, as a whole.
	Version *regexp.Regexp
	// Parameters are what else may be asked for, by name.
	Parameters map[string]Parameter
	// Timeout is how long a run may take.
	Timeout time.Duration
	// Diff is the URL of what a version alters, with placeholders; empty for none.
	Diff Template
}

// Parameter is something that a target lets its callers choose.
type Parameter struct {
	// Pattern is what a value must match, as a whole.
	Pattern *regexp.Regexp
	// Default is the value where none is given; nil where one must be.
	Default *string
	// Description says what it is for.
	Description string
}

// The limits of what may be asked for, and the defaults of targets.
const (
	// MaxVersion and MaxParameter are how long a version and a parameter's value
	// may be, in bytes.
	MaxVersion   = 200
	MaxParameter = 1000
	// MaxParameters is how many parameters a target may have.
	MaxParameters = 50
	// DefaultTimeout is how long a run may take unless its target says it, and
	// MaxTimeout the most that it may say.
	DefaultTimeout = 30 * time.Minute
	MaxTimeout     = 24 * time.Hour
)

// DefaultPattern is what versions and parameters must match unless their target
// says it: tags, hashes, semantic versions and names of images' tags do.
const DefaultPattern = `[A-Za-z0-9_][A-Za-z0-9_.+@:/-]*`

// Pattern compiles a pattern as targets have them: values match it as a whole.
func Pattern(expr string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(expr); err != nil { // so that the error shows what was written
		return nil, err
	}
	return regexp.Compile(`^(?:` + expr + `)$`)
}

// Check returns what is asked for with the defaults filled in. Its error is Invalid,
// and says what the target takes.
func (t Target) Check(version string, parameters map[string]string) (map[string]string, error) {
	if version == "" {
		return nil, invalid("version", nil, "is missing; it says what to deploy")
	}
	if err := checkValue("version", version, MaxVersion, t.Version); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		if _, ok := t.Parameters[name]; !ok {
			return nil, invalid("parameters."+name, parameters[name], "is no parameter of %s; %s", t.ID, t.takes())
		}
	}
	full := make(map[string]string, len(t.Parameters))
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		p := t.Parameters[name]
		value, given := parameters[name]
		switch {
		case given:
		case p.Default == nil:
			return nil, invalid("parameters."+name, nil, "is missing; %s takes one that matches %s", t.ID, Shown(p.Pattern))
		default:
			value = *p.Default
		}
		if err := p.Check("parameters."+name, value); err != nil {
			return nil, err
		}
		full[name] = value
	}
	return full, nil
}

func (t Target) takes() string {
	if len(t.Parameters) == 0 {
		return "it has none"
	}
	return "it has " + strings.Join(slices.Sorted(maps.Keys(t.Parameters)), ", ")
}

// Check returns an Invalid error, about the field, for a value that the parameter does
// not take.
func (p Parameter) Check(field, value string) *annotate.Error {
	return checkValue(field, value, MaxParameter, p.Pattern)
}

// checkValue refuses what does not match, and whatever the pattern says, what a
// program could take for an option of its own, or for more than one value.
func checkValue(field, value string, most int, pattern *regexp.Regexp) *annotate.Error {
	switch {
	case len(value) > most:
		return invalid(field, value[:most], "is %d bytes long; at most %d are taken", len(value), most)
	case strings.HasPrefix(value, "-"):
		return invalid(field, value, "begins with a dash, and would be taken for an option")
	case !utf8.ValidString(value) || strings.IndexFunc(value, unicode.IsControl) >= 0:
		return invalid(field, strings.ToValidUTF8(value, "?"), "has a control character in it, or no UTF-8")
	case !pattern.MatchString(value):
		return invalid(field, value, "must match %s", Shown(pattern))
	}
	return nil
}

// Shown is a pattern as it was written.
func Shown(p *regexp.Regexp) string {
	return strings.TrimSuffix(strings.TrimPrefix(p.String(), "^(?:"), ")$")
}
