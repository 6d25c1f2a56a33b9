package ofrep

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidemark/tidemark/annotate/flag"
)

// Flags are the flags that are evaluated.
type Flags interface {
	// Set returns the flags of an environment as they are now; false for an
	// environment that there is not. It answers from memory.
	Set(environment string) (*flag.Set, bool)
	// Follow calls fn with the state of an environment's flags as it is, and with
	// each one after, until ctx or the environment ends, or fn fails. While fn is
	// at work the states between are missed, and never the newest.
	Follow(ctx context.Context, environment string, fn func(State) error) error
}

// State tells one state of an environment's flags from another.
type State struct {
	// ETag differs from that of every other state, and is the same for the same
	// state after a restart.
	ETag string
	// Modified is when the newest of the flags changed.
	Modified time.Time
}

// Gate bounds how many evaluations are worked on at the same time. Whoever was let
// in must leave.
type Gate interface {
	Enter() bool
	Leave()
}

// Options are what a Handler is made of.
type Options struct {
	Flags Flags
	Gate  Gate
	// Default names the environment that is meant where none is named.
	Default func() string
	// Prefix is the path by which the server's root is reached, without a slash
	// at its end.
	Prefix string
	// Ticket returns what a browser shows in the URL of the events in the place
	// of the credentials of a request's context; "" for nothing.
	Ticket func(context.Context) string
	// MaxEvents bounds how many evaluations one report may tell of.
	MaxEvents int
}

// Settings are what the configuration decides, and a reload may change.
type Settings struct {
	// Enrichment is added to the context of every evaluation, here and in GO
	// Feature Flag's providers, over what the context says itself.
	Enrichment map[string]any
}

// Handler serves the evaluation of flags. Each of its methods that takes a
// request is a http.HandlerFunc; they read the path values environment and key.
type Handler struct {
	opts     Options
	settings atomic.Pointer[Settings]
	views    atomic.Pointer[map[string]*slot]
	buffers  sync.Pool

	jsonType []string // shared by all answers
}

// New returns a Handler.
func New(o Options) *Handler {
	h := &Handler{opts: o, jsonType: []string{"application/json"}}
	h.buffers.New = func() any { return new(buffers) }
	h.Apply(Settings{})
	h.views.Store(&map[string]*slot{})
	return h
}

// Apply takes over new settings, for the requests from now on.
func (h *Handler) Apply(s Settings) { h.settings.Store(&s) }

// buffers are what one request reads into and writes from.
type buffers struct {
	body, answer []byte
	results      []flag.Result
	encoded      []*flag.Encoded
}

// maxKept is how large a buffer may have grown to be used again.
const maxKept = 256 << 10

func (h *Handler) borrow() *buffers { return h.buffers.Get().(*buffers) }

func (h *Handler) giveBack(b *buffers) {
	if cap(b.body) > maxKept || cap(b.answer) > maxKept {
		return
	}
	// They would hold on to flags that have gone.
	clear(b.results)
	clear(b.encoded)
	b.body, b.answer, b.results, b.encoded = b.body[:0], b.answer[:0], b.results[:0], b.encoded[:0]
	h.buffers.Put(b)
}

// answer writes JSON that is whole.
func (h *Handler) answer(w http.ResponseWriter, status int, text []byte) {
	w.Header()["Content-Type"] = h.jsonType
	w.WriteHeader(status)
	_, _ = w.Write(text) // an error here means that the caller went away
}

// Problem is a refusal in OFREP's form, for an answer with the status given. key
// is the flag that was asked for; empty for none.
func Problem(status int, key, detail string) []byte {
	switch status {
	case http.StatusBadRequest:
		return problem(key, flag.CodeGeneral, detail)
	case http.StatusNotFound:
		return problem(key, flag.CodeFlagNotFound, detail)
	}
	return problem("", "", detail)
}

func problem(key, code, detail string) []byte {
	return appendJSON(nil, struct {
		Key          string `json:"key,omitempty"`
		ErrorCode    string `json:"errorCode,omitempty"`
		ErrorDetails string `json:"errorDetails"`
	}{key, code, detail})
}

// refuse answers in OFREP's form why a request has no answer.
func (h *Handler) refuse(w http.ResponseWriter, key string, err error) {
	r := refusedWith(err)
	r.hint(w)
	if r.code == "" {
		h.answer(w, r.status, Problem(r.status, key, r.detail))
		return
	}
	h.answer(w, r.status, problem(key, r.code, r.detail))
}

// refusedWith returns err as the caller may see it.
func refusedWith(err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	if e, ok := errors.AsType[*flag.EvaluationError](err); ok {
		return &refusal{http.StatusBadRequest, e.Code, e.Message}
	}
	return &refusal{http.StatusInternalServerError, "", "something went wrong in the server"}
}

// busy says that the server has no room for another evaluation.
func busy() error {
	return &refusal{http.StatusTooManyRequests, "", "the server is at work on as many evaluations as it may; try again shortly"}
}

// hint says when it is worth to come again.
func (r *refusal) hint(w http.ResponseWriter) {
	if r.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
}

// noEnvironment says that there is no such environment.
func noEnvironment(name string) error {
	return &refusal{http.StatusNotFound, flag.CodeFlagNotFound, "there is no environment called " + strconv.Quote(name) + "; flags.environments in the configuration lists those that have flags"}
}
