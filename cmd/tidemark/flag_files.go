package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/convert"
	"github.com/tidemark/tidemark/internal/client"
	"github.com/tidemark/tidemark/internal/client/table"
)

type flagImportCmd struct {
	whyFlags
	From   string   `enum:"goff,flagd,unleash,launchdarkly" default:"goff" help:"Whose file it is: ${enum} (${default}, GO Feature Flag)."`
	Source string   `placeholder:"NAME" help:"The environment in the file, where it has several."`
	Only   []string `placeholder:"KEY" sep:"none" help:"Only this flag; may be repeated."`
	Print  bool     `help:"Only convert: write the flags to the output as a file of GO Feature Flag."`
	File   string   `arg:"" type:"existingfile" help:"The file."`
}

// Run converts a file, tells what could not be converted, and defines its flags.
func (c *flagImportCmd) Run(ctx context.Context, io streams, parent *flagCmd) error {
	data, err := readBounded(c.File, convert.MaxBytes)
	if err != nil {
		return err
	}
	options := convert.Options{Environment: c.Source}
	if format, ok := flag.FormatOf(c.File); ok {
		options.Notation = format
	}
	result, err := convert.From(c.From, data, options)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	for _, remark := range result.Remarks {
		io.warn(remarked(remark))
	}
	keys := slices.Sorted(maps.Keys(result.Flags))
	if len(c.Only) > 0 {
		for _, key := range c.Only {
			if _, ok := result.Flags[key]; !ok && !slices.Contains(result.LeftOut, key) {
				return fmt.Errorf("%s gives no flag %q", c.File, key)
			}
		}
		keys = slices.DeleteFunc(slices.Clone(c.Only), func(key string) bool { return slices.Contains(result.LeftOut, key) })
	}
	if c.Print {
		chosen := make(map[string]flag.Definition, len(keys))
		for _, key := range keys {
			chosen[key] = result.Flags[key]
		}
		return errors.Join(writeFlagFile(io, chosen, flag.YAML), leftOut(result.LeftOut, c.Only))
	}
	var errs []error
	for _, key := range keys {
		if err := c.change(ctx, io, parent, key, http.MethodPut, "", map[string]any{"definition": result.Flags[key]}); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	return errors.Join(append(errs, leftOut(result.LeftOut, c.Only))...)
}

// leftOut returns an error that names the flags that could not be converted, where
// they were wanted.
func leftOut(keys, only []string) error {
	keys = slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return len(only) > 0 && !slices.Contains(only, key) })
	if len(keys) == 0 {
		return nil
	}
	return fmt.Errorf("%d flags are left out: %s", len(keys), strings.Join(keys, ", "))
}

func remarked(r convert.Remark) string {
	text := r.Text
	if r.Path != "" {
		text = r.Path + ": " + text
	}
	if r.Flag != "" {
		text = r.Flag + ": " + text
	}
	return text
}

func writeFlagFile(io streams, definitions map[string]flag.Definition, format flag.Format) error {
	text, err := convert.Export(definitions, format)
	if err != nil {
		return err
	}
	_, err = io.Out.Write(text)
	return err
}

type flagExportCmd struct {
	Format  string `enum:"yaml,json,toml" default:"yaml" help:"How to write it: ${enum}."`
	Service string `placeholder:"NAME" help:"Only flags whose metadata name this service."`
}

// Run writes the flags of an environment, and warns of those that another
// program would give to other people.
func (c *flagExportCmd) Run(ctx context.Context, io streams, parent *flagCmd) error {
	to, err := parent.client(io)
	if err != nil {
		return err
	}
	definitions := map[string]flag.Definition{}
	err = to.Flags(ctx, client.FlagQuery{Environment: parent.Environment, Service: c.Service}, func(f client.Flag) error {
		definitions[f.Key] = f.Definition
		if !f.Portable() {
			io.warn(f.Key + ": its percentages were changed here without moving anybody; what reads this file will move some")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return writeFlagFile(io, definitions, flag.Format(c.Format))
}

type flagLintCmd struct {
	outputFlag
	Files []string `arg:"" optional:"" type:"existingfile" help:"Files of flags, in YAML, JSON or TOML."`
}

// Run checks files, or asks the server what it finds. It fails where there is anything.
func (c *flagLintCmd) Run(ctx context.Context, io streams, parent *flagCmd) error {
	if len(c.Files) > 0 {
		return c.check(io)
	}
	to, err := parent.client(io)
	if err != nil {
		return err
	}
	findings, err := to.FlagFindings(ctx, parent.Environment)
	if err != nil || len(findings) == 0 {
		return err
	}
	if c.table(io) {
		err = table.Findings(io.Out, findings)
	} else {
		for _, finding := range findings {
			err = errors.Join(err, table.JSON(io.Out, finding))
		}
	}
	return errors.Join(err, &exitError{codeFailed, nil})
}

func (c *flagLintCmd) check(io streams) error {
	var errs []error
	for _, path := range c.Files {
		definitions, err := readFlagFile(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(io.Out, "%s: %d flags\n", table.Clean(path), len(definitions))
	}
	return errors.Join(errs...)
}

func joined(words []string) string { return strings.Join(words, " ") }
