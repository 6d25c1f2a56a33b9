package server

import (
	"context"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/control"
	"github.com/tidemark/tidemark/annotate/flag/flagfile"
)

// FlagView is a flag as it is answered, with what follows from it.
type FlagView struct {
	flag.Flag
	Shares    flag.Shares    `json:"shares" doc:"The percentages of those whom no targeting rule catches, now; SdkDefault stands for the code's own default"`
	Evaluated *annotate.Time `json:"evaluated,omitempty" doc:"When it was last asked for; absent where it was not since the server started"`
}

func (s *Server) viewOf(f flag.Flag) FlagView {
	v := FlagView{Flag: f, Shares: f.Shares(s.now())}
	if at := s.opts.FlagControl.LastEvaluated(control.ID{Environment: f.Environment, Key: f.Key}); !at.IsZero() {
		t := annotate.At(at)
		v.Evaluated = &t
	}
	return v
}

// flagDetail is one flag with what else there is to know of it.
type flagDetail struct {
	FlagView
	KillTrigger bool        `json:"kill_trigger" doc:"Whether there is a URL that kills it"`
	Elsewhere   []elsewhere `json:"elsewhere" doc:"The flag in the other environments"`
}

// elsewhere is a flag in another environment, in short.
type elsewhere struct {
	Environment string      `json:"environment"`
	Revision    int64       `json:"revision"`
	Shares      flag.Shares `json:"shares"`
}

type listFlagsInput struct {
	EnvironmentInput
	Service string `query:"service" doc:"The service that the metadata name"`
	Origin  string `query:"origin" doc:"api, file, or the path of a file"`
	Text    string `query:"q" doc:"Words that must all be in key, description, owner or service"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many flags to return at the most"`
	Cursor  string `query:"cursor" doc:"The next of the page before"`
}

type flagsOutput struct {
	Body struct {
		Environment string     `json:"environment"`
		Flags       []FlagView `json:"flags" doc:"In the order of their keys"`
		Next        *string    `json:"next" doc:"The cursor of the page that follows; null on the last"`
	}
}

func (s *Server) opListFlags() mount {
	op := huma.Operation{OperationID: "list-flags", Summary: "A page of the flags of an environment", Tags: []string{"flags"}, SkipValidateParams: true}
	return operation(op, "query", func(_ context.Context, in *listFlagsInput) (*flagsOutput, error) {
		environment, err := in.named(s, "service", "origin", "q", "limit", "cursor")
		if err != nil {
			return nil, err
		}
		if in.Limit < 1 || in.Limit > annotate.MaxPage {
			return nil, faulty(Fault{Message: "must be a whole number from 1 to 1000", Location: "query.limit"})
		}
		page, err := s.opts.FlagControl.List(control.Query{
			Environment: environment, Service: in.Service, Origin: in.Origin, Text: in.Text, Limit: in.Limit, Cursor: in.Cursor,
		})
		if err != nil {
			return nil, err
		}
		out := &flagsOutput{}
		out.Body.Environment, out.Body.Next, out.Body.Flags = environment, page.Next, make([]FlagView, len(page.Flags))
		for i, f := range page.Flags {
			out.Body.Flags[i] = s.viewOf(f)
		}
		return out, nil
	}, nil)
}

type flagOutput struct {
	ETag string `header:"ETag"`
	Body flagDetail
}

func (s *Server) opGetFlag() mount {
	op := huma.Operation{
		OperationID: "get-flag", Summary: "One flag, as it is in an environment", Tags: []string{"flags"},
		Description: "Its ETag is what If-Match takes.",
	}
	return operation(op, "path", func(ctx context.Context, in *FlagInput) (*flagOutput, error) {
		id, err := in.id(s)
		if err != nil {
			return nil, err
		}
		f, err := s.opts.FlagControl.Get(id)
		if err != nil {
			return nil, err
		}
		out := &flagOutput{ETag: entityTag(f.Revision), Body: flagDetail{FlagView: s.viewOf(f), Elsewhere: []elsewhere{}}}
		out.Body.KillTrigger = s.opts.FlagControl.HasTrigger(id)
		for _, environment := range s.opts.FlagControl.Environments() {
			other, err := s.opts.FlagControl.Get(control.ID{Environment: environment, Key: id.Key})
			if environment != id.Environment && err == nil {
				out.Body.Elsewhere = append(out.Body.Elsewhere, elsewhere{environment, other.Revision, other.Shares(s.now())})
			}
		}
		return out, nil
	}, nil)
}

type historyInput struct {
	FlagInput
	Before int64 `query:"before" doc:"Only revisions before the one of this number"`
	Limit  int   `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many to return at the most"`
}

type historyOutput struct {
	Body struct {
		Revisions []control.Revision `json:"revisions" doc:"Newest first"`
	}
}

func (s *Server) opFlagHistory() mount {
	op := huma.Operation{
		OperationID: "flag-history", Summary: "The revisions that a flag had, newest first", Tags: []string{"flags"}, SkipValidateParams: true,
		Description: "A flag that was deleted has its history still. Ask for those before the last one for the page that follows.",
	}
	return operation(op, "query", func(ctx context.Context, in *historyInput) (*historyOutput, error) {
		id, err := in.id(s, "before", "limit")
		if err != nil {
			return nil, err
		}
		if in.Limit < 1 || in.Limit > 100 || in.Before < 0 {
			return nil, faulty(Fault{Message: "must be a whole number from 1 to 100, and before no less than 0", Location: "query.limit"})
		}
		revisions, err := s.opts.FlagControl.History(ctx, id, in.Before, in.Limit)
		out := &historyOutput{}
		out.Body.Revisions = orEmpty(revisions)
		return out, err
	}, nil)
}

type findingsOutput struct {
	Body struct {
		Findings []flag.Finding `json:"findings" doc:"By flag"`
	}
}

func (s *Server) opFlagFindings() mount {
	op := huma.Operation{
		OperationID: "flag-findings", Summary: "What is to be said about the flags of an environment: expired, settled, never asked for", Tags: []string{"flags"},
	}
	return operation(op, "query", func(_ context.Context, in *EnvironmentInput) (*findingsOutput, error) {
		environment, err := in.named(s)
		if err != nil {
			return nil, err
		}
		findings, err := s.opts.FlagControl.Findings(environment)
		out := &findingsOutput{}
		out.Body.Findings = orEmpty(slices.Clone(findings))
		return out, err
	}, nil)
}

type flagFilesOutput struct {
	Body struct {
		Files []flagfile.Status `json:"files" doc:"By environment and path"`
	}
}

func (s *Server) opFlagFiles() mount {
	op := huma.Operation{
		OperationID: "flag-files", Summary: "The files that define flags, and what is wrong with those that are refused", Tags: []string{"flags"},
	}
	return operation(op, "query", func(_ context.Context, in *call) (*flagFilesOutput, error) {
		for name := range in.http.URL.Query() {
			return nil, faulty(Fault{Message: "is no parameter here; all files are answered", Location: "query." + name})
		}
		out := &flagFilesOutput{}
		out.Body.Files = orEmpty(s.opts.FlagFiles())
		return out, nil
	}, nil)
}
