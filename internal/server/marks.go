package server

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/common/model"

	"github.com/tidemark/tidemark/annotate"
)

// marksOutput has its body written already: encoding/json would read all the
// changes in it once more.
type marksOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *Server) opMarks(method string) mount {
	op := huma.Operation{
		OperationID: "mark-changes", Summary: "What to draw on a graph for the changes between two times",
		Description: "A change that lasts longer than the resolution is a mark of its own. Shorter ones that are alike in kind, service, environment and status, " +
			"and begin in the same stretch of the resolution's length, are one mark with a count.",
		Tags: []string{"changes"},
	}
	return question(s, method, op, marksParameters(), func(ctx context.Context, selected selection) (*marksOutput, error) {
		marks, err := s.opts.Changes.Marks(ctx, annotate.MarkQuery{
			Filter: selected.Filter, Resolution: selected.resolution, Limit: selected.marks,
		})
		if err != nil {
			return nil, err
		}
		body, err := appendMarks(nil, marks)
		return &marksOutput{ContentType: "application/json", Body: body}, err
	}, func(op *huma.Operation, registry huma.Registry) {
		op.Responses["200"] = jsonAnswer("OK", schemaOf[annotate.Marks](registry))
		mark := registry.SchemaFromRef(schemaOf[annotate.Mark](registry).Ref)
		change := schemaOf[annotate.Change](registry)
		change.Description = mark.Properties["change"].Description
		mark.Properties["change"] = change
	})
}

// marksParameters are what marks are asked for by.
func marksParameters() []parameter {
	params := filterParameters()
	for i := range params {
		params[i].required = params[i].name == "from" || params[i].name == "to"
	}
	return append(params,
		limitParameter("marks", annotate.DefaultMarks, annotate.MaxMarks, func(s *selection) *int { return &s.marks }),
		parameter{
			name: "resolution", doc: "How far apart changes must be to be told apart: a duration such as 60s, or whole milliseconds; doubled until there are no more marks than the limit",
			schema: &huma.Schema{OneOf: []*huma.Schema{
				{Type: huma.TypeString, Description: "A duration such as 60s or 1h30m"},
				{Type: huma.TypeInteger, Description: "Milliseconds", Minimum: new(float64(1))},
			}},
			take: func(s *selection, value string) (err error) { s.resolution, err = parseResolution(value); return err },
		},
	)
}

// maxResolution is as far as two times that the log can have lie apart at the
// most, in milliseconds.
const maxResolution = 2 << 53

// parseResolution reads a duration, or whole milliseconds, and returns
// milliseconds.
func parseResolution(text string) (int64, error) {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		var d model.Duration
		d, err = model.ParseDuration(text)
		ms = time.Duration(d).Milliseconds()
	}
	if err != nil || ms < 1 || ms > maxResolution {
		return 0, fmt.Errorf("must be a duration such as 60s or 1h30m, or whole milliseconds, of a millisecond or more")
	}
	return ms, nil
}
