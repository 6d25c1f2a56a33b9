package app

import (
	"net/http"
	"sync/atomic"
)

// late is a handler that is there before what it serves: the server listens,
// and says that it is starting, while the sample store replays its log.
type late struct{ handler atomic.Pointer[http.Handler] }

func (l *late) set(h http.Handler) { l.handler.Store(&h) }

// ServeHTTP implements http.Handler.
func (l *late) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := l.handler.Load()
	if h == nil {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "Tidemark is starting: it reads its write-ahead log; try again shortly", http.StatusServiceUnavailable)
		return
	}
	(*h).ServeHTTP(w, r)
}
