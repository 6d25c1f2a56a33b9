package ofrep

import (
	"maps"
	"net/http"
	"time"

	"github.com/tidemark/tidemark/annotate/flag"
)

// The endpoints of GO Feature Flag's relay, as its providers ask for them.
// https://gofeatureflag.org/API_relayproxy

// RelayEvaluate answers POST /v1/feature/{key}/eval. An evaluation that failed is
// an answer too, with the value that the code brought.
func (h *Handler) RelayEvaluate(w http.ResponseWriter, r *http.Request) {
	b := h.borrow()
	defer h.giveBack(b)
	asked, c, err := h.relayContextOf(r, b)
	if err == nil {
		err = h.evaluateIn(r, func(set *flag.Set) {
			answer := set.Evaluate(r.PathValue("key"), c).Relay(asked.DefaultValue)
			// A provider that kept an answer would not see a flip.
			answer.Cacheable = false
			b.answer = appendJSON(b.answer, answer)
		})
	}
	if err != nil {
		h.refuseRelay(w, err)
		return
	}
	h.answer(w, http.StatusOK, b.answer)
}

// relayState is what a flag answered among all.
type relayState struct {
	Value        any            `json:"value"`
	Timestamp    int64          `json:"timestamp"`
	Variation    string         `json:"variationType"`
	TrackEvents  bool           `json:"trackEvents"`
	ErrorCode    string         `json:"errorCode"`
	ErrorDetails string         `json:"errorDetails,omitempty"`
	Reason       string         `json:"reason"`
	Metadata     map[string]any `json:"metadata,omitempty"`
}

// RelayAll answers POST /v1/allflags.
func (h *Handler) RelayAll(w http.ResponseWriter, r *http.Request) {
	b := h.borrow()
	defer h.giveBack(b)
	_, c, err := h.relayContextOf(r, b)
	if err == nil {
		err = h.evaluateIn(r, func(set *flag.Set) {
			b.results = set.AppendAll(b.results, c)
			b.answer = appendJSON(b.answer, statesOf(b.results, time.Now()))
		})
	}
	if err != nil {
		h.refuseRelay(w, err)
		return
	}
	h.answer(w, http.StatusOK, b.answer)
}

// relayStates are what all flags answered.
type relayStates struct {
	Flags map[string]relayState `json:"flags"`
	Valid bool                  `json:"valid"`
}

func statesOf(results []flag.Result, now time.Time) relayStates {
	all := relayStates{make(map[string]relayState, len(results)), true}
	for i := range results {
		result := results[i].Relay(nil)
		if results[i].Variant == "" {
			result.VariationType = "" // as the relay has it here
		}
		all.Valid = all.Valid && !result.Failed
		all.Flags[results[i].Key] = relayState{
			Value: result.Value, Timestamp: now.Unix(), Variation: result.VariationType, TrackEvents: result.TrackEvents,
			ErrorCode: result.ErrorCode, ErrorDetails: result.ErrorDetails, Reason: result.Reason, Metadata: result.Metadata,
		}
	}
	return all
}

// evaluateIn calls evaluate with the flags that a request is about, if there is room.
func (h *Handler) evaluateIn(r *http.Request, evaluate func(*flag.Set)) error {
	if !h.opts.Gate.Enter() {
		return busy()
	}
	defer h.opts.Gate.Leave()
	v, err := h.viewOf(r.PathValue("environment"))
	if err == nil {
		evaluate(v.set)
	}
	return err
}

// relayContextOf reads the context that an evaluation is about.
func (h *Handler) relayContextOf(r *http.Request, b *buffers) (*flag.RelayRequest, *flag.Context, error) {
	var err error
	if b.body, err = readBody(r, b.body); err != nil {
		return nil, nil, err
	}
	asked := new(flag.RelayRequest)
	if err := parse(b.body, asked); err != nil {
		return nil, nil, err
	}
	enrichment := h.settings.Load().Enrichment
	for _, said := range []*flag.RelayContext{asked.EvaluationContext, asked.User} {
		if said == nil || len(enrichment) == 0 {
			continue
		}
		if said.Custom == nil {
			said.Custom = map[string]any{}
		}
		maps.Copy(said.Custom, enrichment)
	}
	c, err := asked.Context()
	return asked, c, err
}

// RelayProblem is a refusal in the relay's form.
func RelayProblem(detail string) []byte {
	return appendJSON(nil, struct {
		Message string `json:"message"`
	}{detail})
}

func (h *Handler) refuseRelay(w http.ResponseWriter, err error) {
	r := refusedWith(err)
	r.hint(w)
	h.answer(w, r.status, RelayProblem(r.detail))
}
