package server

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
)

// recorded is what became of one report of a batch.
type recorded struct {
	Created bool        `json:"created" doc:"Whether the log did not know the change"`
	Change  ShownChange `json:"change" doc:"The change as it now stands"`
}

// recordedBatch is what became of a batch.
type recordedBatch struct {
	Changes []recorded `json:"changes" doc:"In the order of the reports"`
}

// reportBatch is several reports in one request.
type reportBatch struct {
	Changes []annotate.Report `json:"changes" minItems:"1" doc:"All are recorded, or none"`
}

type recordOutput struct {
	Status   int
	Location string `header:"Location" doc:"The change's own path, for a single one"`
	Body     any
}

func (s *Server) opRecord() mount {
	op := huma.Operation{
		OperationID:   "record-change",
		Summary:       "Record a change, or update a known one",
		Description:   "A second report with the same source and external_id updates the first. Several reports in a list called changes are recorded all or none.",
		Tags:          []string{"changes"},
		DefaultStatus: http.StatusCreated,
	}
	return operation(op, "body", s.record, func(op *huma.Operation, registry huma.Registry) {
		op.RequestBody = jsonBody(&huma.Schema{OneOf: []*huma.Schema{schemaOf[annotate.Report](registry), schemaOf[reportBatch](registry)}})
		op.Responses["201"].Description = "The log did not know the change"
		op.Responses["201"].Content = jsonAnswer("", schemaOf[ShownChange](registry)).Content
		op.Responses["200"] = jsonAnswer("The change was known, or the request was a batch",
			&huma.Schema{OneOf: []*huma.Schema{schemaOf[ShownChange](registry), schemaOf[recordedBatch](registry)}})
	})
}

func (s *Server) record(ctx context.Context, in *call) (*recordOutput, error) {
	body, err := s.bodies.read(in.http)
	if err != nil {
		return nil, err
	}
	reports, batch, err := s.bodies.reports(body)
	if err != nil {
		return nil, err
	}
	who := exchangeOf(ctx).who
	for i := range reports {
		reports[i].Source = or(reports[i].Source, who.Name)
		if reports[i].Source == deploy.Source {
			location := "body.source"
			if batch {
				location = fmt.Sprintf("body.changes[%d].source", i)
			}
			return nil, faulty(Fault{Message: "is what Tidemark calls itself, for what it does; give a name of your own", Location: location, Value: deploy.Source})
		}
	}
	if batch {
		return s.recordBatch(ctx, who.Attribution(), reports)
	}
	result, err := s.opts.Changes.Record(ctx, who.Attribution(), reports[0])
	if err != nil {
		return nil, err
	}
	out := &recordOutput{Status: http.StatusOK, Location: s.prefix + changesPath + "/" + result.Change.ID, Body: show(result.Change)}
	if result.Created {
		out.Status = http.StatusCreated
	}
	return out, nil
}

func (s *Server) recordBatch(ctx context.Context, by string, reports []annotate.Report) (*recordOutput, error) {
	results, err := s.opts.Changes.RecordBatch(ctx, by, reports)
	if err != nil {
		return nil, err
	}
	answer := recordedBatch{Changes: make([]recorded, len(results))}
	for i, result := range results {
		answer.Changes[i] = recorded{Created: result.Created, Change: show(result.Change)}
	}
	return &recordOutput{Status: http.StatusOK, Body: answer}, nil
}

type amendInput struct {
	call
	ID string `path:"id" format:"uuid" doc:"The change's id"`
}

func (s *Server) opAmend() mount {
	op := huma.Operation{
		OperationID:        "amend-change",
		Summary:            "Finish or correct a change",
		Description:        "A merge patch (RFC 7396): what is given replaces what was there, null takes it away. Each correction is a revision.",
		Tags:               []string{"changes"},
		SkipValidateParams: true, // an id that is none is simply not found
	}
	return operation(op, "body", s.amend, func(op *huma.Operation, registry huma.Registry) {
		op.RequestBody = jsonBody(schemaOf[annotate.Report](registry))
		op.RequestBody.Content["application/merge-patch+json"] = op.RequestBody.Content["application/json"]
	})
}

func (s *Server) amend(ctx context.Context, in *amendInput) (*changeOutput, error) {
	body, err := s.bodies.read(in.http)
	if err != nil {
		return nil, err
	}
	patch, err := s.bodies.patch(body)
	if err != nil {
		return nil, err
	}
	change, err := s.opts.Changes.Amend(ctx, exchangeOf(ctx).who.Attribution(), in.ID, patch)
	if err != nil {
		return nil, err
	}
	return &changeOutput{Body: show(change)}, nil
}
