package driver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/secret"
)

// HTTP has a deploy carried out by whatever answers a request.
type HTTP struct {
	Remote
	// URL is asked for a deploy. Its host has no placeholders.
	URL deploy.Template
	// Method is POST where it is empty.
	Method string
	// Headers go with each request to the host of URL. They are no secrets.
	Headers map[string]string
	// Token goes with each request to the host of URL, as the header TokenHeader; as
	// a bearer's Authorization where that is empty.
	Token       secret.Secret
	TokenHeader string
	// Body is the JSON document that is sent, of maps, slices and scalars, with
	// placeholders in its strings; nil for one that says all about the run.
	Body any
	// Status says how to tell how the deploy goes on; nil where it is over when the
	// request is answered.
	Status *HTTPStatus
	// Cancelling is where a POST cancels a run; empty where runs cannot be cancelled.
	Cancelling deploy.Template
	// Page is a page about the run for people; empty for none.
	Page deploy.Template
}

// HTTPStatus is how to tell how a deploy goes on that was begun with a request.
type HTTPStatus struct {
	// URL says it; empty for the Location of the answer that began it.
	URL deploy.Template
	// Field is where in the JSON document that URL answers the status is: the names
	// of fields, with dots between them, and the indices of lists.
	Field string
	// Succeeded, Failed and Cancelled are what the status is when the run has ended.
	// With every other, it goes on.
	Succeeded, Failed, Cancelled []string
	// Log is where the output is; empty for none. It may grow.
	Log string
}

var _ Driver = (*HTTP)(nil)

// Name implements Driver.
func (h *HTTP) Name() string { return "http" }

// Check returns an error for a URL whose host is not fixed: the token goes to it.
func (h *HTTP) Check() error {
	_, err := fixedServer(h.URL)
	return err
}

func (h *HTTP) open() (*session, error) {
	server, err := fixedServer(h.URL)
	if err != nil {
		return nil, err
	}
	authorize := bearer
	if h.TokenHeader != "" {
		authorize = func(header http.Header, token string) { header.Set(h.TokenHeader, token) }
	}
	s, err := h.Remote.open(server, h.Token, authorize)
	if err != nil {
		return nil, err
	}
	for name, value := range h.Headers {
		s.header.Set(name, value)
	}
	return s, nil
}

