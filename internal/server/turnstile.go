package server

import (
	"fmt"

	"github.com/VictoriaMetrics/metrics"
)

// turnstile bounds how many requests of a kind are inside at the same time.
type turnstile struct {
	name   string
	inside chan struct{}
	turned *metrics.Counter
}

// newTurnstile returns a turnstile for limit requests. It shows in set
//
//	tidemark_http_inside{limit="…"}         how many are inside
//	tidemark_http_inside_max{limit="…"}     how many may be
//	tidemark_http_limited_total{limit="…"}  how many were turned away
func newTurnstile(set *metrics.Set, name string, limit int) *turnstile {
	t := &turnstile{name: name, inside: make(chan struct{}, limit)}
	t.turned = set.GetOrCreateCounter(fmt.Sprintf("tidemark_http_limited_total{limit=%q}", name))
	set.GetOrCreateGauge(fmt.Sprintf("tidemark_http_inside{limit=%q}", name), func() float64 { return float64(len(t.inside)) })
	set.GetOrCreateGauge(fmt.Sprintf("tidemark_http_inside_max{limit=%q}", name), func() float64 { return float64(limit) })
	return t
}

// enter lets a request in if there is room. Whoever was let in must leave.
func (t *turnstile) enter() bool {
	select {
	case t.inside <- struct{}{}:
		return true
	default:
		t.turned.Inc()
		return false
	}
}

func (t *turnstile) leave() { <-t.inside }
