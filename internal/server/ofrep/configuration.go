package ofrep

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"time"

	"github.com/thomaspoignant/go-feature-flag/modules/core/dto"
)

// configuration is a set of flags as GO Feature Flag's providers get it to evaluate
// it themselves, and the name of its state.
type configuration struct {
	// version names all that evaluations depend on; it is the same whenever
	// that is, across restarts, too.
	version string
	// flags are the definitions by key, as the library reads them.
	flags map[string]json.RawMessage
	// changes is the answer to who asks whether something changed.
	changes []byte
}

// configured returns the configuration of the set, made when it is first needed.
func (v *view) configured() (*configuration, error) {
	if c := v.configuration.Load(); c != nil {
		return c, nil
	}
	c := &configuration{flags: make(map[string]json.RawMessage, v.set.Len())}
	hashes := make(map[string]uint32, v.set.Len())
	all := appendJSON(nil, v.settings.Enrichment)
	for _, f := range v.set.Flags() {
		text, err := json.Marshal(dto.ConvertDtoToInternalFlag(f.Definition))
		if err != nil {
			return nil, fmt.Errorf("encode flag %q: %w", f.Key, err)
		}
		c.flags[f.Key] = text
		all = append(appendJSON(all, f.Key), text...)
		if len(f.Allocation) > 0 {
			// The library knows nothing of it, and still the answers change.
			text = appendJSON(text[:len(text):len(text)], f.Allocation)
			all = appendJSON(all, f.Allocation)
		}
		hashes[f.Key] = hash(text)
	}
	c.version = digestOf(all).text()
	c.changes = appendJSON(nil, struct {
		Hash  uint32            `json:"hash"`
		Flags map[string]uint32 `json:"flags"`
	}{hash(all), hashes})
	v.configuration.Store(c)
	return c, nil
}

func hash(text []byte) uint32 {
	h := fnv.New32a()
	h.Write(text)
	return h.Sum32()
}

// Configuration answers POST /v1/flag/configuration: the flags, for providers that
// evaluate in process. The body may name those that are wanted.
func (h *Handler) Configuration(w http.ResponseWriter, r *http.Request) {
	b := h.borrow()
	defer h.giveBack(b)
	v, c, err := h.configurationOf(r)
	if err != nil {
		h.refuseRelay(w, err)
		return
	}
	var wanted struct {
		Flags []string `json:"flags"`
	}
	if r.ContentLength != 0 {
		if b.body, err = readBody(r, b.body); err == nil && len(bytes.TrimSpace(b.body)) > 0 {
			err = parse(b.body, &wanted)
		}
		if err != nil {
			h.refuseConfiguration(w, err)
			return
		}
	}
	if !h.opts.Gate.Enter() {
		h.refuseConfiguration(w, busy())
		return
	}
	defer h.opts.Gate.Leave()
	flags := c.flags
	if len(wanted.Flags) > 0 {
		flags = map[string]json.RawMessage{}
		for _, key := range wanted.Flags {
			if f, ok := c.flags[key]; ok {
				flags[key] = f
			}
		}
	}
	text, err := json.Marshal(struct {
		Flags      map[string]json.RawMessage `json:"flags"`
		Enrichment map[string]any             `json:"evaluationContextEnrichment,omitempty"`
	}{flags, v.settings.Enrichment})
	if err != nil {
		h.refuseConfiguration(w, err)
		return
	}
	// The JavaScript providers read the one header, Go's the other.
	modified := v.set.Modified.UTC()
	w.Header().Set("Last-Modified", modified.Format(http.TimeFormat))
	w.Header().Set("Last-Updated", modified.Format(time.RFC3339))
	h.answerTagged(w, r, text, c.version)
}

// Changes answers GET /v1/flag/change: hashes, for providers that keep answers.
func (h *Handler) Changes(w http.ResponseWriter, r *http.Request) {
	_, c, err := h.configurationOf(r)
	if err != nil {
		h.refuseRelay(w, err)
		return
	}
	h.answerTagged(w, r, c.changes, c.version)
}

func (h *Handler) configurationOf(r *http.Request) (*view, *configuration, error) {
	v, err := h.viewOf(r.PathValue("environment"))
	if err != nil {
		return nil, nil, err
	}
	c, err := v.configured()
	return v, c, err
}

// answerTagged answers text with an entity tag, or that the caller has it already.
// state is what the tag is of beside the text: what the text does not show.
func (h *Handler) answerTagged(w http.ResponseWriter, r *http.Request, text []byte, state string) {
	etag := digestOf(append([]byte(state), text...)).etag()
	w.Header().Set("ETag", etag)
	if matches(r.Header["If-None-Match"], etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.answer(w, http.StatusOK, text)
}

// refuseConfiguration answers why there is no configuration, in the form that this
// one endpoint has for it.
func (h *Handler) refuseConfiguration(w http.ResponseWriter, err error) {
	r := refusedWith(err)
	code := "RETRIEVING_FLAGS_ERROR"
	if r.status < http.StatusInternalServerError {
		code = "INVALID_REQUEST"
	}
	h.answer(w, r.status, problem("", code, r.detail))
}
