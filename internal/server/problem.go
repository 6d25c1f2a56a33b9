package server

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Problem is an error as a caller gets it: RFC 9457 problem details.
type Problem struct {
	Title  string `json:"title" doc:"The status in words"`
	Status int    `json:"status" doc:"The HTTP status"`
	Detail string `json:"detail" doc:"What was wrong, and what would be right"`
	// Errors name the parts of the request that were wrong.
	Errors []Fault `json:"errors,omitempty" doc:"The parts of the request that were wrong"`
	// RequestID finds the request in the server's log.
	RequestID string `json:"request_id,omitempty" doc:"The request's id in the server's log"`

	retryAfter time.Duration
	challenge  string
	// unread says that the body is not read, so that the answer does not wait for it.
	unread bool
	err    error // what it was in truth, for the log alone
}

// Fault is one part of a request that was wrong.
type Fault struct {
	Message  string `json:"message" doc:"What was wrong with it, and what would be right"`
	Location string `json:"location" doc:"Where it is, such as body.start or query.limit"`
	Value    any    `json:"value,omitempty" doc:"What was found there, if it is short"`
}

var (
	_ huma.StatusError       = (*Problem)(nil)
	_ huma.HeadersError      = (*Problem)(nil)
	_ huma.ContentTypeFilter = (*Problem)(nil)
)

func newProblem(status int, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail}
}

// overloaded is the answer to a caller that had better come again later.
func overloaded(detail string, after time.Duration) *Problem {
	p := newProblem(http.StatusServiceUnavailable, detail)
	p.retryAfter = after
	return p
}

// tooMany is the answer to a caller of whom there are too many already.
func tooMany(detail string, after time.Duration) *Problem {
	p := newProblem(http.StatusTooManyRequests, detail)
	p.retryAfter = after
	return p
}

// maxTold bounds how many faults an answer names.
const maxTold = 20

// faulty returns the problem of a request with the faults given.
func faulty(faults ...Fault) *Problem {
	slices.SortStableFunc(faults, func(a, b Fault) int { return strings.Compare(a.Location, b.Location) })
	told := faults[:min(len(faults), maxTold)]
	p := newProblem(http.StatusUnprocessableEntity, told[0].String())
	for i := range told {
		told[i].Value = short(told[i].Value)
	}
	if more := len(faults) - 1; more > 0 {
		p.Detail += " (and " + strconv.Itoa(more) + " more)"
	}
	p.Errors = told
	return p
}

// String says what was wrong in one line, by the name that the caller gave it.
func (f Fault) String() string {
	_, name, ok := strings.Cut(f.Location, ".")
	if !ok {
		name = "the " + f.Location
	}
	return name + ": " + f.Message
}

// maxValue is how long a value may be to be shown to its sender.
const maxValue = 200

// short returns value if it is a short scalar, and nil otherwise.
func short(value any) any {
	switch v := value.(type) {
	case string:
		if len(v) <= maxValue {
			return v
		}
		return nil
	case bool, int, int64, float64:
		return v
	}
	return nil
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// Unwrap returns what the problem was in truth.
func (p *Problem) Unwrap() error { return p.err }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		seconds := max(1, int((p.retryAfter+time.Second-1)/time.Second))
		h.Set("Retry-After", strconv.Itoa(seconds))
	}
	if p.unread {
		h.Set("Connection", "close")
	}
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	return h
}

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }
