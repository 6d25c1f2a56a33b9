package ofrep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/tidemark/tidemark/annotate/flag"
)

// reported is one event that a provider collected: an evaluation that it made
// itself or answered from memory, or something that the code tracks.
type reported struct {
	Kind string `json:"kind"`
	evaluation
}

// evaluation is what a provider says of one that it made.
type evaluation struct {
	Key       string `json:"key"`
	Variation string `json:"variation"`
	// Default says that there was no answer and the code's value was taken.
	Default bool `json:"default"`
}

// Collect answers POST /v1/data/collector. Evaluations are counted with those that
// were made here, by the flag and variation that they name; nothing is kept of
// whom they were for. The reason is not reported, so that it stays unknown.
func (h *Handler) Collect(w http.ResponseWriter, r *http.Request) {
	v, err := h.viewOf(r.PathValue("environment"))
	if err == nil && !isJSON(r) {
		err = &refusal{http.StatusUnsupportedMediaType, "", "the body must be JSON; say so with Content-Type: application/json"}
	}
	if err != nil {
		h.refuseRelay(w, err)
		return
	}
	made := map[evaluation]int{}
	taken, err := h.collect(v.set, made, json.NewDecoder(r.Body))
	if err != nil {
		h.refuseRelay(w, err)
		return
	}
	for e, times := range made {
		variation := e.Variation
		if e.Default || variation == flag.CodeDefault {
			variation = ""
		}
		v.set.Reported(e.Key, variation, times)
	}
	h.answer(w, http.StatusOK, fmt.Appendf(nil, `{"ingestedContentCount":%d}`, taken))
}

// collect reads the events one by one, since there may be a hundred thousand.
func (h *Handler) collect(set *flag.Set, made map[evaluation]int, in *json.Decoder) (int, error) {
	if err := expect(in, json.Delim('{')); err != nil {
		return 0, err
	}
	taken, found := 0, false
	for in.More() {
		name, err := in.Token()
		if err != nil {
			return 0, notEvents(err)
		}
		if name != "events" {
			var skipped json.RawMessage
			if err := in.Decode(&skipped); err != nil {
				return 0, notEvents(err)
			}
			continue
		}
		found = true
		if err := expect(in, json.Delim('[')); err != nil {
			return 0, err
		}
		for ; in.More(); taken++ {
			if taken >= h.opts.MaxEvents {
				return 0, &refusal{http.StatusRequestEntityTooLarge, "", fmt.Sprintf("there are more than %d events; send fewer at once", h.opts.MaxEvents)}
			}
			var event reported
			if err := in.Decode(&event); err != nil {
				return 0, notEvents(err)
			}
			// What names no flag is of one that has gone, or a caller's invention.
			if _, known := set.Get(event.Key); known && event.Kind != "tracking" {
				made[event.evaluation]++
			}
		}
		if err := expect(in, json.Delim(']')); err != nil {
			return 0, err
		}
	}
	if !found {
		return 0, &refusal{http.StatusBadRequest, "", `events are missing; send {"events": [{"kind": "feature", "key": …, "variation": …}]}`}
	}
	return taken, nil
}

func expect(in *json.Decoder, want json.Delim) error {
	got, err := in.Token()
	if err != nil {
		return notEvents(err)
	}
	if got != want {
		return &refusal{http.StatusBadRequest, "", `the body must be {"events": […]}`}
	}
	return nil
}

// notEvents says why events could not be read.
func notEvents(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return unread(err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &refusal{http.StatusBadRequest, "", "the body ends too early"}
	}
	return &refusal{http.StatusBadRequest, "", "the body is not a list of events: " + err.Error()}
}
