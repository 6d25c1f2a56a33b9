package ofrep

import (
	"maps"
	"sync/atomic"

	"github.com/tidemark/tidemark/annotate/flag"
)

// view is a set of flags with what was made of it for answers.
type view struct {
	set      *flag.Set
	settings *Settings
	// metadata is what a bulk evaluation says of the set as a whole.
	metadata []byte
	// configuration is made when it is first needed.
	configuration atomic.Pointer[configuration]
}

// slot holds the newest view of one environment.
type slot struct{ view atomic.Pointer[view] }

// meant returns the environment that a request means.
func (h *Handler) meant(environment string) string {
	if environment == "" {
		return h.opts.Default()
	}
	return environment
}

// viewOf returns the flags of an environment as they are now. The view of a set is
// made by whoever first asks for it, and by all who ask in the meantime.
func (h *Handler) viewOf(environment string) (*view, error) {
	environment = h.meant(environment)
	set, ok := h.opts.Flags.Set(environment)
	if !ok {
		return nil, noEnvironment(environment)
	}
	s, settings := h.slotOf(environment), h.settings.Load()
	if v := s.view.Load(); v != nil && v.set == set && v.settings == settings {
		return v, nil
	}
	v := &view{set: set, settings: settings}
	// OpenFeature's telemetry takes the name of a set from flagSetId.
	v.metadata = appendJSON(nil, map[string]string{"environment": set.Environment, "flagSetId": set.Environment})
	s.view.Store(v)
	return v, nil
}

// slotOf returns the slot of an environment that there is.
func (h *Handler) slotOf(environment string) *slot {
	for {
		known := h.views.Load()
		if s := (*known)[environment]; s != nil {
			return s
		}
		next := maps.Clone(*known)
		next[environment] = new(slot)
		if h.views.CompareAndSwap(known, &next) {
			return next[environment]
		}
	}
}
