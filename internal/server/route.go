package server

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/tidemark/tidemark/internal/auth"
)

// class is what a route may cost.
type class int

const (
	// reading answers from the change log or from memory.
	reading class = iota
	// writing alters the change log or the configuration.
	writing
	// receiving takes what other tools send, each of which must prove itself by its body.
	receiving
	// pushing takes samples in.
	pushing
	// querying asks Prometheus' engine, which has its own bounds.
	querying
	// streaming goes on until the caller or the server ends it.
	streaming
	// evaluating answers from the flags in memory, which bound it themselves.
	evaluating
	// collecting takes reports of evaluations that were made elsewhere.
	collecting
	// following is streaming of what the flags do, to a crowd of browsers.
	following
)

// goesOn reports whether a request of the class lasts as long as its caller likes.
func (c class) goesOn() bool { return c == streaming || c == following }

// route is one entry of the table of routes.
type route struct {
	method string
	// path is a pattern: {name} is one segment, a * at the end is any rest.
	path string
	// need is the role that it takes. None is for everybody, whatever
	// credentials they show.
	need  auth.Role
	class class
	mount mount
	// foreign says that web pages of the allowed origins may ask for it, and
	// ticket that it takes a ticket in the place of a token.
	foreign, ticket bool
	// secret says that the path holds a secret, which stands for a token.
	secret bool
	// keyHeader is where the clients of another service put their token; empty for the
	// usual places alone.
	keyHeader string
	// refusal writes problems in the form that the route's callers know, and nil
	// as problem details.
	refusal func(c echo.Context, p *Problem) []byte

	meters *meters
}

// mount registers the handler of a route.
type mount func(*Server, *route)

// plain mounts a handler that is no part of the documented API.
func plain(h echo.HandlerFunc) mount {
	return func(s *Server, r *route) { s.echo.Add(r.method, r.pattern(), h) }
}

// operation mounts a documented handler. It gets a context that carries the
// exchange, and returns values or errors; document completes what cannot be
// read off the types.
func operation[I, O any](op huma.Operation, part string, h func(context.Context, *I) (*O, error), document func(*huma.Operation, huma.Registry)) mount {
	return func(s *Server, r *route) {
		op := op
		op.Method, op.Path = r.method, r.path
		if r.need > auth.Viewer {
			op.Security = []map[string][]string{{"token": {}}, {"key": {}}, {"user": {}}}
		}
		registry := s.api.OpenAPI().Components.Schemas
		op.Responses = map[string]*huma.Response{"default": problemResponse(registry)}
		huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
			out, err := h(ctx, in)
			if err != nil {
				return nil, s.failed(ctx, err, part)
			}
			return out, nil
		})
		if document != nil {
			document(operationAt(s.api.OpenAPI(), r.method, r.path), registry)
		}
	}
}

// operationAt returns the documented operation of a route, or nil.
func operationAt(doc *huma.OpenAPI, method, path string) *huma.Operation {
	item := doc.Paths[path]
	if item == nil {
		return nil
	}
	switch method {
	case http.MethodGet:
		return item.Get
	case http.MethodPost:
		return item.Post
	case http.MethodPatch:
		return item.Patch
	case http.MethodPut:
		return item.Put
	case http.MethodDelete:
		return item.Delete
	}
	return nil
}

// pattern returns the path as echo writes it.
func (r *route) pattern() string {
	return strings.NewReplacer("{", ":", "}", "").Replace(r.path)
}

// call gives a documented handler the request behind its input.
type call struct{ http *http.Request }

// Resolve implements huma.Resolver.
func (c *call) Resolve(ctx huma.Context) []error {
	c.http = unwrap(ctx).Request()
	return nil
}
