package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tidemark/tidemark/annotate"
)

// pastTime is a time as people write it on a command line.
type pastTime struct{ annotate.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *pastTime) UnmarshalText(b []byte) error {
	parsed, err := annotate.ParsePastTime(string(b), time.Now())
	t.Time = parsed
	return err
}

// whatFlags say what a change is.
type whatFlags struct {
	Title           string            `help:"One line."`
	Text            string            `help:"As much as needed."`
	Who             string            `env:"TIDEMARK_WHO" help:"Who makes the change: the one who can help."`
	Service         string            `env:"TIDEMARK_SERVICE" help:"What is changed."`
	Environment     string            `aliases:"env" env:"TIDEMARK_ENVIRONMENT" help:"Where: production, staging, …"`
	Label           map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"Anything else to select by; may be repeated."`
	Version         string            `env:"TIDEMARK_VERSION" help:"The version that the change brings."`
	PreviousVersion string            `help:"The version that it replaces."`
	Commit          string            `help:"The source commit of the version."`
	Link            []string          `sep:"none" placeholder:"REL=URL" help:"A diff, run, ticket, dashboard, …; may be repeated."`
	Risk            string            `help:"What may go wrong."`
	Contingency     string            `help:"What to do then."`
	Undoes          string            `placeholder:"ID" help:"The id of the change that this one takes back."`
	Source          string            `help:"The sender's name for itself."`
	ExternalID      string            `name:"external-id" help:"The sender's own id for the change: sent twice, it is still one change."`
}

// report returns what the flags say. A report always has an identity, so that
// it can be sent again.
func (f whatFlags) report(source string) (annotate.Report, error) {
	r := annotate.Report{
		Source: f.Source, ExternalID: f.ExternalID,
		Title: f.Title, Text: f.Text,
		Service: f.Service, Environment: f.Environment, Labels: f.Label,
		Version: f.Version, PreviousVersion: f.PreviousVersion, Commit: f.Commit,
		Risk: f.Risk, Contingency: f.Contingency, Undoes: f.Undoes,
	}
	if f.Who != "" {
		r.Who = &annotate.Who{Name: f.Who}
	}
	for _, s := range f.Link {
		r.Links = append(r.Links, parseLink(s))
	}
	if r.Source == "" {
		r.Source = source
	}
	if r.ExternalID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return annotate.Report{}, fmt.Errorf("make an id: %w", err)
		}
		r.ExternalID = id.String()
	}
	return r, nil
}

// parseLink reads REL=URL, or a URL alone.
func parseLink(s string) annotate.Link {
	rel, href, ok := strings.Cut(s, "=")
	if !ok || strings.Contains(rel, ":") {
		return annotate.Link{Href: s}
	}
	return annotate.Link{Rel: rel, Href: href}
}

// parseFlagChange reads KEY=FROM:TO, or KEY=TO.
func parseFlagChange(s string) (*annotate.FlagChange, error) {
	key, values, ok := strings.Cut(s, "=")
	if !ok || key == "" {
		return nil, fmt.Errorf("--flag: %q is no flip of a flag; write KEY=FROM:TO", s)
	}
	from, to, ok := strings.Cut(values, ":")
	if !ok {
		return &annotate.FlagChange{Key: key, To: flagValue(values)}, nil
	}
	return &annotate.FlagChange{Key: key, From: flagValue(from), To: flagValue(to)}, nil
}

// flagValue returns s as the number or truth value that it is, or as a string.
func flagValue(s string) any {
	var v any
	if err := json.Unmarshal([]byte(s), &v); err == nil {
		switch v.(type) {
		case bool, float64:
			return v
		}
	}
	return s
}

// filterFlags select changes.
type filterFlags struct {
	Kind        []string          `sep:"none" help:"Only changes of this kind; may be repeated, as the others."`
	Service     []string          `sep:"none" help:"Only changes of this service."`
	Environment []string          `sep:"none" help:"Only changes in this environment."`
	Status      []string          `sep:"none" help:"Only changes with this status."`
	Who         []string          `sep:"none" help:"Only changes that this person or machine made."`
	Label       map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"Only changes with this label."`
	Search      string            `short:"q" help:"Only changes with each of these words in them."`
}

func (f filterFlags) filter() annotate.Filter {
	filter := annotate.Filter{
		Kinds: f.Kind, Services: f.Service, Environments: f.Environment, Who: f.Who,
		Labels: f.Label, Text: f.Search,
	}
	for _, status := range f.Status {
		filter.Statuses = append(filter.Statuses, annotate.Status(status))
	}
	return filter
}
