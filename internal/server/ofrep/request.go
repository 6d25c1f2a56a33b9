package ofrep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/tidemark/tidemark/annotate/flag"
)

// maxNesting is how deep the objects and lists of a body may lie in each other.
const maxNesting = 32

// refusal is why a request cannot be answered: a status, one of OpenFeature's
// error codes where there is one, and what would be right.
type refusal struct {
	status int
	code   string
	detail string
}

// Error implements error.
func (r *refusal) Error() string { return r.detail }

// readBody appends the body of r, which the server has bounded, to buf.
func readBody(r *http.Request, buf []byte) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "" {
		return buf, &refusal{http.StatusUnsupportedMediaType, "", "the body is compressed; send it as plain JSON"}
	}
	if !isJSON(r) {
		return buf, &refusal{http.StatusUnsupportedMediaType, "", "the body must be JSON; say so with Content-Type: application/json"}
	}
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, unread(err)
		}
	}
}

// unread says why a body did not arrive.
func unread(err error) error {
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &refusal{http.StatusRequestEntityTooLarge, "", fmt.Sprintf("the body is larger than %d bytes; send less", e.Limit)}
	}
	if timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && timeout.Timeout() {
		return &refusal{http.StatusRequestTimeout, "", "the body did not arrive in time"}
	}
	return &refusal{http.StatusBadRequest, flag.CodeParseError, "the body did not arrive whole"}
}

// isJSON reports whether r says that its body is JSON. What curl calls the body
// of -d is let through, since people try things out with it; but a web page may
// send that to any server without asking it first, and a page says its origin.
func isJSON(r *http.Request) bool {
	contentType := r.Header.Get("Content-Type")
	if contentType == "application/json" {
		return true // nearly always
	}
	fromPage := r.Header.Get("Origin") != ""
	if contentType == "" {
		return !fromPage
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	return kind == "application/json" || strings.HasSuffix(kind, "+json") || kind == "application/x-www-form-urlencoded" && !fromPage
}

// parse reads body, an object, into v.
func parse(body []byte, v any) error {
	if depth := nesting(body); depth > maxNesting {
		return &refusal{http.StatusBadRequest, flag.CodeInvalidContext, fmt.Sprintf("the body is nested more than %d deep", maxNesting)}
	}
	err := json.Unmarshal(body, v)
	if err == nil {
		return nil
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		detail := fmt.Sprintf("the body is not JSON: %s, at byte %d", syntax, syntax.Offset)
		if len(body) == 0 {
			detail = `the body is empty; send {"context": {"targetingKey": …}}`
		}
		return &refusal{http.StatusBadRequest, flag.CodeParseError, detail}
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return &refusal{http.StatusBadRequest, flag.CodeInvalidContext, wrong.Field + " must not be a " + wrong.Value}
	}
	return &refusal{http.StatusBadRequest, flag.CodeParseError, "the body must be a JSON object"}
}

// nesting is how deep the objects and lists in text lie in each other, as far as
// it is JSON.
func nesting(text []byte) int {
	depth, deepest, inString := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case inString:
			switch b {
			case '\\':
				i++
			case '"':
				inString = false
			}
		case b == '"':
			inString = true
		case b == '{' || b == '[':
			depth++
			deepest = max(deepest, depth)
		case b == '}' || b == ']':
			depth--
		}
	}
	return deepest
}

// parseContext reads the body of an OFREP evaluation.
func parseContext(body []byte) (map[string]any, error) {
	var asked any // which is read much faster than a struct with a map
	if err := parse(body, &asked); err != nil {
		return nil, err
	}
	object, ok := asked.(map[string]any)
	if !ok {
		return nil, &refusal{http.StatusBadRequest, flag.CodeParseError, "the body must be a JSON object"}
	}
	switch context := object["context"].(type) {
	case map[string]any:
		return context, nil
	case nil:
		return nil, &refusal{http.StatusBadRequest, flag.CodeInvalidContext, `context is missing; send {"context": {"targetingKey": …}}, with an empty context where there is nothing to say`}
	}
	return nil, &refusal{http.StatusBadRequest, flag.CodeInvalidContext, `context must be an object; send {"context": {"targetingKey": …}}`}
}
