package server

import (
	"context"
	"encoding/json"
	"net/http"
	"path"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/common/model"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
)

// Saying is what every body that changes a flag may say beside the change itself.
type Saying struct {
	Reason string        `json:"reason,omitempty" doc:"Why, for whoever reads the log; some environments ask for it"`
	Who    *annotate.Who `json:"who,omitempty" doc:"The person for whom a trusted caller acts: a name, or an object with name and type"`
	// Contexts are for a dry run alone.
	Contexts []map[string]any `json:"contexts,omitempty" doc:"With dry_run: evaluation contexts, to be told whose answer would change"`
}

func (a Saying) said() Saying { return a }

// speaker is a body that has a Saying.
type speaker interface{ said() Saying }

// changeInput is a request that changes a flag.
type changeInput struct {
	FlagInput
	DryRun      string `query:"dry_run" enum:"true,false" doc:"Only tell what would be done, and for whom the answer would change"`
	IfMatch     string `header:"If-Match" doc:"The ETag that the flag must have, so that two people never overwrite each other"`
	IfNoneMatch string `header:"If-None-Match" doc:"* writes only where there is no such flag yet"`
}

type writtenOutput struct {
	Status int
	ETag   string `header:"ETag"`
	Body   any
}

// opChange mounts an operation that reads a T and does what command makes of it.
// bare says that the body may be left out.
func opChange[T speaker](s *Server, op huma.Operation, bare bool, command func(in *changeInput, body T) (control.Command, error)) mount {
	op.Tags, op.SkipValidateParams = []string{"flags"}, true
	h := func(ctx context.Context, in *changeInput) (*writtenOutput, error) {
		id, err := in.id(s, "dry_run")
		if err != nil {
			return nil, err
		}
		if err := s.may(ctx, id.Environment); err != nil {
			return nil, err
		}
		body, err := readInto[T](s, in.http, bare)
		if err != nil {
			return nil, err
		}
		cmd, err := command(in, body)
		if err != nil {
			return nil, err
		}
		return s.changeFlag(ctx, in, id, cmd, body.said())
	}
	return operation(op, "body", h, func(op *huma.Operation, registry huma.Registry) {
		op.RequestBody = jsonBody(registry.Schema(reflect.TypeFor[T](), true, op.OperationID))
		op.RequestBody.Required = !bare
		op.Responses["200"] = jsonAnswer("The flag as it now stands, or what a dry run found", &huma.Schema{
			OneOf: []*huma.Schema{schemaOf[control.Written](registry), schemaOf[control.Preview](registry)},
		})
		op.Responses["412"] = problemResponse(registry)
		op.Responses["412"].Description = "The flag is not as If-Match or If-None-Match say"
	})
}

// changeFlag does cmd, or tells what it would do.
func (s *Server) changeFlag(ctx context.Context, in *changeInput, id control.ID, cmd control.Command, said Saying) (*writtenOutput, error) {
	c, err := condition(in.http.Header)
	if err != nil {
		return nil, err
	}
	r := control.Request{ID: id, Author: s.author(ctx, said), Condition: c}
	dry, err := isDry(in.http.URL.Query()["dry_run"])
	if err != nil {
		return nil, err
	}
	if dry {
		preview, err := s.opts.FlagControl.Preview(ctx, r, cmd, said.Contexts)
		return &writtenOutput{Status: http.StatusOK, Body: preview}, unmet(err)
	}
	if len(said.Contexts) > 0 {
		return nil, faulty(Fault{Message: "are for a dry run; add dry_run=true to the URL, or leave them out", Location: "body.contexts"})
	}
	written, err := s.opts.FlagControl.Write(ctx, r, cmd)
	if err != nil {
		return nil, unmet(err)
	}
	out := &writtenOutput{Status: http.StatusOK, ETag: entityTag(written.Flag.Revision), Body: written}
	if written.Created {
		out.Status = http.StatusCreated
	}
	return out, nil
}

// isDry reads the parameter that says to change nothing. Whoever gives it must not
// change anything by how they wrote it.
func isDry(values []string) (bool, error) {
	switch {
	case len(values) == 0:
		return false, nil
	case len(values) == 1 && values[0] == "true":
		return true, nil
	case len(values) == 1 && values[0] == "false":
		return false, nil
	}
	return false, faulty(Fault{Message: "must be true or false, once", Location: "query.dry_run"})
}

