package grafanahost

import (
	"context"
	"fmt"
	"net/http"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

// packetsHeld is how many packets may wait for a browser that reads slowly.
const packetsHeld = 64

// channel is a stream of the backend that browsers follow. The backend runs it
// once, however many follow.
type channel struct {
	path      string
	followers map[chan []byte]struct{} // guarded by Host.mu
	cancel    context.CancelFunc
	ended     chan struct{}
}

// stop ends the backend's run of the channel and waits for it.
func (c *channel) stop() {
	c.cancel()
	<-c.ended
}

// live sends a channel's packets as server-sent events: Grafana has a websocket
// for it, whose client is no part of the packages that plugins get.
func (h *Host) live(w http.ResponseWriter, r *http.Request) {
	path := r.PathValue("path")
	flush, ok := w.(http.Flusher)
	if !ok {
		fail(w, http.StatusInternalServerError, fmt.Errorf("%T cannot stream", w))
		return
	}
	subscribed, err := h.backend.SubscribeStream(r.Context(), &backend.SubscribeStreamRequest{
		PluginContext: h.Source(),
		Path:          path,
	})
	switch {
	case err != nil:
		fail(w, http.StatusInternalServerError, err)
		return
	case subscribed.Status == backend.SubscribeStreamStatusNotFound:
		fail(w, http.StatusNotFound, fmt.Errorf("no channel %s", path))
		return
	case subscribed.Status != backend.SubscribeStreamStatusOK:
		fail(w, http.StatusForbidden, fmt.Errorf("channel %s: status %d", path, subscribed.Status))
		return
	}
	packets, leave := h.follow(path)
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	if subscribed.InitialData != nil {
		fmt.Fprintf(w, "data: %s\n\n", subscribed.InitialData.Data())
	}
	flush.Flush()
	for {
		select {
		case packet, open := <-packets:
			if !open {
				return
			}
			fmt.Fprintf(w, "data: %s\n\n", packet)
			flush.Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// follow joins a channel, and starts it for the first that does. The packets end
// when the backend ends the channel. leave must be called.
func (h *Host) follow(path string) (packets <-chan []byte, leave func()) {
	follower := make(chan []byte, packetsHeld)
	source := h.Source()
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.channels[path]
	if c == nil {
		ctx, cancel := context.WithCancel(context.Background())
		c = &channel{path: path, followers: make(map[chan []byte]struct{}), cancel: cancel, ended: make(chan struct{})}
		h.channels[path] = c
		go h.run(ctx, c, source)
	}
	c.followers[follower] = struct{}{}
	return follower, func() { h.leave(c, follower) }
}

// leave ends the channel with its last follower.
func (h *Host) leave(c *channel, follower chan []byte) {
	h.mu.Lock()
	delete(c.followers, follower)
	last := len(c.followers) == 0
	if last {
		h.forget(c)
	}
	h.mu.Unlock()
	if last {
		c.stop()
	}
}

// forget lets the next follower of the path start anew. h.mu is held.
func (h *Host) forget(c *channel) {
	if h.channels[c.path] == c {
		delete(h.channels, c.path)
	}
}

// run hands the backend's packets to those who follow, until ctx ends.
func (h *Host) run(ctx context.Context, c *channel, source backend.PluginContext) {
	defer close(c.ended)
	_ = h.backend.RunStream(ctx, &backend.RunStreamRequest{PluginContext: source, Path: c.path}, func(packet []byte) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for follower := range c.followers {
			select {
			case follower <- packet:
			default: // a browser that does not read must not hold up the others
			}
		}
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget(c)
	for follower := range c.followers {
		close(follower)
		delete(c.followers, follower)
	}
}
