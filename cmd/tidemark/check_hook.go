package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate/intake"
	"github.com/tidemark/tidemark/internal/client/table"
	"github.com/tidemark/tidemark/internal/config"
)

type checkHookCmd struct {
	outputFlag
	Name       string   `arg:"" help:"The hook's name in the configuration."`
	ConfigFile string   `name:"config.file" default:"tidemark.yml" type:"path" placeholder:"FILE" help:"The configuration that has the hook; tidemark.yml where it is not given."`
	Header     []string `short:"H" sep:"none" placeholder:"NAME: VALUE" help:"A header that the sender would set, such as 'X-GitHub-Event: deployment_status'; can be given again."`
}

// Run reads a payload from the standard input, and writes the changes that the hook would
// make of it.
func (c *checkHookCmd) Run(io streams) error {
	cfg, err := config.Load(c.ConfigFile)
	if err != nil {
		return err
	}
	hook := cfg.Hooks.Hook(c.Name)
	if hook == nil {
		return fmt.Errorf("%s has no hook %q in its section hooks", c.ConfigFile, c.Name)
	}
	d, err := c.delivery(io)
	if err != nil {
		return err
	}
	told, err := hook.Read(d)
	if err != nil {
		told.Failures = append(told.Failures, err)
	}
	if told.Nothing != "" {
		_, err := fmt.Fprintf(io.Out, "no change: %s\n", table.Clean(told.Nothing))
		return err
	}
	changes, err := told.Changes(d.Arrived)
	if err != nil {
		return err
	}
	for _, change := range changes {
		if err := change.Validate(d.Arrived); err != nil {
			told.Failures = append(told.Failures, err)
			continue
		}
		if err := table.Indented(io.Out, change); err != nil {
			return err
		}
	}
	if err := errors.Join(told.Failures...); err != nil {
		return fmt.Errorf("not understood: %w", err)
	}
	return nil
}

// maxPayload is how long a payload may be, in bytes, as of one that a server takes.
const maxPayload = 1 << 20

func (c *checkHookCmd) delivery(in streams) (intake.Delivery, error) {
	d := intake.Delivery{Header: http.Header{}, Arrived: time.Now()}
	for _, h := range c.Header {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return d, &exitError{codeUsage, fmt.Errorf("--header: %q must be a name, a colon and a value", h)}
		}
		d.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	body, err := io.ReadAll(io.LimitReader(in.In, maxPayload+1))
	if err != nil {
		return d, fmt.Errorf("reading the payload: %w", err)
	}
	switch {
	case len(body) == 0:
		return d, errors.New("there is no payload on the standard input: tidemark check hook NAME < payload.json")
	case len(body) > maxPayload:
		return d, fmt.Errorf("the payload has more than %d bytes, which no server takes", maxPayload)
	}
	d.Body = body
	return d, nil
}