// author is who asks, and why.
func (s *Server) author(ctx context.Context, said Saying) control.Author {
	return control.Author{By: exchangeOf(ctx).who.Attribution(), Reason: said.Reason, Who: actor(ctx, said.Who)}
}

// actor is the person who acts: the one named, or for whom a trusted caller speaks;
// nil where the caller acts in its own name.
func actor(ctx context.Context, named *annotate.Who) *annotate.Who {
	if person := exchangeOf(ctx).who.Person; named == nil && person != "" {
		return &annotate.Who{Name: person, Type: "person"}
	}
	return named
}

type definitionBody struct {
	Saying
	Definition json.RawMessage `json:"definition" doc:"The flag in the format of GO Feature Flag: variations, targeting, defaultRule, …"`
}

func (s *Server) opPutFlag() mount {
	op := huma.Operation{
		OperationID: "put-flag", Summary: "Define a flag, or define it anew",
		Description: "The definition is the whole of it. With If-None-Match: * only a new flag is made, with If-Match only the one that you read is replaced.",
	}
	return opChange(s, op, false, func(_ *changeInput, body definitionBody) (control.Command, error) {
		if len(body.Definition) == 0 {
			return control.Command{}, faulty(Fault{Message: "is missing; it is the flag in the format of GO Feature Flag", Location: "body.definition"})
		}
		d, err := flag.ParseDefinition("definition", body.Definition, flag.JSON)
		if err != nil {
			return control.Command{}, err
		}
		return control.Put(d), nil
	})
}

func (s *Server) opPatchFlag() mount {
	op := huma.Operation{
		OperationID: "patch-flag", Summary: "Change a part of a flag's definition",
		Description: "definition is a merge patch (RFC 7396): what is given replaces what was there, null takes it away.",
	}
	return opChange(s, op, false, func(_ *changeInput, body definitionBody) (control.Command, error) {
		if len(body.Definition) == 0 {
			return control.Command{}, faulty(Fault{Message: "is missing; it is what changes of the definition", Location: "body.definition"})
		}
		return control.Patch(body.Definition), nil
	})
}

func (s *Server) opDeleteFlag() mount {
	op := huma.Operation{
		OperationID: "delete-flag", Summary: "Delete a flag",
		Description: "The code's own default counts from then on. Its history stays, and restore brings it back.",
	}
	return opChange(s, op, true, func(*changeInput, Saying) (control.Command, error) { return control.Delete(), nil })
}

type flipBody struct {
	Saying
	flag.Flip
}

func (s *Server) opFlip() mount {
	op := huma.Operation{OperationID: "flip-flag", Summary: "Switch a flag on, off, or to one variation for all whom no targeting rule catches"}
	return opChange(s, op, false, func(_ *changeInput, body flipBody) (control.Command, error) {
		return control.Do(flag.Action{Flip: &body.Flip}), nil
	})
}

func (s *Server) opKill() mount {
	op := huma.Operation{
		OperationID: "kill-flag", Summary: "Disable a flag at once, for everyone",
		Description: "The code's own default counts, also for those whom a rule targets. Rules stay as they are, and flipping it on brings all back.",
	}
	return opChange(s, op, true, func(*changeInput, Saying) (control.Command, error) {
		return control.Do(flag.Action{Kill: &flag.Kill{}}), nil
	})
}

// rolloutBody is a percentage now, or a ramp.
type rolloutBody struct {
	Saying
	Variation  string   `json:"variation" doc:"Whose percentage it is"`
	Percentage *float64 `json:"percentage,omitempty" minimum:"0" maximum:"100" doc:"What it gets, at once"`
	Rest       string   `json:"rest,omitempty" doc:"Who gets the rest; left out, the others keep their proportions"`

	From  *float64       `json:"from,omitempty" minimum:"0" maximum:"100" doc:"For a ramp: the percentage at the start; what it has now where it is not given"`
	To    *float64       `json:"to,omitempty" minimum:"0" maximum:"100" doc:"For a ramp: the percentage at the end"`
	Over  string         `json:"over,omitempty" doc:"For a ramp: how long it takes, such as 30m or 2d"`
	Steps int            `json:"steps,omitempty" minimum:"1" doc:"For a ramp: in how many steps; 10 where it is not given"`
	Start *annotate.Time `json:"start,omitempty" doc:"For a ramp: when it begins; now where it is not given"`
}

