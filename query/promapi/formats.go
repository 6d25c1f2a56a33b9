package promapi

import (
	"net/http"
	"strings"

	"github.com/tidemark/tidemark/query/promapi/columns"
)

// negotiate does what Prometheus' API leaves out where it has more than one
// format to choose from by Accept.
func negotiate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/query" && r.URL.Path != "/query_range" {
			next.ServeHTTP(w, r)
			return
		}
		// A cache must not give one client the format of another.
		w.Header().Add("Vary", "Accept")
		if strings.Contains(r.Header.Get("Accept"), columns.MediaType) {
			// Columns are not compressed: they are little longer than compressed
			// JSON, and gzip would take twenty times what writing them takes.
			r = r.Clone(r.Context())
			r.Header.Del("Accept-Encoding")
		}
		next.ServeHTTP(w, r)
	})
}
