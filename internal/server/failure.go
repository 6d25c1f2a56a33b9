package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/internal/auth"
)

// problemOf returns err as a caller may see it. This is the one place that maps
// errors to statuses. part is where in the request the fields of an
// *annotate.Error are: body or query.
func problemOf(err error, part string) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	p := mapped(err, part)
	p.err = err
	return p
}

func mapped(err error, part string) *Problem {
	if faults := faultsOf(err, part); len(faults) > 1 {
		return faulty(faults...)
	}
	if e, ok := errors.AsType[*annotate.Error](err); ok {
		return ofLog(e, part)
	}
	if e, ok := errors.AsType[*auth.Error](err); ok {
		return ofAuthority(e)
	}
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		return ofRouter(e)
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(e.Limit)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return overloaded("the server did not get to it in time; try again", 5*time.Second)
	case errors.Is(err, context.Canceled):
		return overloaded("the server is stopping, or the caller went away", time.Second)
	}
	return newProblem(http.StatusInternalServerError, "something went wrong in the server; its log says what, under the request_id")
}

// faultsOf returns what is wrong with the parts of a request where err joins
// several such errors and nothing else.
func faultsOf(err error, part string) []Fault {
	joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err)
	if !ok {
		return nil
	}
	var faults []Fault
	for _, err := range joined.Unwrap() {
		e, ok := errors.AsType[*annotate.Error](err)
		if !ok || e.Code != annotate.Invalid || e.Field == "" {
			return nil
		}
		faults = append(faults, Fault{Message: e.Message, Location: part + "." + e.Field, Value: e.Value})
	}
	return faults
}

func ofLog(e *annotate.Error, part string) *Problem {
	message := e.Message
	if e.Field != "" {
		message = e.Field + ": " + message
	}
	switch e.Code {
	case annotate.Invalid:
		if e.Field == "" {
			return newProblem(http.StatusUnprocessableEntity, message)
		}
		return faulty(Fault{Message: e.Message, Location: part + "." + e.Field, Value: e.Value})
	case annotate.NotFound:
		return newProblem(http.StatusNotFound, message)
	case annotate.Conflict:
		return newProblem(http.StatusConflict, message)
	case annotate.Held:
		return newProblem(http.StatusLocked, message)
	case annotate.TooMany:
		p := newProblem(http.StatusTooManyRequests, message)
		p.retryAfter = 5 * time.Second
		return p
	case annotate.Unavailable:
		return overloaded(message, 5*time.Second)
	}
	return newProblem(http.StatusInternalServerError, "something went wrong in the server; its log says what, under the request_id")
}

func ofAuthority(e *auth.Error) *Problem {
	switch e.Code {
	case auth.Forbidden:
		return newProblem(http.StatusForbidden, e.Message)
	case auth.Malformed:
		return newProblem(http.StatusBadRequest, e.Message)
	}
	p := newProblem(http.StatusUnauthorized, e.Message)
	p.challenge = `Bearer realm="tidemark"`
	return p
}

func ofRouter(e *echo.HTTPError) *Problem {
	switch e.Code {
	case http.StatusNotFound:
		return newProblem(e.Code, "there is nothing at this path; /openapi.json lists what there is")
	case http.StatusMethodNotAllowed:
		return newProblem(e.Code, "this path takes other methods; the Allow header lists them")
	}
	return newProblem(e.Code, http.StatusText(e.Code))
}

func tooLarge(limit int64) *Problem {
	return newProblem(http.StatusRequestEntityTooLarge, "the body is larger than "+bytesText(limit)+"; send less at once")
}
