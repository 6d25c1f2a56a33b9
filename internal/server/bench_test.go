package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidemark/tidemark/internal/auth"
)

// BenchmarkServer measures a request without the network: routing, rights,
// limits, the change log, and the answer.
func BenchmarkServer(b *testing.B) {
	s := start(b, func(o *Options) { o.Logger = slog.New(slog.DiscardHandler) })
	for i := range 1000 {
		s.record(fmt.Sprintf(`{"kind":"deploy","service":"web","version":"v%d","who":"Ann"}`, i))
	}
	s.record(`{"kind":"deploy","source":"ci","external_id":"1","title":"same"}`)
	token := "Bearer " + s.token("ci", auth.Operator)
	f := func(name, method, path, body string, want int) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(method, path, strings.NewReader(body))
				r.Header.Set("Authorization", token)
				w := httptest.NewRecorder()
				s.Server.http.Handler.ServeHTTP(w, r)
				if w.Code != want {
					b.Fatal(w.Code, w.Body.String())
				}
			}
		})
	}
	f("healthy", http.MethodGet, "/-/healthy", "", 200)
	f("query without the engine", http.MethodGet, "/api/v1/query?query=up", "", 200)
	f("list of 100", http.MethodGet, "/api/v1/changes", "", 200)
	f("one of a kind", http.MethodGet, "/api/v1/changes?limit=1&kind=deploy", "", 200)
	f("known report", http.MethodPost, "/api/v1/changes", `{"kind":"deploy","external_id":"1","title":"same"}`, 200)
}
