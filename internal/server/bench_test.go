package server

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
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

// BenchmarkMarks draws the 10,000 changes of thirty days, of a log with a
// million in three years, without the network. The changes are of twenty
// services in three environments.
func BenchmarkMarks(b *testing.B) {
	const (
		month  = 30 * 24 * time.Hour
		recent = 10_000
		all    = 1_000_000
	)
	now := time.Now()
	s := start(b, func(o *Options) {
		o.Logger = slog.New(slog.DiscardHandler)
		random := rand.New(rand.NewPCG(1, 2))
		reports := make([]annotate.Report, 1000)
		for i := 0; i < all; i += len(reports) {
			for j := range reports {
				age := month / recent * time.Duration(all-i-j)
				if i < all-recent {
					age = month + 90*time.Second*time.Duration(all-recent-i-j)
				}
				reports[j] = someReport(random, now.Add(-age), i+j)
			}
			_, err := o.Changes.RecordBatch(context.Background(), "bench", reports)
			require.NoError(b, err)
		}
	})
	f := func(name string, last time.Duration, more string, headers ...string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			path := fmt.Sprintf("/api/v1/changes/marks?from=%d&to=%d%s", now.Add(-last).UnixMilli(), now.UnixMilli(), more)
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, path, nil)
				for i := 0; i < len(headers); i += 2 {
					r.Header.Set(headers[i], headers[i+1])
				}
				w := httptest.NewRecorder()
				s.Server.http.Handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body.String())
				}
				b.ReportMetric(float64(w.Body.Len())/1000, "kB")
			}
		})
	}
	f("30 days", month, "")
	f("30 days, compressed", month, "", "Accept-Encoding", "gzip")
	f("30 days, 2000 marks", month, "&limit=2000")
	f("30 days, deploys", month, "&kind=deploy")
	f("30 days, one service", month, "&service=service-3")
	f("30 days, a label", month, "&label.team=blue")
	f("30 days, two words", month, "&q=service-3+v99")
	f("a day", 24*time.Hour, "")
	f("all there is", 10*365*24*time.Hour, "")
}

// someReport is one of many changes, most of them minutes long, some for days.
func someReport(random *rand.Rand, start time.Time, i int) annotate.Report {
	end := start.Add(time.Duration(random.IntN(600)) * time.Second)
	if i%1000 == 0 {
		end = start.Add(time.Duration(random.IntN(72)) * time.Hour)
	}
	if end.After(time.Now()) {
		end = start
	}
	r := annotate.Report{
		Source: "bench", ExternalID: fmt.Sprint(i), Kind: []string{"deploy", "deploy", "flag", "config"}[random.IntN(4)],
		Start: annotate.At(start), End: annotate.At(end), Service: fmt.Sprintf("service-%d", random.IntN(20)),
		Environment: []string{"production", "staging", "test"}[random.IntN(3)], Version: fmt.Sprintf("v%d", i),
		Who: &annotate.Who{Name: "Ann"}, Title: "Release the thing",
	}
	if i%50 == 0 {
		r.Status = annotate.Failed
	}
	if i%10 == 0 {
		r.Labels = map[string]string{"team": "blue"}
	}
	return r
}

// BenchmarkAnnotations finds annotations among 10,000 changes of the time that is asked
// for, and posts one.
func BenchmarkAnnotations(b *testing.B) {
	now := time.Now()
	s := start(b, func(o *Options) {
		o.Logger = slog.New(slog.DiscardHandler)
		random := rand.New(rand.NewPCG(1, 2))
		reports := make([]annotate.Report, 1000)
		for i := range 10 {
			for j := range reports {
				reports[j] = someReport(random, now.Add(-time.Duration(i*1000+j)*time.Minute), i*1000+j)
			}
			_, err := o.Changes.RecordBatch(context.Background(), "bench", reports)
			require.NoError(b, err)
		}
	})
	token := "Bearer " + s.token("ci", auth.Operator)
	f := func(name, method, path, body string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				r := httptest.NewRequest(method, path, strings.NewReader(body))
				r.Header.Set("Authorization", token)
				s.Server.http.Handler.ServeHTTP(w, r)
				require.Equal(b, http.StatusOK, w.Code)
			}
		})
	}
	span := fmt.Sprintf("from=%d&to=%d", now.Add(-30*24*time.Hour).UnixMilli(), now.UnixMilli())
	f("find", http.MethodGet, "/api/annotations?"+span, "")
	f("by tag", http.MethodGet, "/api/annotations?tags=deploy&"+span, "")
	f("an hour", http.MethodGet, fmt.Sprintf("/api/annotations?from=%d&to=%d", now.Add(-time.Hour).UnixMilli(), now.UnixMilli()), "")
	f("post", http.MethodPost, "/api/annotations", `{"text": "Deploy web", "tags": ["deploy", "service:web", "env:prod"]}`)
}
