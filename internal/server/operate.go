package server

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// healthy answers that the process lives.
func healthy(c echo.Context) error { return c.String(http.StatusOK, "Tidemark is healthy.\n") }

// ready answers whether queries are answered.
func (s *Server) ready(c echo.Context) error {
	if err := s.opts.Ready(); err != nil {
		c.Response().Header().Set("Retry-After", "1")
		return c.String(http.StatusServiceUnavailable, "Tidemark is not ready: "+err.Error()+"\n")
	}
	return c.String(http.StatusOK, "Tidemark is ready.\n")
}

// reload takes over the configuration anew. Why it did not is the operator's to
// know, and names no secret.
func (s *Server) reload(c echo.Context) error {
	if err := s.opts.Reload(c.Request().Context()); err != nil {
		p := newProblem(http.StatusUnprocessableEntity, err.Error())
		p.err = err
		return p
	}
	return c.String(http.StatusOK, "The configuration is reloaded.\n")
}

// metrics answers with Tidemark's own metrics.
func (s *Server) metrics(c echo.Context) error {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/plain; version=0.0.4; charset=utf-8")
	c.Response().WriteHeader(http.StatusOK)
	if c.Request().Method != http.MethodHead {
		s.opts.WriteMetrics(c.Response())
	}
	return nil
}
