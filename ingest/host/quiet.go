package host

import (
	"context"
	"log/slog"
	"sync"
)

// quietHandler passes on a warning or an error the first time it is logged,
// and drops what is said again; all else becomes a debug line. node_exporter's
// collectors explain themselves at length, and at each scrape anew.
type quietHandler struct {
	next slog.Handler
	// origin tells apart what loggers with different attributes say.
	origin string
	said   *sayings
}

var _ slog.Handler = (*quietHandler)(nil)

func newQuietHandler(next slog.Handler) *quietHandler {
	return &quietHandler{next: next, said: &sayings{lines: map[string]bool{}}}
}

// Enabled implements slog.Handler.
func (h *quietHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, lower(level))
}

// Handle implements slog.Handler.
func (h *quietHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		line := h.origin + r.Message
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "err" {
				line += a.Value.String()
			}
			return true
		})
		if !h.said.first(line) {
			return nil
		}
	}
	r.Level = lower(r.Level)
	if !h.next.Enabled(ctx, r.Level) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *quietHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := &quietHandler{next: h.next.WithAttrs(attrs), origin: h.origin, said: h.said}
	for _, a := range attrs {
		with.origin += a.String() + " "
	}
	return with
}

// WithGroup implements slog.Handler.
func (h *quietHandler) WithGroup(name string) slog.Handler {
	return &quietHandler{next: h.next.WithGroup(name), origin: h.origin + name + " ", said: h.said}
}

// lower is the level at which a line of the level given comes out.
func lower(level slog.Level) slog.Level {
	if level < slog.LevelWarn {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// sayings are the lines that were logged.
type sayings struct {
	mu    sync.Mutex
	lines map[string]bool
}

// maxSayings bounds the memory of what was said; lines past it count as said.
const maxSayings = 500

// first reports whether line is said for the first time.
func (s *sayings) first(line string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lines[line] || len(s.lines) >= maxSayings {
		return false
	}
	s.lines[line] = true
	return true
}