// defaultSteps is how many steps a ramp has whose author does not say.
const defaultSteps = 10

func (s *Server) opRollout() mount {
	op := huma.Operation{
		OperationID: "roll-out-flag", Summary: "Give a variation a percentage: at once, or on a ramp",
		Description: "With percentage at once; with to and over on a ramp, each step of which is a change in the log. Whoever has the variation keeps it while its percentage grows.",
	}
	return opChange(s, op, false, func(in *changeInput, body rolloutBody) (control.Command, error) {
		ramp := body.From != nil || body.To != nil || body.Over != "" || body.Steps != 0 || body.Start != nil
		switch {
		case ramp && body.Percentage != nil:
			return control.Command{}, faulty(Fault{Message: "is a rollout at once, and from, to, over, steps and start are a ramp: say one of the two", Location: "body.percentage"})
		case ramp:
			return s.rampOf(in, body)
		case body.Percentage == nil:
			return control.Command{}, faulty(Fault{Message: "is missing: say a percentage, or to and over for a ramp", Location: "body.percentage"})
		}
		return control.Do(flag.Action{Rollout: &flag.Rollout{Variation: body.Variation, Percentage: *body.Percentage, Rest: body.Rest}}), nil
	})
}

func (s *Server) rampOf(in *changeInput, body rolloutBody) (control.Command, error) {
	var faults []Fault
	if body.To == nil {
		faults = append(faults, Fault{Message: "is missing: the percentage at the end of the ramp", Location: "body.to"})
	}
	over, err := model.ParseDuration(body.Over)
	if err != nil {
		faults = append(faults, Fault{Message: "must be how long the ramp takes, such as 30m, 12h or 2d", Location: "body.over", Value: body.Over})
	}
	if len(faults) > 0 {
		return control.Command{}, faulty(faults...)
	}
	id, err := in.id(s, "dry_run")
	if err != nil {
		return control.Command{}, err
	}
	r := flag.Ramp{Variation: body.Variation, Rest: body.Rest, To: *body.To, Steps: or(body.Steps, defaultSteps)}
	switch {
	case body.From != nil:
		r.From = *body.From
	default:
		f, err := s.opts.FlagControl.Get(id)
		if err != nil {
			return control.Command{}, err
		}
		r.From = f.Shares(s.now())[body.Variation]
	}
	r.Start = annotate.At(s.now())
	if body.Start != nil && body.Start.After(r.Start.Time) {
		r.Start = *body.Start
	}
	r.End = annotate.At(r.Start.Add(time.Duration(over)))
	return control.Ramp(r), nil
}

func (s *Server) opStopRamp() mount {
	op := huma.Operation{OperationID: "stop-ramp", Summary: "End the ramp that is under way, where it is"}
	return opChange(s, op, true, func(*changeInput, Saying) (control.Command, error) { return control.StopRamp(), nil })
}

type scheduleBody struct {
	Saying
	At annotate.Time `json:"at" doc:"When it is due"`
	Do flag.Action   `json:"do" doc:"What is to be done then: flip, rollout or kill"`
}

func (s *Server) opSchedule() mount {
	op := huma.Operation{
		OperationID: "schedule-flag", Summary: "Plan what is to be done to a flag",
		Description: "It is a planned change in the log at once, and has happened when its time has come.",
	}
	return opChange(s, op, false, func(_ *changeInput, body scheduleBody) (control.Command, error) {
		if body.At.IsZero() {
			return control.Command{}, faulty(Fault{Message: "is missing: when it is due", Location: "body.at"})
		}
		return control.Schedule(body.At, body.Do), nil
	})
}

func (s *Server) opUnschedule() mount {
	op := huma.Operation{OperationID: "unschedule-flag", Summary: "Take back what was planned"}
	return opChange(s, op, true, func(in *changeInput, _ Saying) (control.Command, error) {
		return control.Unschedule(path.Base(in.http.URL.Path)), nil // ids have nothing to escape
	})
}

type restoreBody struct {
	Saying
	Revision int64 `json:"revision" minimum:"1" doc:"The revision that it is to be as"`
}

func (s *Server) opRestore() mount {
	op := huma.Operation{OperationID: "restore-flag", Summary: "Make a flag what it was at a revision, also one that was deleted"}
	return opChange(s, op, false, func(_ *changeInput, body restoreBody) (control.Command, error) {
		return control.Restore(body.Revision), nil
	})
}