// Begin implements Driver. The run's id is sent as Idempotency-Key, for servers that
// know it; it does not lead to a second try here.
func (h *HTTP) Begin(ctx context.Context, job Job) (deploy.Ref, error) {
	s, err := h.open()
	if err != nil {
		return deploy.Ref{}, err
	}
	defer s.close()
	where, err := fillURL(h.URL, job.Values())
	if err != nil {
		return deploy.Ref{}, err
	}
	body, err := json.Marshal(h.document(job.Run))
	if err != nil {
		return deploy.Ref{}, fmt.Errorf("the body is no JSON: %w", err)
	}
	method := h.Method
	if method == "" {
		method = http.MethodPost
	}
	a, err := s.begin(ctx, call{
		method: method, url: where, body: body, cut: true,
		header: http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {job.ID}},
	})
	if err != nil {
		return deploy.Ref{}, err
	}
	m := recall(job.Folder)
	m.Answer, m.changed = fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)), true
	if m.Followed = h.Status != nil; m.Followed {
		m.Watch = h.watch(a)
	}
	if err := m.keep(); err != nil {
		return deploy.Ref{}, fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	if err := s.logAnswer(a, job); err != nil {
		return deploy.Ref{}, fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	return h.ref(job), nil
}

// logAnswer writes the answer to the log, if it is text.
func (s *session) logAnswer(a *answer, job Job) error {
	log, err := job.Log.Append(s.token)
	if err != nil {
		return err
	}
	log.Printf("%s answered %d %s", a.url.Host, a.status, http.StatusText(a.status))
	if text := bytes.TrimSpace(a.body); len(text) > 0 && utf8.Valid(text) {
		log.Printf("%s", text)
	}
	return log.Close()
}

// watch is where it will be told how the run goes on; "" where that is not known.
func (h *HTTP) watch(a *answer) string {
	if h.Status.URL != "" {
		return "" // it is made anew each time, as it is configured then
	}
	to, err := a.location()
	if err != nil || a.url.Scheme == "https" && to.Scheme != "https" {
		return ""
	}
	return to.String()
}

func (h *HTTP) ref(job Job) deploy.Ref {
	page, err := fillURL(h.Page, job.Values())
	if err != nil {
		page = ""
	}
	return deploy.Ref{ID: job.ID, URL: page}
}

// Find implements Driver. What was answered is kept before the Ref is returned; where
// it is not, nobody can tell: an endpoint need not know of the run's id.
func (h *HTTP) Find(_ context.Context, job Job) (deploy.Ref, bool, error) {
	if recall(job.Folder).Answer == "" {
		return deploy.Ref{}, false, fmt.Errorf("%w: no answer of the server was kept", ErrUncertain)
	}
	return h.ref(job), true, nil
}

// Follow implements Driver.
func (h *HTTP) Follow(ctx context.Context, job Job) (deploy.Outcome, error) {
	m := recall(job.Folder)
	switch {
	case h.Status == nil && m.Followed:
		return deploy.Outcome{}, errors.New("the configuration does not say any more how to tell how it goes: put status back")
	case h.Status == nil:
		return deploy.Outcome{Status: annotate.Succeeded, Text: "the server answered " + m.Answer}, nil
	}
	where := m.Watch
	if h.Status.URL != "" {
		var err error
		if where, err = fillURL(h.Status.URL, job.Values()); err != nil {
			return deploy.Outcome{}, err
		}
	}
	if where == "" {
		return deploy.Outcome{Status: annotate.Lost, Text: "the server's answer has no Location that says how the deploy goes on"}, nil
	}
	s, err := h.open()
	if err != nil {
		return deploy.Outcome{}, err
	}
	defer s.close()
	return s.follow(ctx, job, func(ctx context.Context, f *following) (deploy.Outcome, bool, error) {
		return h.Status.look(ctx, f, where)
	})
}

func (st *HTTPStatus) look(ctx context.Context, f *following, where string) (none deploy.Outcome, over bool, err error) {
	a, err := f.get(ctx, call{url: where})
	if err != nil {
		return none, false, gone(err)
	}
	var document any
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.UseNumber() // a status may be a number, and is compared as it is written
	if err := decoder.Decode(&document); err != nil {
		return none, false, fmt.Errorf("the answer of %s is no JSON: %w", a.url.Host, err)
	}
	if text, ok := field(document, st.Log); ok && st.Log != "" {
		f.output(text)
	}
	status, ok := field(document, st.Field)
	if !ok {
		return none, false, fmt.Errorf("the answer of %s has no text, number or boolean at %s", a.url.Host, st.Field)
	}
	status = shorten(status, f.token)
	f.news("status", status, "Status: %s", status)
	for _, end := range []struct {
		words []string
		as    annotate.Status
	}{{st.Succeeded, annotate.Succeeded}, {st.Failed, annotate.Failed}, {st.Cancelled, annotate.Cancelled}} {
		if slices.Contains(end.words, status) {
			return deploy.Outcome{Status: end.as, Text: "the server says " + status}, true, nil
		}
	}
	return none, false, nil
}

// output writes what is new of a text that may have grown; all of it, where it is
// another one.
func (f *following) output(text string) {
	sum := func(text string) string {
		hash := sha256.Sum256([]byte(text))
		return hex.EncodeToString(hash[:])
	}
	rest := text
	if n := int(f.memory.Offset); n <= len(text) && f.memory.Said["log"] == sum(text[:n]) {
		rest = text[n:]
	}
	if !f.memory.is("log", sum(text)) {
		return
	}
	f.memory.Offset = int64(len(text))
	if rest != "" {
		f.log.Printf("%s", strings.TrimSuffix(rest, "\n"))
	}
}

// Cancel implements Driver.
func (h *HTTP) Cancel(ctx context.Context, job Job) error {
	if h.Cancelling == "" {
		return errors.New("it cannot be cancelled: its target has no URL for that")
	}
	s, err := h.open()
	if err != nil {
		return err
	}
	defer s.close()
	where, err := fillURL(h.Cancelling, job.Values())
	if err != nil {
		return err
	}
	return s.order(ctx, call{method: http.MethodPost, url: where})
}

// document is what is sent.
func (h *HTTP) document(run deploy.Run) any {
	if h.Body != nil {
		return fillStrings(h.Body, run.Values())
	}
	parameters := run.Parameters
	if parameters == nil {
		parameters = map[string]string{}
	}
	values := run.Values()
	return map[string]any{
		"id": run.ID, "service": run.Service, "environment": run.Environment,
		"version": run.Version, "previous_version": run.PreviousVersion, "parameters": parameters,
		"reason": run.Reason, "who": values[deploy.PlaceholderWho],
	}
}
