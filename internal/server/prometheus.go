package server

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

const (
	apiPath     = "/api/v1"
	changesPath = apiPath + "/changes"
)

// prometheus hands a request to Prometheus' API. What lies below the change
// log's path is never Prometheus', whatever the router found.
func (s *Server) prometheus(c echo.Context) error {
	path := c.Request().URL.Path
	if path == changesPath || strings.HasPrefix(path, changesPath+"/") {
		return echo.ErrNotFound
	}
	http.StripPrefix(apiPath, s.opts.Prometheus).ServeHTTP(c.Response(), c.Request())
	return nil
}
