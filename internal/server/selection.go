package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark/tidemark/annotate"
)

// selection is what the query parameters of a request ask for.
type selection struct {
	annotate.List
	per annotate.Per
	// marks is how many marks there may be, and resolution how far apart they
	// are, in milliseconds; 0 leaves it to the log.
	marks      int
	resolution int64
	// after is the event to resume behind; negative for none.
	after int64
}

// parameter is one query parameter that a request may have.
type parameter struct {
	name, doc string
	schema    *huma.Schema
	// repeats says that it may be given several times, and required that it
	// must be given.
	repeats, required bool
	take              func(*selection, string) error
}

// The bounds of query parameters.
const (
	maxParameter  = 1000   // bytes of one value
	maxParameters = 10_000 // values in all
	labelPrefix   = "label."
)

// labelParameter stands in the documentation for label.NAME with any name.
const labelParameter = labelPrefix + "NAME"

func textParameter(name, doc string, into func(*selection) *[]string) parameter {
	return parameter{
		name: name, doc: doc, repeats: true, schema: &huma.Schema{Type: huma.TypeString},
		take: func(s *selection, value string) error {
			list := into(s)
			*list = append(*list, value)
			return nil
		},
	}
}

func timeParameter(name, doc string, into func(*selection) *annotate.Time) parameter {
	return parameter{
		name: name, doc: doc, schema: anyTime(""),
		take: func(s *selection, value string) error {
			t, err := annotate.ParseTime(value)
			*into(s) = t
			return err
		},
	}
}

// limitParameter bounds how many of what it names are returned.
func limitParameter(what string, byDefault, most int, into func(*selection) *int) parameter {
	return parameter{
		name: "limit", doc: fmt.Sprintf("How many %s to return at the most; %d where it is not given", what, byDefault),
		schema: &huma.Schema{Type: huma.TypeInteger, Minimum: new(float64(1)), Maximum: new(float64(most))},
		take: func(s *selection, value string) error {
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > most {
				return fmt.Errorf("must be a whole number from 1 to %d", most)
			}
			*into(s) = n
			return nil
		},
	}
}

// whatParameters select by what a change is, where it happened and who made it.
func whatParameters() []parameter {
	return []parameter{
		textParameter("kind", "Kind of change; any of several", func(s *selection) *[]string { return &s.Kinds }),
		textParameter("service", "What was changed; any of several", func(s *selection) *[]string { return &s.Services }),
		textParameter("environment", "Where; any of several", func(s *selection) *[]string { return &s.Environments }),
		noneParameter(),
		statusParameter(),
		textParameter("who", "Name of the one who made the change; any of several", func(s *selection) *[]string { return &s.Who }),
		{
			name: labelParameter, doc: "Value of the label called NAME; may be given for several names, which must all match",
			schema: &huma.Schema{Type: huma.TypeString},
		},
		{
			name: "q", doc: "Words that must all be in the change's texts", schema: &huma.Schema{Type: huma.TypeString},
			take: func(s *selection, value string) error { s.Text = value; return nil },
		},
	}
}

// noneParameter selects what names no place.
func noneParameter() parameter {
	const service, environment = "service", "environment"
	return parameter{
		name: "none", doc: "service: changes that name no service are selected as well, or they alone where none is asked for by name; environment: likewise; any of both", repeats: true,
		schema: &huma.Schema{Type: huma.TypeString, Enum: []any{service, environment}},
		take: func(s *selection, value string) error {
			switch value {
			case service:
				s.Services = append(s.Services, "")
			case environment:
				s.Environments = append(s.Environments, "")
			default:
				return fmt.Errorf("must be service or environment")
			}
			return nil
		},
	}
}

// statusParameter selects by how far a change has come.
func statusParameter() parameter {
	statuses := make([]any, 0, len(annotate.Statuses()))
	for _, status := range annotate.Statuses() {
		statuses = append(statuses, string(status))
	}
	return parameter{
		name: "status", doc: "How far the change has come; any of several", repeats: true,
		schema: &huma.Schema{Type: huma.TypeString, Enum: statuses},
		take: func(s *selection, value string) error {
			if !slices.Contains(annotate.Statuses(), annotate.Status(value)) {
				return fmt.Errorf("must be one of %s", joinAny(statuses))
			}
			s.Statuses = append(s.Statuses, annotate.Status(value))
			return nil
		},
	}
}

// filterParameters are the parts of a filter.
func filterParameters() []parameter {
	return append(whatParameters(),
		timeParameter("from", "Only changes that last beyond this time", func(s *selection) *annotate.Time { return &s.From }),
		timeParameter("to", "Only changes that begin before this time", func(s *selection) *annotate.Time { return &s.To }),
	)
}

// listParameters are what a page of changes is asked for by.
func listParameters() []parameter {
	return append(filterParameters(),
		limitParameter("changes", annotate.DefaultPage, annotate.MaxPage, func(s *selection) *int { return &s.Limit }),
		parameter{
			name: "cursor", doc: "The next of the page before", schema: &huma.Schema{Type: huma.TypeString},
			take: func(s *selection, value string) error { s.Cursor = value; return nil },
		},
	)
}

