package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// The formats that From reads.
const (
	Flagd        = "flagd"
	Unleash      = "unleash"
	LaunchDarkly = "launchdarkly"
	GOFF         = "goff"
)

// Formats are the names of the formats that From reads.
func Formats() []string { return []string{Flagd, GOFF, LaunchDarkly, Unleash} }

// The limits of a conversion.
const (
	// MaxBytes is how long a file may be.
	MaxBytes = 8 << 20
	// MaxFlags is how many flags a file may hold.
	MaxFlags = 5000
	// MaxOutput is how long all definitions may be together, as JSON: what a file
	// refers to many times is written out each time.
	MaxOutput = 64 << 20
)

// Options says what a file alone does not.
type Options struct {
	// Environment chooses one, where a file holds a flag's state in several.
	Environment string
	// Notation is how the file is written, such as the end of its name says. Left
	// out, it is JSON where the first character is that of an object or a list,
	// and YAML otherwise. GO Feature Flag's files may be in TOML as well.
	Notation flag.Format
}

// Result is what became of a file.
type Result struct {
	// Flags are the definitions, by key. Each is valid for GO Feature Flag's library.
	Flags map[string]flag.Definition
	// LeftOut are the keys of the flags that could not be converted, sorted. A
	// remark says why for each.
	LeftOut []string
	// Remarks say what is expressed differently or not at all, sorted by flag.
	Remarks []Remark
}

// Remark says something about a flag that the one who converts it has to know.
type Remark struct {
	// Flag is its key; empty for what concerns the whole file.
	Flag string `json:"flag,omitempty"`
	// Path is where in the file the cause stands: "flags.header.targeting.if[0]".
	Path string `json:"path,omitempty"`
	// Text is for a person, and says who gets another answer.
	Text string `json:"text"`
	// Lost says that the definition lacks something that the file has, so that
	// somebody may get another answer; otherwise it is there in another form.
	Lost bool `json:"lost"`
}

// From converts a file. The result depends on its arguments alone. The error is,
// or joins several of, *annotate.Error whose Field is the path of what is wrong.
func From(format string, data []byte, options Options) (Result, error) {
	c := &conversion{out: Result{Flags: map[string]flag.Definition{}}}
	var convert func(*conversion, value, Options)
	switch format {
	case Flagd:
		convert = fromFlagd
	case Unleash:
		convert = fromUnleash
	case LaunchDarkly:
		convert = fromLaunchDarkly
	case GOFF:
		return fromGOFF(data, options)
	default:
		return Result{}, invalid("format", format, "must be one of %s", strings.Join(Formats(), ", "))
	}
	root, err := read(data, options.Notation)
	if err != nil {
		return Result{}, err
	}
	convert(c, root, options)
	if root.in.err != nil {
		return Result{}, root.in.err
	}
	slices.Sort(c.out.LeftOut)
	slices.SortStableFunc(c.out.Remarks, func(a, b Remark) int { return strings.Compare(a.Flag, b.Flag) })
	return c.out, nil
}

// conversion gathers the result.
type conversion struct {
	out   Result
	bytes int
	seen  map[Remark]bool
}

// take puts a converted flag into the result, or leaves it out if err is an
// *unfit. It fails the input where a limit is reached.
func (c *conversion) take(in *input, key, path string, def flag.Definition, err error) {
	if in.err != nil {
		return
	}
	if u, ok := errors.AsType[*unfit](err); ok {
		if u.path != "" {
			path = u.path
		}
		c.leaveOut(key, path, u.text)
		return
	}
	body, err := json.Marshal(def)
	if err != nil {
		c.leaveOut(key, path, "it cannot be written as JSON: "+err.Error())
		return
	}
	if c.bytes += len(body); c.bytes > MaxOutput {
		in.fail(&annotate.Error{Code: annotate.TooMany, Field: path,
			Message: fmt.Sprintf("the definitions up to here are longer than %d bytes; convert the file in parts", MaxOutput)})
		return
	}
	if _, twice := c.out.Flags[key]; twice {
		in.fail(invalid(path, key, "is there twice"))
		return
	}
	c.out.Flags[key] = def
}

var tooLong = fmt.Sprintf("left out: its definition would be longer than %d bytes", flag.MaxDefinition)

// leaveOut records that a flag could not be converted.
func (c *conversion) leaveOut(key, path, text string) {
	if !strings.HasPrefix(text, "left out") {
		text = "left out: " + text
	}
	c.out.LeftOut = append(c.out.LeftOut, key)
	c.remark(Remark{Flag: key, Path: path, Text: text, Lost: true})
}

// remark adds one, once.
func (c *conversion) remark(r Remark) {
	if c.seen == nil {
		c.seen = map[Remark]bool{}
	}
	if !c.seen[r] {
		c.seen[r] = true
		c.out.Remarks = append(c.out.Remarks, r)
	}
}

// scribe writes the remarks of one flag.
type scribe struct {
	c    *conversion
	flag string
}

// differs says that something is there in another form.
func (s scribe) differs(path, format string, args ...any) {
	s.c.remark(Remark{Flag: s.flag, Path: path, Text: fmt.Sprintf(format, args...)})
}

// lost says that something is not there any more.
func (s scribe) lost(path, format string, args ...any) {
	s.c.remark(Remark{Flag: s.flag, Path: path, Text: fmt.Sprintf(format, args...), Lost: true})
}

// unfit is the error of a flag that has to be left out.
type unfit struct{ path, text string }

// Error implements error.
func (e *unfit) Error() string { return e.text }

func leftOut(path, format string, args ...any) error {
	return &unfit{path: path, text: fmt.Sprintf(format, args...)}
}

func invalid(field string, value any, format string, args ...any) *annotate.Error {
	return &annotate.Error{Code: annotate.Invalid, Field: field, Value: value, Message: fmt.Sprintf(format, args...)}
}
