package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/labstack/echo/v4"
)

// observe surrounds everything else: it names the request, makes one form of
// all errors, survives panics, and counts and logs the answer.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		x := begin(c, s.now())
		secure(c.Response().Header(), x.id)
		if err := s.survive(next, c); err != nil {
			s.answerProblem(c, problemOf(err, "query"))
		}
		took := s.now().Sub(x.began)
		meters, stream := s.meters.none, false
		if x.route != nil {
			meters, stream = x.route.meters, x.route.class.goesOn()
		}
		meters.count(c.Response().Status, took, stream)
		s.logAccess(c, x, slog.Duration("took", took))
		return nil
	}
}

// secure sets the headers that every answer has, unless the web configuration
// file has set them.
func secure(h http.Header, id string) {
	h.Set(echo.HeaderXRequestID, id)
	for _, header := range [...][2]string{
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "sameorigin"},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'self'"},
	} {
		if h.Get(header[0]) == "" {
			h.Set(header[0], header[1])
		}
	}
}

// survive turns a panic of next into an error.
func (s *Server) survive(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		switch cause := recover(); cause {
		case nil:
		case http.ErrAbortHandler:
			panic(cause) // the way to cut a connection, which net/http understands
		default:
			s.meters.panics.Inc()
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return next(c)
}

// answerProblem writes p, unless an answer has begun already.
func (s *Server) answerProblem(c echo.Context, p *Problem) {
	x := exchangeOf(c.Request().Context())
	x.err = p
	if c.Response().Committed {
		return
	}
	h := c.Response().Header()
	for name, values := range p.GetHeaders() {
		h[name] = values
	}
	h.Del(echo.HeaderContentEncoding)
	h.Set(echo.HeaderContentType, p.ContentType(""))
	answer := *p
	answer.RequestID = x.id
	if x.route != nil && x.route.refusal != nil {
		h.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
		// An error here means that the caller went away.
		_ = c.JSONBlob(p.Status, x.route.refusal(c, p))
		return
	}
	if c.Request().Method == http.MethodHead {
		c.Response().WriteHeader(p.Status)
		return
	}
	// An error here means that the caller went away.
	_ = c.JSON(p.Status, &answer)
}

// failed returns err as a documented handler's answer to the exchange of ctx.
func (s *Server) failed(ctx context.Context, err error, part string) *Problem {
	x := exchangeOf(ctx)
	p := *problemOf(err, part)
	p.RequestID = x.id
	x.err = &p
	return &p
}

// logAccess writes one line for an answer. Reads, pushes and evaluations that went
// well show at the debug level alone.
func (s *Server) logAccess(c echo.Context, x *exchange, took slog.Attr) {
	r, answer := c.Request(), c.Response()
	level := slog.LevelInfo
	switch {
	case answer.Status >= http.StatusInternalServerError && answer.Status != http.StatusServiceUnavailable:
		level = slog.LevelError
	case x.route != nil && x.route.class == evaluating && (answer.Status == http.StatusBadRequest || answer.Status == http.StatusNotFound):
		level = slog.LevelDebug // code may ask for a flag that is not there yet, as often as it likes
	case answer.Status >= http.StatusBadRequest:
	case x.route == nil || x.route.class != writing:
		level = slog.LevelDebug
	}
	if !s.logger.Enabled(r.Context(), level) {
		return
	}
	path := r.URL.Path
	if strings.Contains(path, killPath) {
		path = "…" + killPath + "[hidden]" // also where the method or the rest is wrong
	}
	attrs := []slog.Attr{
		slog.String("method", r.Method),
		slog.String("path", path),
		slog.Int("status", answer.Status),
		slog.Int64("bytes", answer.Size),
		took,
		slog.String("request_id", x.id),
		slog.String("who", x.who.Attribution()),
		slog.String("remote", r.RemoteAddr),
	}
	if x.route != nil {
		attrs = append(attrs, slog.String("route", x.route.path))
	}
	if r.URL.RawQuery != "" {
		attrs = append(attrs, slog.String("query", loggable(r.URL.RawQuery)))
	}
	if p, ok := errors.AsType[*Problem](x.err); ok {
		attrs = append(attrs, slog.String("err", reason(p)))
	}
	s.logger.LogAttrs(r.Context(), level, "request", attrs...)
}

// reason is what the log says of a problem: the truth, where the caller was
// told less.
func reason(p *Problem) string {
	if p.err != nil && p.Status >= http.StatusInternalServerError {
		return p.err.Error()
	}
	return p.Detail
}

// maxLogged is how much of a query string the log shows, in bytes.
const maxLogged = 1000

// loggable returns a query string for the log, without what looks like a secret.
func loggable(query string) string {
	query = query[:min(len(query), maxLogged)]
	parts := strings.Split(query, "&")
	for i, part := range parts {
		decoded, err := url.QueryUnescape(part)
		if err != nil {
			decoded = part
		}
		name, _, _ := strings.Cut(decoded, "=")
		switch lower := strings.ToLower(name); {
		case strings.Contains(decoded, "tmk_"),
			strings.Contains(lower, "token"), strings.Contains(lower, "secret"),
			strings.Contains(lower, "password"), strings.Contains(lower, "key"), strings.Contains(lower, "ticket"):
			parts[i] = "[hidden]"
		}
	}
	return strings.Join(parts, "&")
}
