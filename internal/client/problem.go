package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is a server's answer that is no success, as RFC 9457 problem details
// tell it.
type Error struct {
	// Status is the HTTP status.
	Status int `json:"-"`
	// Title and Detail are for a person; both may be empty.
	Title  string `json:"title"`
	Detail string `json:"detail"`
	// Fields are the parts of the request that were wrong.
	Fields []FieldError `json:"errors"`
	// RetryAfter is how long the server asks to be left alone; 0 if it doesn't.
	RetryAfter time.Duration `json:"-"`
}

// FieldError is one part of a request that was wrong.
type FieldError struct {
	Message  string `json:"message"`
	Location string `json:"location"`
	Value    any    `json:"value"`
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the server answered %d", e.Status)
	said := e.Detail
	if said == "" {
		said = e.Title
	}
	if said == "" {
		said = http.StatusText(e.Status)
	}
	if said != "" {
		b.WriteString(": " + said)
	}
	for _, f := range e.Fields {
		if strings.Contains(said, f.Message) {
			continue // the detail names it already
		}
		b.WriteString("; ")
		if f.Location != "" {
			b.WriteString(f.Location + ": ")
		}
		b.WriteString(f.Message)
	}
	return b.String()
}

// Refused reports whether err says that a report can never be taken as it is,
// so that it makes no sense to send it again. A missing right, an overload or a
// wrong address say nothing of the report itself: it may be taken later.
func Refused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// readProblem returns resp, which is no success, as an *Error.
func readProblem(resp *http.Response) error {
	problem := &Error{}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind == "application/problem+json" || kind == "application/json" {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
		// What cannot be read leaves the status, which says enough.
		if err == nil && json.Unmarshal(body, problem) != nil {
			problem = &Error{}
		}
	}
	problem.Status = resp.StatusCode
	if to := resp.Header.Get("Location"); to != "" && resp.StatusCode/100 == 3 {
		problem.Detail = "it redirects to " + to + "; give the server's own URL"
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		problem.RetryAfter = time.Duration(min(seconds, 3600)) * time.Second
	}
	return problem
}
