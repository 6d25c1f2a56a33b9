package deploy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Template is text with placeholders in braces, such as {version}. It knows no
// escapes and no functions: what fills it was checked, and never decides what it
// means. Braces that enclose anything but a name stay as they are.
type Template string

// The placeholders that each template may have, beside the target's parameters.
const (
	PlaceholderID          = "id"
	PlaceholderService     = "service"
	PlaceholderEnvironment = "environment"
	PlaceholderVersion     = "version"
	PlaceholderPrevious    = "previous_version"
	PlaceholderReason      = "reason"
	PlaceholderWho         = "who"
)

// Placeholders returns those that each template may have, sorted.
func Placeholders() []string {
	return slices.Sorted(maps.Keys(Run{}.Values()))
}

// ParameterName is what a parameter, and so a placeholder, may be called.
var ParameterName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

var placeholder = regexp.MustCompile(`\{[a-z][a-z0-9_]{0,62}\}`)

// Check returns an error for a placeholder that is neither one that each template
// may have nor the name of a parameter.
func (t Template) Check(parameters map[string]Parameter) error {
	standard := Run{}.Values()
	for _, found := range placeholder.FindAllString(string(t), -1) {
		name := found[1 : len(found)-1]
		_, ok := standard[name]
		if _, isParameter := parameters[name]; !ok && !isParameter {
			known := slices.Concat(Placeholders(), slices.Sorted(maps.Keys(parameters)))
			return fmt.Errorf("%s is no placeholder; there are {%s}", found, strings.Join(known, "}, {"))
		}
	}
	return nil
}

// Fixed reports whether t has no placeholder.
func (t Template) Fixed() bool { return !placeholder.MatchString(string(t)) }

// Fill returns t with values in the place of their names, each as escape makes it;
// nil leaves them as they are.
func (t Template) Fill(values map[string]string, escape func(string) string) string {
	return placeholder.ReplaceAllStringFunc(string(t), func(found string) string {
		value, ok := values[found[1:len(found)-1]]
		switch {
		case !ok:
			return found
		case escape != nil:
			return escape(value)
		}
		return value
	})
}
