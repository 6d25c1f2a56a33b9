package server

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tidemark/tidemark/internal/auth"
)

// routeKey finds a route by what echo knows of a request.
type routeKey struct{ method, pattern string }

// underPrefix strips the path of the external URL from requests, so that the
// routes need not know it.
func (s *Server) underPrefix(next echo.HandlerFunc) echo.HandlerFunc {
	if s.prefix == "" {
		return next
	}
	return func(c echo.Context) error {
		r := c.Request()
		if r.URL.Path == "/" || r.URL.Path == s.prefix {
			return c.Redirect(http.StatusFound, s.prefix+"/")
		}
		rest, ok := strings.CutPrefix(r.URL.Path, s.prefix+"/")
		if !ok {
			return echo.ErrNotFound
		}
		raw, ok := strings.CutPrefix(r.URL.RawPath, s.prefix+"/")
		if r.URL.RawPath != "" && !ok {
			return echo.ErrNotFound // the prefix itself is written in escapes
		}
		// In place: echo routes by the request as it came in.
		r.URL.Path = "/" + rest
		if r.URL.RawPath != "" {
			r.URL.RawPath = "/" + raw
		}
		return next(c)
	}
}

// admit lets a request through to its handler if its caller may do that, and if
// it stays within the limits of its route's class.
func (s *Server) admit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		route := s.routes[routeKey{r.Method, c.Path()}]
		if route == nil {
			return next(c) // echo's own answer: not found, or another method
		}
		x := exchangeOf(r.Context())
		x.route = route
		if route.foreign {
			s.admitOrigin(c)
		}
		if route.need != auth.None {
			who, err := s.authorize(r, route)
			x.who = who
			if err != nil {
				return err
			}
		}
		if err := s.boundBody(c, route.class); err != nil {
			return err
		}
		switch route.class {
		case writing:
			return s.within(s.writes, "changes", next, c)
		case receiving: // its handler takes a place once the body has come
			return s.timed(next, c)
		case pushing:
			return s.within(s.pushes, "samples", next, c)
		case streaming:
			return s.stream(s.streams, overloaded("the server has as many followers as it may; try again later", 10*time.Second), next, c)
		case following:
			return s.stream(s.followers, tooMany("the server has as many followers of flags as it may; try again later", 10*time.Second), next, c)
		case collecting:
			if !s.collects.enter() {
				return tooMany("the server takes as many reports of evaluations as it may; try again shortly", time.Second)
			}
			defer s.collects.leave()
			return s.timed(next, c)
		case reading:
			return s.timed(next, c)
		}
		return next(c)
	}
}

// authorize returns who made r, if they may ask for route.
func (s *Server) authorize(r *http.Request, route *route) (auth.Identity, error) {
	if route.ticket && r.Header.Get("Authorization") == "" && r.Header.Get("X-Api-Key") == "" {
		if ticket := r.URL.Query().Get("ticket"); ticket != "" {
			return s.opts.Authority.Redeem(ticket)
		}
	}
	if key := r.Header.Get(route.keyHeader); route.keyHeader != "" && key != "" && r.Header.Get("Authorization") == "" && r.Header.Get("X-Api-Key") == "" {
		r.Header.Set("X-Api-Key", key)
	}
	return s.opts.Authority.Authorize(r, route.need, s.onLoopback)
}

// within lets the request through a turnstile.
func (s *Server) within(t *turnstile, what string, next echo.HandlerFunc, c echo.Context) error {
	if !t.enter() {
		return overloaded("the server is at work on as many requests with "+what+" as it may; try again shortly", time.Second)
	}
	defer t.leave()
	return s.timed(next, c)
}

// timed bounds the work on a request.
func (s *Server) timed(next echo.HandlerFunc, c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), s.limits.WorkTimeout)
	defer cancel()
	c.SetRequest(c.Request().WithContext(ctx))
	return next(c)
}

// stream lets a follower in, and ends it when the server stops. Where there is no
// room it answers full.
func (s *Server) stream(t *turnstile, full *Problem, next echo.HandlerFunc, c echo.Context) error {
	if !t.enter() {
		return full
	}
	defer t.leave()
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	c.SetRequest(c.Request().WithContext(ctx))
	// Compression would hold events back.
	c.Response().Header().Set("No-Gzip-Compression", "1")
	return next(c)
}

// boundBody bounds how large the request's body may be, and how long it may take to
// arrive.
func (s *Server) boundBody(c echo.Context, class class) error {
	r := c.Request()
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	limit := s.limits.QueryBytes
	switch class {
	case writing:
		limit = s.limits.BatchBytes
	case receiving:
		limit = s.limits.DeliveryBytes
	case pushing:
		limit = s.limits.PushBytes
	case evaluating:
		limit = s.limits.EvaluationBytes
	case collecting:
		limit = s.limits.CollectBytes
	}
	if r.ContentLength > limit {
		s.meters.bodies.Inc()
		return tooLarge(limit)
	}
	control := http.NewResponseController(c.Response())
	// Where deadlines are not supported, it is no connection that is read.
	within := s.limits.BodyTimeout
	if class == receiving {
		within = min(within, deliveryArrives)
	}
	_ = control.SetReadDeadline(time.Now().Add(within))
	r.Body = &timedBody{http.MaxBytesReader(c.Response(), r.Body, limit), control}
	return nil
}

// deliveryArrives is how long the body of a webhook may take to come, whoever sends it.
const deliveryArrives = 10 * time.Second

// timedBody takes the deadline off the connection once the body has arrived:
// net/http goes on reading to see whether the caller goes away, and must not
// mistake the deadline for that.
type timedBody struct {
	io.ReadCloser
	control *http.ResponseController
}

// Read implements io.Reader.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
