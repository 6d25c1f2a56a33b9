package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"

	promconfig "github.com/prometheus/prometheus/config"
	"go.yaml.in/yaml/v3"
)

// loadPrometheus reads Prometheus' sections with its own reader. It joins what
// is wrong with them to err, which may be nil, and adds its warnings to notes.
func (d *document) loadPrometheus(dir string, notes *[]string, err error) (*promconfig.Config, error) {
	cfg, loadErr := promconfig.Load(d.rest, slog.New(noteHandler{slog.DiscardHandler, notes}))
	if loadErr != nil {
		return nil, errors.Join(err, d.locate(loadErr))
	}
	if err != nil {
		return nil, err
	}
	cfg.SetDirectory(dir)
	return cfg, nil
}

// noteHandler turns the warnings of Prometheus' reader into notes.
type noteHandler struct {
	slog.Handler
	notes *[]string
}

// Enabled implements slog.Handler.
func (noteHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle implements slog.Handler.
func (h noteHandler) Handle(_ context.Context, r slog.Record) error {
	note := r.Message
	r.Attrs(func(a slog.Attr) bool {
		note += " " + a.String()
		return true
	})
	*h.notes = append(*h.notes, note)
	return nil
}

// problem is what is wrong with the node that key leads to, as file:line: key: message.
func problem(file string, n *yaml.Node, key, message string) error {
	at := fmt.Sprintf("%s:%d: ", file, n.Line)
	if key != "" {
		at += strings.ToValidUTF8(key, "?") + ": "
	}
	return fmt.Errorf("%s%s", at, message)
}

// yamlLine is how the YAML readers name a line.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)

// relocate gives each error of a YAML reader, which are lines of text, the form
// file:line: message.
func relocate(name string, err error) error {
	var errs []error
	for line := range strings.Lines(strings.TrimPrefix(err.Error(), "yaml: unmarshal errors:\n")) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if m := yamlLine.FindStringSubmatch(line); m != nil {
			errs = append(errs, fmt.Errorf("%s:%s: %s", name, m[1], readable(m[2])))
		} else {
			errs = append(errs, fmt.Errorf("%s: %s", name, readable(line)))
		}
	}
	return errors.Join(errs...)
}

// unknownKey and doubleKey are how a strict reader speaks of a key in terms of Go.
var (
	unknownKey = regexp.MustCompile(`^field (\S+) not found in type .*$`)
	doubleKey  = regexp.MustCompile(`^field (\S+) already set in type .*$`)
)

// readable says in the file's words what a YAML reader says in Go's.
func readable(message string) string {
	message = strings.TrimPrefix(message, "yaml: ")
	if m := unknownKey.FindStringSubmatch(message); m != nil {
		return m[1] + ": unknown key here; is it spelled and indented as in Prometheus' documentation?"
	}
	if m := doubleKey.FindStringSubmatch(message); m != nil {
		return m[1] + ": is there twice: keep one"
	}
	return message
}

// quotedValue is how an error shows a value.
var quotedValue = regexp.MustCompile(`"((?:[^"\\]|\\.)+)"`)

// locate does what relocate does, and finds the line of an error that names
// none by the value that it shows, where that is in Prometheus' sections.
func (d *document) locate(err error) error {
	text := err.Error()
	if strings.Contains(text, "\n") || yamlLine.MatchString(text) {
		return relocate(d.name, err)
	}
	for _, shown := range quotedValue.FindAllString(text, -1) {
		value, err := strconv.Unquote(shown)
		if err != nil {
			continue
		}
		switch lines := d.linesOf(value); len(lines) {
		case 0:
		case 1:
			return fmt.Errorf("%s:%s: %s", d.name, lines[0], readable(text))
		default:
			return fmt.Errorf("%s: %s (%s is in the lines %s)", d.name, readable(text), quoted(value), strings.Join(lines[:min(5, len(lines))], ", "))
		}
	}
	return relocate(d.name, err)
}

// linesOf returns the lines of Prometheus' sections that have value as a key or
// a value.
func (d *document) linesOf(value string) (lines []string) {
	for _, s := range d.prometheus {
		walk(s.value, func(n *yaml.Node) {
			if n.Kind == yaml.ScalarNode && n.Value == value {
				lines = append(lines, strconv.Itoa(n.Line))
			}
		})
	}
	return lines
}
