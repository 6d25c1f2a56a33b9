package ofrep

import (
	"maps"
	"net/http"
	"net/url"

	"github.com/tidemark/tidemark/annotate/flag"
)

// Single answers POST /ofrep/v1/evaluate/flags/{key}.
func (h *Handler) Single(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	b := h.borrow()
	defer h.giveBack(b)
	c, err := h.contextOf(r, b)
	if err != nil {
		h.refuse(w, key, err)
		return
	}
	status, e, err := h.single(r.PathValue("environment"), key, c)
	if err != nil {
		h.refuse(w, key, err)
		return
	}
	h.answer(w, status, e.Text)
}

func (h *Handler) single(environment, key string, c *flag.Context) (int, *flag.Encoded, error) {
	if !h.opts.Gate.Enter() {
		return 0, nil, busy()
	}
	defer h.opts.Gate.Leave()
	v, err := h.viewOf(environment)
	if err != nil {
		return 0, nil, err
	}
	result := v.set.Evaluate(key, c)
	status := http.StatusOK
	if result.Err != nil {
		status = http.StatusBadRequest
		if result.Err.Code == flag.CodeFlagNotFound {
			status = http.StatusNotFound
		}
	}
	return status, result.Encoded(encode), nil
}

// Bulk answers POST /ofrep/v1/evaluate/flags: all flags, in the order of their
// keys. Its entity tag is of what was evaluated, so that it holds for one context
// and stays the same while a change of the flags means nothing to that.
func (h *Handler) Bulk(w http.ResponseWriter, r *http.Request) {
	b := h.borrow()
	defer h.giveBack(b)
	c, err := h.contextOf(r, b)
	if err != nil {
		h.refuse(w, "", err)
		return
	}
	etag, known, err := h.bulk(r, c, b)
	if err != nil {
		h.refuse(w, "", err)
		return
	}
	w.Header().Set("Etag", etag)
	if known {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.answer(w, http.StatusOK, b.answer)
}

// bulk evaluates all flags. The answer is in b, unless it is known to the caller
// already.
func (h *Handler) bulk(r *http.Request, c *flag.Context, b *buffers) (etag string, known bool, err error) {
	if !h.opts.Gate.Enter() {
		return "", false, busy()
	}
	defer h.opts.Gate.Leave()
	v, err := h.viewOf(r.PathValue("environment"))
	if err != nil {
		return "", false, err
	}
	b.results = v.set.AppendAll(b.results, c)
	state := b.body[:0] // the body has been read into c
	for i := range b.results {
		e := b.results[i].Encoded(encode)
		b.encoded = append(b.encoded, e)
		state = append(state, e.Digest[:]...)
	}
	flags := len(state)
	state = h.appendTail(state, r, v)
	b.body = state
	etag = digestOf(state).etag()
	if matches(r.Header["If-None-Match"], etag) {
		return etag, true, nil
	}
	text := append(b.answer, `{"flags":[`...)
	for i, e := range b.encoded {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, e.Text...)
	}
	b.answer = append(text, state[flags:]...)
	return etag, false, nil
}

// contextOf reads the context that an evaluation is about.
func (h *Handler) contextOf(r *http.Request, b *buffers) (*flag.Context, error) {
	var err error
	if b.body, err = readBody(r, b.body); err != nil {
		return nil, err
	}
	attributes, err := parseContext(b.body)
	if err != nil {
		return nil, err
	}
	maps.Copy(attributes, h.settings.Load().Enrichment)
	return flag.ContextFromOFREP(attributes)
}

// inactivity is after how many seconds without anybody looking at a page its
// browser may end the connection for events, and evaluate again when it is back.
const inactivity = "120"

// appendTail writes what follows the flags in a bulk evaluation: where events come
// from, and what the flags are of. The path alone says where: the client knows
// better by which name it, or a proxy, reaches the server.
func (h *Handler) appendTail(text []byte, r *http.Request, v *view) []byte {
	path := h.opts.Prefix
	if environment := r.PathValue("environment"); environment != "" {
		path += "/environments/" + url.PathEscape(environment)
	}
	path += "/ofrep/v1/events"
	if ticket := h.opts.Ticket(r.Context()); ticket != "" {
		path += "?ticket=" + url.QueryEscape(ticket)
	}
	text = append(text, `],"eventStreams":[{"type":"sse","endpoint":{"requestUri":`...)
	text = appendJSON(text, path)
	text = append(text, `},"inactivityDelaySec":`+inactivity+`}],"metadata":`...)
	text = append(text, v.metadata...)
	return append(text, '}')
}
