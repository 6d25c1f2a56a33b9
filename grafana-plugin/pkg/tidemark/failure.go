package tidemark

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

// ErrForeign says that an answer is of another form than a Tidemark's.
var ErrForeign = errors.New("this is not a Tidemark server")

// ErrUnreachable says that there was no answer at all.
var ErrUnreachable = errors.New("cannot reach the server")

// Error is a server's refusal.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Type is Prometheus' word for the kind of error, such as bad_data; empty
	// where the server has none.
	Type string
	// Detail is what the server said, one sentence; empty if it said nothing
	// that a person can read.
	Detail string
	// Location is where the server redirects to; empty for no redirect.
	Location string

	url  string
	sent string
}

// The credentials that a request is sent with.
const (
	nothing      = ""
	bearerToken  = "token"
	userPassword = "user or password"
)

// Error implements error.
func (e *Error) Error() string {
	detail := e.Detail
	if detail == "" {
		detail = fmt.Sprintf("%s answered %d %s", e.url, e.Status, http.StatusText(e.Status))
	}
	switch {
	case e.Location != "":
		return fmt.Sprintf("%s redirects to %s; redirects are not followed, so set that as the data source's URL", e.url, e.Location)
	case e.Status == http.StatusUnauthorized && e.sent == nothing:
		return "the server wants a token, and the data source has none; make one with tidemark token create grafana --role=viewer, and set it in the data source"
	case e.Status == http.StatusUnauthorized:
		return "the server refuses the " + e.sent + ": " + detail
	case e.Status == http.StatusForbidden:
		return "the server refuses this to the data source: " + detail
	}
	return detail
}

// StatusOf returns the HTTP status of the refusal in err, and 0 if there is
// none.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

// maxRefusal bounds what is read of a refusal, maxDetail what is shown of it.
const (
	maxRefusal = 64 << 10
	maxDetail  = 1000
)

// refusal reads an answer that is no success: RFC 9457 problem details,
// Prometheus' errors, or a line of plain text.
func (c *Client) refusal(resp *http.Response) *Error {
	e := &Error{Status: resp.StatusCode, url: c.url, sent: sentWith(resp.Request)}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		e.Location = redirect(resp)
		return e
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	if err != nil {
		return e
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch media {
	case "application/problem+json", "application/json":
		e.Type, e.Detail = readRefusal(text)
	case "text/plain":
		line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		e.Detail = line
	}
	e.Detail = shorten(e.Detail)
	return e
}

// sentWith says what credentials the server looked at.
func sentWith(req *http.Request) string {
	if req == nil {
		return nothing
	}
	header := req.Header.Get("Authorization")
	scheme, _, _ := strings.Cut(header, " ")
	switch {
	case req.Header.Get("X-Api-Key") != "":
		return bearerToken
	case strings.EqualFold(scheme, "Basic"):
		return userPassword
	case header != "":
		return bearerToken
	}
	return nothing
}

// readRefusal returns what a JSON refusal says.
func readRefusal(text []byte) (kind, detail string) {
	var r struct {
		Title     string `json:"title"`
		Detail    string `json:"detail"`
		ErrorType string `json:"errorType"`
		Error     string `json:"error"`
		RequestID string `json:"request_id"`
	}
	if json.Unmarshal(text, &r) != nil {
		return "", ""
	}
	for _, detail = range []string{r.Detail, r.Error, r.Title} {
		if detail != "" {
			break
		}
	}
	if r.RequestID != "" && r.Detail != "" && strings.Contains(r.Detail, "request_id") {
		detail += " (" + r.RequestID + ")"
	}
	return r.ErrorType, detail
}

// redirect returns where resp points, without what may be a secret there.
func redirect(resp *http.Response) string {
	u, err := resp.Location()
	if err != nil {
		return "nowhere"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return shorten(u.String())
}

// shorten returns text as valid UTF-8 on one line of at most maxDetail bytes.
func shorten(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\uFFFD")), " ")
	if len(text) <= maxDetail {
		return text
	}
	cut := maxDetail
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// unreachable says in words what went wrong on the way to the server.
func (c *Client) unreachable(err error) error {
	// url.Error repeats the method and the whole URL; the server is enough.
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if timedOut(err) {
		return c.late()
	}
	if errors.Is(err, context.Canceled) {
		return backend.DownstreamError(err)
	}
	return backend.DownstreamErrorf("%w %s: %w", ErrUnreachable, c.url, err)
}

// broken says in words why an answer ended before it was whole.
func (c *Client) broken(err error) error {
	if timedOut(err) {
		return c.late()
	}
	if errors.Is(err, context.Canceled) || backend.IsDownstreamError(err) {
		return backend.DownstreamError(err)
	}
	return backend.DownstreamErrorf("the answer of %s broke off: %w", c.url, err)
}

func (c *Client) late() error {
	return backend.DownstreamErrorf("%s did not answer within %s; ask for less, or raise the timeout of the data source: %w",
		c.url, c.timeout, context.DeadlineExceeded)
}

func timedOut(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	netErr, ok := errors.AsType[net.Error](err)
	return ok && netErr.Timeout()
}
