package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/tidemark/tidemark/annotate/flag"
)

type flagSetCmd struct {
	whyFlags
	Key        string   `arg:"" help:"The flag's key."`
	Variation  string   `arg:"" optional:"" help:"The variation to give."`
	Percentage *float64 `placeholder:"N" help:"Give it to this percentage, and not to all."`
	Rest       string   `placeholder:"VARIATION" help:"Who gets the rest; the others keep their proportions otherwise."`
	File       string   `type:"existingfile" placeholder:"FILE" help:"Define the flag as this file of GO Feature Flag does (YAML, JSON or TOML)."`
}

// Run gives a variation to all or to some, or defines the flag.
func (c *flagSetCmd) Run(ctx context.Context, io streams, parent *flagCmd) error {
	switch {
	case c.File != "" && (c.Variation != "" || c.Percentage != nil || c.Rest != ""):
		return &exitError{codeUsage, errors.New("--file defines the whole flag; leave out the variation, or the file")}
	case c.File != "":
		return c.define(ctx, io, parent)
	case c.Variation == "":
		return &exitError{codeUsage, errors.New("say which variation, or define the flag with --file")}
	case c.Percentage == nil && c.Rest != "":
		return &exitError{codeUsage, errors.New("--rest goes with --percentage: all get the variation otherwise")}
	case c.Percentage == nil:
		return c.change(ctx, io, parent, c.Key, http.MethodPost, "/flip", map[string]any{"to": c.Variation})
	}
	body := map[string]any{"variation": c.Variation, "percentage": *c.Percentage}
	if c.Rest != "" {
		body["rest"] = c.Rest
	}
	return c.change(ctx, io, parent, c.Key, http.MethodPost, "/rollout", body)
}

func (c *flagSetCmd) define(ctx context.Context, io streams, parent *flagCmd) error {
	definitions, err := readFlagFile(c.File)
	if err != nil {
		return err
	}
	d, ok := definitions[c.Key]
	if !ok {
		return fmt.Errorf("%s has no flag %q", c.File, c.Key)
	}
	return c.change(ctx, io, parent, c.Key, http.MethodPut, "", map[string]any{"definition": d})
}

// maxFlagFile is how long a file of flags may be, in bytes.
const maxFlagFile = 8 << 20

// readFlagFile reads a file of GO Feature Flag.
func readFlagFile(path string) (map[string]flag.Definition, error) {
	format, ok := flag.FormatOf(path)
	if !ok {
		return nil, fmt.Errorf("%s: its name must end in .yaml, .yml, .json or .toml", path)
	}
	data, err := readBounded(path, maxFlagFile)
	if err != nil {
		return nil, err
	}
	definitions, err := flag.ParseFile(data, format)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return definitions, nil
}

// readBounded reads a file of at most so many bytes.
func readBounded(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%s has %d bytes; at most %d are read", path, info.Size(), most)
	}
	return os.ReadFile(path)
}

type flagRampCmd struct {
	whyFlags
	Key       string   `arg:"" help:"The flag's key."`
	Variation string   `arg:"" optional:"" help:"Whose percentage moves."`
	From      *float64 `placeholder:"N" help:"The percentage at the start; what it has now."`
	To        *float64 `placeholder:"N" help:"The percentage at the end."`
	Over      string   `placeholder:"TIME" help:"How long it takes, such as 30m, 12h or 2d."`
	Steps     int      `placeholder:"N" help:"In how many steps (10)."`
	Rest      string   `placeholder:"VARIATION" help:"Who gets the rest; the others keep their proportions otherwise."`
	Stop      bool     `help:"End the ramp that is under way, where it is."`
}

// Run begins a ramp, or ends one.
func (c *flagRampCmd) Run(ctx context.Context, io streams, parent *flagCmd) error {
	if c.Stop {
		return c.change(ctx, io, parent, c.Key, http.MethodDelete, "/ramp", nil)
	}
	if c.Variation == "" || c.To == nil || c.Over == "" {
		return &exitError{codeUsage, errors.New("say which variation, --to how many per cent, and --over how long")}
	}
	body := map[string]any{"variation": c.Variation, "to": *c.To, "over": c.Over}
	if c.From != nil {
		body["from"] = *c.From
	}
	if c.Steps != 0 {
		body["steps"] = c.Steps
	}
	if c.Rest != "" {
		body["rest"] = c.Rest
	}
	return c.change(ctx, io, parent, c.Key, http.MethodPost, "/rollout", body)
}

type flagScheduleCmd struct {
	whyFlags
	Key        string    `arg:"" help:"The flag's key."`
	Variation  string    `arg:"" optional:"" help:"on, off, or the variation to give."`
	At         time.Time `format:"2006-01-02T15:04:05Z07:00" placeholder:"TIME" help:"When, in RFC 3339: 2026-03-04T09:00:00Z."`
	Percentage *float64  `placeholder:"N" help:"Give the variation to this percentage, and not to all."`
	Cancel     string    `placeholder:"ID" help:"Take back what was planned under this id."`
}

// Run plans a move, or takes one back.
func (c *flagScheduleCmd) Run(ctx context.Context, io streams, parent *flagCmd) error {
	if c.Cancel != "" {
		if _, err := uuid.Parse(c.Cancel); err != nil {
			return &exitError{codeUsage, fmt.Errorf("--cancel: %q is no id of what is planned; tidemark flag show has them", c.Cancel)}
		}
		return c.change(ctx, io, parent, c.Key, http.MethodDelete, "/schedule/"+c.Cancel, nil)
	}
	if c.Variation == "" || c.At.IsZero() {
		return &exitError{codeUsage, errors.New("say which variation, and --at what time")}
	}
	do := map[string]any{"flip": map[string]any{"to": c.Variation}}
	if c.Percentage != nil {
		do = map[string]any{"rollout": map[string]any{"variation": c.Variation, "percentage": *c.Percentage}}
	}
	return c.change(ctx, io, parent, c.Key, http.MethodPost, "/schedule", map[string]any{"at": c.At, "do": do})
}
