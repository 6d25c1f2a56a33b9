package server

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tidemark/tidemark/annotate/intake"
	"github.com/tidemark/tidemark/internal/auth"
)

// endpointRoutes take what the clients of other services tell those of changes.
func (s *Server) endpointRoutes() []*route {
	var routes []*route
	for _, e := range intake.Endpoints() {
		routes = append(routes, &route{
			method: http.MethodPost, path: e.Path, need: auth.Operator, class: writing, keyHeader: e.KeyHeader, mount: plain(s.postTo(e)),
		})
	}
	return routes
}

// postTo records what is posted to an endpoint.
func (s *Server) postTo(e intake.Endpoint) echo.HandlerFunc {
	return func(c echo.Context) error {
		body, err := s.readForeign(c)
		if err != nil {
			return asForeign(err)
		}
		report, err := e.Report(intake.Request{Body: body, Value: func(name string) string { return pathValue(c, name) }, Now: time.Now()})
		if err != nil {
			return asForeign(err)
		}
		change, number, err := s.recordForeign(c.Request().Context(), report)
		if err != nil {
			return asForeign(err)
		}
		return c.JSON(e.Status, e.Answer(change, number))
	}
}
