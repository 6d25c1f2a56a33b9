package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// question mounts a handler of what params select. By GET they are in the URL;
// by POST in a form, and in the URL as well, as Prometheus' API takes them: a
// choice of thousands of values is longer than a URL can be.
func question[O any](s *Server, method string, op huma.Operation, params []parameter,
	answer func(context.Context, selection) (*O, error), document func(*huma.Operation, huma.Registry),
) mount {
	if method == http.MethodPost {
		op.OperationID += "-by-form"
		op.Summary += ", asked by a form"
		op.Description += " It takes the parameters of the same question by GET, and alters nothing."
	}
	return operation(op, "query", func(ctx context.Context, in *call) (*O, error) {
		query := in.http.URL.RawQuery
		if method == http.MethodPost {
			form, err := s.bodies.form(in.http)
			if err != nil {
				return nil, err
			}
			query = strings.Trim(query+"&"+form, "&")
		}
		selected, err := parseSelection(query, params)
		if err != nil {
			return nil, err
		}
		return answer(ctx, selected)
	}, func(op *huma.Operation, registry huma.Registry) {
		if method == http.MethodPost {
			documentForm(op, params)
		} else {
			documentParameters(op, params)
		}
		if document != nil {
			document(op, registry)
		}
	})
}
