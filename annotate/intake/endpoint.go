package intake

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// Endpoint is where the clients of another service tell it of changes, and how: given
// Tidemark's address in the place of that service's, they tell Tidemark.
type Endpoint struct {
	// Path is the service's own, as a pattern with {names}.
	Path string
	// KeyHeader has the key in the service's own way; empty for Authorization alone.
	KeyHeader string
	// Status is that of an answer that says it was taken.
	Status int
	read   func(Request) (annotate.Report, error)
	// Answer is what the service would answer, as JSON; number is the change's.
	Answer func(c annotate.Change, number int64) any
}

// Report makes a report of a request. Its errors are Invalid.
func (e Endpoint) Report(r Request) (annotate.Report, error) {
	report, err := e.read(r)
	settle(&report, r.Now)
	return report, err
}

// settle says of what is over that it succeeded, also where the sender's clock is a
// little ahead: nobody would ever say it again.
func settle(r *annotate.Report, now time.Time) {
	last := r.End
	if last.IsZero() {
		last = r.Start
	}
	if r.Status == "" && !last.IsZero() && !last.After(now.Add(annotate.MaxSkew/2)) {
		r.Status = annotate.Succeeded
	}
}

// Request is what was asked at an Endpoint.
type Request struct {
	Body []byte
	// Value returns the part of the path that a name of the pattern stands for.
	Value func(name string) string
	Now   time.Time
}

// Endpoints are all there are.
func Endpoints() []Endpoint {
	return []Endpoint{
		honeycombMarkers(),
		sentryDeploys(),
		datadogEvents(),
		datadogEventsV1(),
		nerdGraph(),
	}
}

// read decodes a body, which may have more than is asked for.
func read(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	if err == nil {
		return nil
	}
	return unreadable(err, "the body is not what is taken here, as JSON: ")
}

// unreadable says what was wrong with JSON that could not be decoded.
func unreadable(err error, what string) error {
	if known, ok := errors.AsType[*annotate.Error](err); ok {
		return known
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return invalid(wrong.Field, nil, fmt.Sprintf("is a %s; it must be a %s", wrong.Value, wrong.Type))
	}
	return &annotate.Error{Code: annotate.Invalid, Message: what + err.Error()}
}

// link is a link of a change to a URL that others give; nil for what is none.
func link(rel, href string) []annotate.Link {
	u, err := url.Parse(href)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(href) > annotate.MaxHref {
		return nil
	}
	return []annotate.Link{{Rel: rel, Href: href}}
}

// labelled are the labels that have a value.
func labelled(labels map[string]string) map[string]string {
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "" })
	return labels
}
