package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark/tidemark/annotate"
)

// bodyReader reads what callers report. It brings their short forms into the
// long ones, holds the result against the schema of a report, and names every
// field that is wrong.
type bodyReader struct {
	limits   Limits
	batch    atomic.Int64 // limits.Batch, which a reload changes
	registry huma.Registry
	report   *huma.Schema
	known    string // the fields of a report, for those who wrote another
}

// plainText is the schema of a time once reading it went well.
type plainText struct{}

// Schema implements huma.SchemaProvider.
func (plainText) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeString} }

func newBodyReader(limits Limits) *bodyReader {
	registry := newRegistry(plainText{})
	report := registry.Schema(reflect.TypeFor[annotate.Report](), false, "")
	b := &bodyReader{limits: limits, registry: registry, report: report, known: knownFields(report)}
	b.batch.Store(int64(limits.Batch))
	return b
}

// read returns the body of r, which must be JSON.
func (b *bodyReader) read(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "" {
		return nil, newProblem(http.StatusUnsupportedMediaType, "the body is compressed; send it as plain JSON")
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return nil, newProblem(http.StatusUnsupportedMediaType, "the body must be JSON; say so with Content-Type: application/json")
	}
	return b.all(r, nil)
}

// form returns the body of r, which must be a form, as it came.
func (b *bodyReader) form(r *http.Request) (string, error) {
	if r.Header.Get("Content-Encoding") != "" {
		return "", newProblem(http.StatusUnsupportedMediaType, "the body is compressed; send it as a plain form")
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != formType {
		return "", newProblem(http.StatusUnsupportedMediaType, "the body must be a form; say so with Content-Type: "+formType)
	}
	body, err := b.all(r, nil)
	return string(body), err
}

// formType is the type of what a form sends.
const formType = "application/x-www-form-urlencoded"

// all returns the body of r. count is asked about each part of it that has come, and ends
// the reading by an error; nil for nobody.
func (b *bodyReader) all(r *http.Request, count func(n int) error) ([]byte, error) {
	from := io.Reader(r.Body)
	if count != nil {
		from = &countedReader{r.Body, count}
	}
	body, err := io.ReadAll(from)
	if err == nil {
		return body, nil
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return nil, p
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, err
	}
	p := newProblem(http.StatusBadRequest, "the body did not arrive whole")
	if timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && timeout.Timeout() {
		p = newProblem(http.StatusRequestTimeout, fmt.Sprintf("the body did not arrive within %s", b.limits.BodyTimeout))
	}
	p.err = err
	return nil, p
}

// countedReader tells count of all that is read.
type countedReader struct {
	io.Reader
	count func(n int) error
}

// Read implements io.Reader.
func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if n > 0 {
		if refused := c.count(n); refused != nil {
			return n, refused
		}
	}
	return n, err
}

// isJSON reports whether a body of that type is read as JSON. What curl calls
// the body of -d is let through, since people try things out with it.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json") || kind == formType)
}

// parse reads body as a JSON object.
func (b *bodyReader) parse(body []byte) (map[string]any, error) {
	var parsed any
	if err := json.Unmarshal(body, &parsed); err != nil {
		detail := "the body is not JSON: " + err.Error()
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			detail = fmt.Sprintf("the body is not JSON: %s, at byte %d", syntax, syntax.Offset)
		}
		if len(body) == 0 {
			detail = "the body is empty; send a JSON object"
		}
		return nil, newProblem(http.StatusBadRequest, detail)
	}
	object, ok := parsed.(map[string]any)
	if !ok {
		return nil, faulty(Fault{Message: "must be a JSON object", Location: "body"})
	}
	return object, nil
}

// reports reads one report, or several in a list called changes.
func (b *bodyReader) reports(body []byte) (reports []annotate.Report, batch bool, err error) {
	object, err := b.parse(body)
	if err != nil {
		return nil, false, err
	}
	list, batch := object["changes"]
	if !batch {
		if int64(len(body)) > b.limits.ChangeBytes {
			return nil, false, tooLarge(b.limits.ChangeBytes)
		}
		if faults := b.check(object, "body"); len(faults) > 0 {
			return nil, false, faulty(faults...)
		}
		reports = make([]annotate.Report, 1)
		return reports, false, decode(body, &reports[0])
	}
	if faults := b.checkBatch(object, list); len(faults) > 0 {
		return nil, true, faulty(faults...)
	}
	var several struct {
		Changes []annotate.Report `json:"changes"`
	}
	err = decode(body, &several)
	return several.Changes, true, err
}

// checkBatch returns what is wrong with a batch.
func (b *bodyReader) checkBatch(object map[string]any, list any) []Fault {
	var faults []Fault
	for name := range object {
		if name != "changes" {
			faults = append(faults, Fault{Message: "must be inside one of the changes; beside changes there is nothing else", Location: "body." + name})
		}
	}
	elements, ok := list.([]any)
	most := int(b.batch.Load())
	switch {
	case !ok:
		return append(faults, Fault{Message: "must be a list of changes", Location: "body.changes"})
	case len(elements) == 0:
		return append(faults, Fault{Message: "is empty; send at least one change", Location: "body.changes"})
	case len(elements) > most:
		return append(faults, Fault{Message: fmt.Sprintf("has %d changes; send at most %d at once", len(elements), most), Location: "body.changes"})
	}
	for i, element := range elements {
		location := fmt.Sprintf("body.changes[%d]", i)
		report, ok := element.(map[string]any)
		if !ok {
			faults = append(faults, Fault{Message: "must be a JSON object", Location: location})
			continue
		}
		faults = append(faults, b.check(report, location)...)
	}
	return faults
}

// patch reads a correction: null takes a field away.
func (b *bodyReader) patch(body []byte) (annotate.Patch, error) {
	object, err := b.parse(body)
	if err != nil {
		return annotate.Patch{}, err
	}
	if int64(len(body)) > b.limits.ChangeBytes {
		return annotate.Patch{}, tooLarge(b.limits.ChangeBytes)
	}
	if faults := b.check(object, "body"); len(faults) > 0 {
		return annotate.Patch{}, faulty(faults...)
	}
	var p annotate.Patch
	for _, name := range fieldNames(b.report) {
		if value, given := object[name]; given && value == nil {
			p.Clear = append(p.Clear, name)
		}
	}
	return p, decode(body, &p.Set)
}

// decode reads what was checked already.
func decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		p := newProblem(http.StatusUnprocessableEntity, "the body cannot be read: "+err.Error())
		p.err = err
		return p
	}
	return nil
}
