package driver

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	// maxMessage is how much of a server's message is shown, in bytes.
	maxMessage = 300
	// maxRetryAfter is how long a server may have us wait.
	maxRetryAfter = 5 * time.Minute
)

// refusal is an answer that is no success.
type refusal struct {
	status  int
	host    string
	message string
	again   time.Duration // after which it may be asked again; 0 if it does not say
	limited bool          // there were too many requests
}

func (r *refusal) Error() string {
	said := fmt.Sprintf("%s answered %d %s", r.host, r.status, http.StatusText(r.status))
	if r.message != "" {
		said += ": " + r.message
	}
	return said
}

// gone reports whether what was asked for is not there.
func (r *refusal) gone() bool {
	return r.status == http.StatusNotFound || r.status == http.StatusGone
}

// refusal makes an error of an answer, with what the server says for it.
func (s *session) refusal(a *answer) *refusal {
	r := &refusal{status: a.status, host: a.url.Host}
	r.again, r.limited = limit(a.status, a.header, s.now())
	if a.status/100 != 3 {
		r.message = shorten(message(a), s.token)
		return r
	}
	r.message = "it redirects"
	if to, err := a.location(); err == nil {
		r.message += " to " + to.Scheme + "://" + to.Host + "; give the server's own URL"
	}
	return r
}

// limit reports whether an answer says that there were too many requests, and how
// long to wait. GitHub says so with 403 too, and when it will be over.
func limit(status int, h http.Header, now time.Time) (again time.Duration, limited bool) {
	again = retryAfter(h.Get("Retry-After"), now)
	switch status {
	case http.StatusTooManyRequests:
		limited = true
	case http.StatusForbidden:
		limited = again > 0 || h.Get("X-Ratelimit-Remaining") == "0"
	}
	if reset, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64); err == nil && limited && again == 0 {
		again = min(max(0, time.Unix(reset, 0).Sub(now)), maxRetryAfter)
	}
	return again, limited
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(header, 10, 64); err == nil {
		return time.Duration(min(max(0, seconds), int64(maxRetryAfter/time.Second))) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return min(max(0, date.Sub(now)), maxRetryAfter)
	}
	return 0
}

// message is what a server says for a person; a page of HTML says nothing.
func message(a *answer) string {
	if said := a.header.Get("X-Error"); said != "" { // Jenkins
		return said
	}
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if kind == "text/html" {
		return ""
	}
	var document any
	if json.Unmarshal(a.body, &document) == nil {
		return said(document, 0)
	}
	return string(a.body)
}

// said is what a document says for a person: the words of its message, in whatever
// of the usual fields that is.
func said(v any, depth int) string {
	const deepest = 4
	if depth > deepest {
		return ""
	}
	switch v := v.(type) {
	case string:
		return v
	case []any:
		parts := []string{}
		for _, one := range v {
			if text := said(one, depth+1); text != "" {
				parts = append(parts, text)
			}
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		for _, field := range []string{"message", "detail", "error_description", "error", "errors", "title", "code"} {
			if text := said(v[field], depth+1); text != "" {
				return text
			}
		}
		parts := []string{}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if text := said(v[name], depth+1); text != "" && depth > 0 {
				parts = append(parts, name+": "+text)
			}
		}
		return strings.Join(parts, "; ")
	}
	return ""
}

// shorten makes a line of a text that others wrote, without the secret.
func shorten(text, secret string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if secret != "" {
		text = strings.ReplaceAll(text, secret, "***")
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}