// lastParameters are what the newest changes are asked for by.
func lastParameters() []parameter {
	return append(whatParameters(),
		timeParameter("at", "The newest that had begun at this time, and not now", func(s *selection) *annotate.Time { return &s.To }),
		parameter{
			name: "per", doc: "service: the newest change of each service; flag: that of each flag in each service and environment; left out: the newest of all",
			schema: &huma.Schema{Type: huma.TypeString, Enum: []any{string(annotate.PerService), string(annotate.PerFlag)}},
			take: func(s *selection, value string) error {
				s.per = annotate.Per(value)
				if s.per != annotate.PerService && s.per != annotate.PerFlag {
					return fmt.Errorf("must be service or flag, or left out for the newest of all")
				}
				return nil
			},
		},
	)
}

// streamParameters are what a stream is asked for by.
func streamParameters() []parameter {
	return append(filterParameters(), parameter{
		name: "last_event_id", doc: "The event to resume behind, for callers that cannot set the header Last-Event-ID; 0 for all from the beginning",
		schema: &huma.Schema{Type: huma.TypeInteger, Minimum: new(float64(0))},
		take:   func(s *selection, value string) (err error) { s.after, err = parseEventID(value); return err },
	})
}

func parseEventID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 0 {
		return 0, fmt.Errorf("must be the id of an event, a whole number")
	}
	return id, nil
}

// parseSelection reads a query string that may have the parameters given, and
// no others.
func parseSelection(rawQuery string, params []parameter) (selection, error) {
	s := selection{List: annotate.List{Limit: annotate.DefaultPage}, marks: annotate.DefaultMarks, after: -1}
	if total := strings.Count(rawQuery, "&") + 1; total > maxParameters {
		return s, faulty(Fault{Message: fmt.Sprintf("has %d values; at most %d are taken", total, maxParameters), Location: "query"})
	}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return s, newProblem(http.StatusBadRequest, "the query string cannot be read: "+err.Error())
	}
	var faults []Fault
	for name, values := range query {
		at := slices.IndexFunc(params, func(p parameter) bool { return p.name == name })
		label, isLabel := strings.CutPrefix(name, labelPrefix)
		var p parameter
		switch {
		case isLabel && label != "" && slices.ContainsFunc(params, func(p parameter) bool { return p.name == labelParameter }):
			p = parameter{take: func(s *selection, value string) error { return s.label(label, value) }}
		case at >= 0:
			p = params[at]
		default:
			faults = append(faults, Fault{Message: "is no parameter here; there are " + parameterNames(params), Location: "query." + name})
			continue
		}
		if err := p.takeAll(&s, values); err != nil {
			faults = append(faults, Fault{Message: err.Error(), Location: "query." + name, Value: values[0]})
		}
	}
	for _, p := range params {
		if p.required && !query.Has(p.name) {
			faults = append(faults, Fault{Message: "is missing", Location: "query." + p.name})
		}
	}
	if len(s.Labels) > annotate.MaxLabels {
		faults = append(faults, Fault{Message: fmt.Sprintf("has %d labels; no change has more than %d", len(s.Labels), annotate.MaxLabels), Location: "query"})
	}
	if !s.From.IsZero() && !s.To.IsZero() && s.From.After(s.To.Time) {
		faults = append(faults, Fault{Message: "is after to; from is the earlier of both", Location: "query.from", Value: query.Get("from")})
	}
	if len(faults) > 0 {
		return s, faulty(faults...)
	}
	return s, nil
}

// takeAll takes the values given for a parameter.
func (p parameter) takeAll(s *selection, values []string) error {
	if len(values) > 1 && !p.repeats {
		return fmt.Errorf("is given %d times; give it once", len(values))
	}
	for _, value := range values {
		switch {
		case value == "":
			return fmt.Errorf("is empty; give it a value, or leave it out")
		case len(value) > maxParameter:
			return fmt.Errorf("is %d bytes long; at most %d are taken", len(value), maxParameter)
		}
		if err := p.take(s, value); err != nil {
			return err
		}
	}
	return nil
}

// label adds a label that a change must have.
func (s *selection) label(name, value string) error {
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	s.Labels[name] = value
	return nil
}

func parameterNames(params []parameter) string {
	names := make([]string, len(params))
	for i, p := range params {
		names[i] = p.name
	}
	return strings.Join(names, ", ")
}

func joinAny(values []any) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = fmt.Sprint(value)
	}
	return strings.Join(texts, ", ")
}

// documentForm makes params the fields of op's form.
func documentForm(op *huma.Operation, params []parameter) {
	form := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{}}
	for _, p := range params {
		field := *p.schema
		if p.repeats {
			field = huma.Schema{Type: huma.TypeArray, Items: p.schema}
		}
		field.Description = p.doc
		form.Properties[p.name] = &field
		if p.required {
			form.Required = append(form.Required, p.name)
		}
	}
	op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{formType: {Schema: form}}}
}

// documentParameters adds params to op.
func documentParameters(op *huma.Operation, params []parameter) {
	for _, p := range params {
		documented := &huma.Param{Name: p.name, In: "query", Description: p.doc, Schema: p.schema, Required: p.required}
		if p.repeats {
			explode := true
			documented.Explode = &explode
			documented.Schema = &huma.Schema{Type: huma.TypeArray, Items: p.schema}
		}
		op.Parameters = append(op.Parameters, documented)
	}
}
