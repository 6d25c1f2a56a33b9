package ofrep

import (
	"context"
	"encoding/json"
	"time"
)

// Event is one server-sent event of OFREP: the flags changed, evaluate them again.
type Event struct {
	// ID names the state of the flags, for as long as it lasts and across
	// restarts.
	ID   string
	Data []byte
}

// pause is how long a follower has nothing after an event. Whoever flips faster
// than people can see makes each follower ask four times a second, and no faster.
const pause = 250 * time.Millisecond

// Knows reports whether there is such an environment.
func (h *Handler) Knows(environment string) bool {
	_, ok := h.opts.Flags.Set(h.meant(environment))
	return ok
}

// Follow calls send with an event whenever the flags of an environment changed,
// until ctx or the environment ends, or send fails. last is the id of the event
// that the follower saw last. One who has seen another, or none, gets an event at
// once: the flags may have changed between its evaluation and now.
func (h *Handler) Follow(ctx context.Context, environment, last string, send func(Event) error) error {
	return h.opts.Flags.Follow(ctx, h.meant(environment), func(s State) error {
		if s.ETag == last {
			return nil
		}
		last = s.ETag
		if err := send(Event{ID: s.ETag, Data: refetch(s)}); err != nil {
			return err
		}
		wait(ctx, pause)
		return nil
	})
}

// refetch is the event's data.
func refetch(s State) []byte {
	text, err := json.Marshal(struct {
		Type         string `json:"type"`
		ETag         string `json:"etag"`
		LastModified int64  `json:"lastModified"`
	}{"refetchEvaluation", s.ETag, max(0, s.Modified.Unix())})
	if err != nil {
		return []byte(`{"type":"refetchEvaluation"}`) // texts and numbers are always JSON
	}
	return text
}

// wait waits for d, or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
