package app

import (
	"net/http"
	"sync"
)

// late is a handler that is there before what it serves and after it: the
// server listens, and says that Tidemark is starting, while the sample store
// replays its log; and at the end no request may reach a store that is closing.
type late struct {
	// Each request holds mu for reading, so that end can wait for all of them.
	mu      sync.RWMutex
	handler http.Handler
}

// set begins to serve h.
func (l *late) set(h http.Handler) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handler = h
}

// end waits for the requests under way, and refuses those that come after.
func (l *late) end() { l.set(nil) }

// ServeHTTP implements http.Handler.
func (l *late) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.handler == nil {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "Tidemark is starting, and reads its write-ahead log, or is stopping; try again shortly", http.StatusServiceUnavailable)
		return
	}
	l.handler.ServeHTTP(w, r)
}
