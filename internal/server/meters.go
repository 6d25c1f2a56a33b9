package server

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// durationBounds are the upper bounds of the histograms of durations, in
// seconds: from what memory answers to the longest query.
var durationBounds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120}

// meters count the requests of one route:
//
//	tidemark_http_requests_total{method="…",route="…",code="…"}
//	tidemark_http_request_duration_seconds{method="…",route="…"}
//
// The route is the pattern and never the path, so that callers cannot make
// series.
type meters struct {
	set      *metrics.Set
	labels   string
	duration *metrics.PrometheusHistogram

	mu     sync.Mutex
	byCode map[int]*metrics.Counter
}

func newMeters(set *metrics.Set, method, route string) *meters {
	labels := fmt.Sprintf("method=%q,route=%q", method, route)
	return &meters{
		set:      set,
		labels:   labels,
		duration: set.GetOrCreatePrometheusHistogramExt("tidemark_http_request_duration_seconds{"+labels+"}", durationBounds),
		byCode:   map[int]*metrics.Counter{},
	}
}

// count notes an answer. A stream's duration is how long somebody listened,
// which says nothing of the server, and is left out.
func (m *meters) count(code int, took time.Duration, stream bool) {
	m.mu.Lock()
	counter := m.byCode[code]
	if counter == nil {
		counter = m.set.GetOrCreateCounter("tidemark_http_requests_total{" + m.labels + `,code="` + strconv.Itoa(code) + `"}`)
		m.byCode[code] = counter
	}
	m.mu.Unlock()
	counter.Inc()
	if !stream {
		m.duration.Update(took.Seconds())
	}
}

// serverMeters are what belongs to no route.
type serverMeters struct {
	// none counts the requests that no route matched, under one method and
	// route, whatever they were.
	none   *meters
	panics *metrics.Counter
	bodies *metrics.Counter
}

func newServerMeters(set *metrics.Set) *serverMeters {
	return &serverMeters{
		none:   newMeters(set, "any", "none"),
		panics: set.GetOrCreateCounter("tidemark_http_panics_total"),
		bodies: set.GetOrCreateCounter(`tidemark_http_limited_total{limit="body"}`),
	}
}

// bytesText writes a limit for a person.
func bytesText(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return strconv.FormatInt(n>>20, 10) + " MiB"
	}
	return strconv.FormatInt(n, 10) + " bytes"
}
