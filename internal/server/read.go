package server

import (
	"context"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark/tidemark/annotate"
)

type changeOutput struct{ Body ShownChange }

type idInput struct {
	ID string `path:"id" format:"uuid" doc:"The change's id"`
}

func (s *Server) opGet() mount {
	op := huma.Operation{
		OperationID: "get-change", Summary: "One change as it now stands", Tags: []string{"changes"},
		SkipValidateParams: true,
	}
	return operation(op, "path", func(ctx context.Context, in *idInput) (*changeOutput, error) {
		change, err := s.opts.Changes.Get(ctx, in.ID)
		return &changeOutput{Body: show(change)}, err
	}, nil)
}

type revisionsOutput struct {
	Body struct {
		Revisions []annotate.Revision `json:"revisions" doc:"Oldest first"`
	}
}

func (s *Server) opRevisions() mount {
	op := huma.Operation{
		OperationID: "list-revisions", Summary: "The states that a change had, with who reported them and when", Tags: []string{"changes"},
		SkipValidateParams: true,
	}
	return operation(op, "path", func(ctx context.Context, in *idInput) (*revisionsOutput, error) {
		revisions, err := s.opts.Changes.Revisions(ctx, in.ID)
		out := &revisionsOutput{}
		out.Body.Revisions = orEmpty(revisions)
		return out, err
	}, nil)
}

type pageOutput struct {
	Body struct {
		Changes []ShownChange `json:"changes" doc:"Newest start first"`
		Next    *string       `json:"next" doc:"The cursor of the next page; null on the last"`
	}
}

func (s *Server) opList(method string) mount {
	op := huma.Operation{
		OperationID: "list-changes", Summary: "A page of changes, newest start first",
		Description: "from and to select the changes that overlap the time between them. next is the cursor of the page that follows.",
		Tags:        []string{"changes"},
	}
	return question(s, method, op, listParameters(), func(ctx context.Context, selected selection) (*pageOutput, error) {
		page, err := s.opts.Changes.List(ctx, selected.List)
		out := &pageOutput{}
		out.Body.Changes, out.Body.Next = showAll(page.Changes), page.Next
		return out, err
	}, nil)
}

type lastOutput struct {
	Body struct {
		Changes []ShownChange `json:"changes" doc:"Newest start first; empty where there is none"`
		Omitted int           `json:"omitted,omitempty" doc:"How many more there are; absent where these are all"`
	}
}

func (s *Server) opLast(method string) mount {
	op := huma.Operation{
		OperationID: "last-changes", Summary: "The newest change that has begun, or that of each service or flag",
		Description: "Planned changes have not begun. There are no more than " + strconv.Itoa(annotate.MaxNewest) + " changes in an answer.",
		Tags:        []string{"changes"},
	}
	return question(s, method, op, lastParameters(), func(ctx context.Context, selected selection) (*lastOutput, error) {
		newest, err := s.opts.Changes.Newest(ctx, selected.Filter, selected.per)
		out := &lastOutput{}
		out.Body.Changes, out.Body.Omitted = showAll(newest.Changes), newest.Omitted
		return out, err
	}, nil)
}

// orEmpty returns list, or an empty one for nil, which JSON would call null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
