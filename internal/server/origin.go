package server

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// origins are the web sites whose pages may evaluate flags in a visitor's
// browser, as an Origin header has them; "*" is all of them.
type origins struct {
	list []string
	all  bool
}

// AllowOrigins says, for the requests from now on, which web sites' pages may
// evaluate flags. None may read anything else, and none ever acts with what a
// browser remembers of its user.
func (s *Server) AllowOrigins(list []string) {
	o := &origins{all: slices.Contains(list, "*")}
	for _, origin := range list {
		o.list = append(o.list, strings.ToLower(strings.TrimSuffix(origin, "/")))
	}
	s.origins.Store(o)
}

// allowedHeaders are what SDKs send beside what a browser sends by itself.
const allowedHeaders = "Content-Type, Authorization, X-API-Key, If-None-Match, Last-Event-ID, Cache-Control"

// exposedHeaders are what an SDK reads of an answer.
const exposedHeaders = "ETag, Last-Modified, Retry-After, X-Request-Id"

// admitOrigin lets the page that made a browser ask read the answer, whatever
// becomes of it, if its origin is allowed.
func (s *Server) admitOrigin(c echo.Context) {
	allowed := s.origins.Load()
	if len(allowed.list) == 0 {
		return
	}
	h := c.Response().Header()
	h.Add(echo.HeaderVary, echo.HeaderOrigin)
	origin := c.Request().Header.Get(echo.HeaderOrigin)
	switch {
	case origin == "":
		return
	case allowed.all:
		origin = "*"
	case !slices.Contains(allowed.list, strings.ToLower(origin)):
		return
	}
	h.Set(echo.HeaderAccessControlAllowOrigin, origin)
	h.Set(echo.HeaderAccessControlExposeHeaders, exposedHeaders)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
}

// preflight answers a browser that asks what a page of another origin may send to
// a path that takes method.
func preflight(method string) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set(echo.HeaderAllow, method+", "+http.MethodOptions)
		if h.Get(echo.HeaderAccessControlAllowOrigin) != "" {
			h.Set(echo.HeaderAccessControlAllowMethods, method)
			h.Set(echo.HeaderAccessControlAllowHeaders, allowedHeaders)
			h.Set(echo.HeaderAccessControlMaxAge, "7200")
		}
		return c.NoContent(http.StatusNoContent)
	}
}
