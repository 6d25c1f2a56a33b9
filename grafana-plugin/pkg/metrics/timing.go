package metrics

import (
	"fmt"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/gtime"
)

const (
	// maxSteps is how many steps Prometheus answers at most.
	maxSteps = 11_000
	// defaultDataPoints is how wide a panel is that does not say so.
	defaultDataPoints = 100
	maxFactor         = 1000
)

// timing is when a query is evaluated, and what its macros stand for.
type timing struct {
	start, end time.Time // aligned to step
	step       time.Duration
	// rateInterval is the shortest window in which a rate has samples enough.
	rateInterval time.Duration
	// span is the time range of the panel, not aligned.
	span time.Duration
}

// newTiming chooses the step of q, for samples scraped every scrape.
func newTiming(q query, scrape time.Duration) (timing, error) {
	t := timing{span: q.to.Sub(q.from)}
	minStep, macro, err := parseMinStep(q.MinStep)
	if err != nil {
		return t, fmt.Errorf("query %s: %w", q.refID, err)
	}
	floor := max(scrape, q.interval)
	if minStep > 0 {
		// Who sets a least step knows how often this metric is scraped.
		floor, scrape = minStep, minStep
	}
	points := q.maxDataPoints
	if points <= 0 {
		points = defaultDataPoints
	}
	t.step = max(gtime.RoundInterval(t.span/time.Duration(points)), floor)
	t.step *= time.Duration(min(max(q.Factor, 1), maxFactor))
	if macro == "__rate_interval" {
		t.step = rateInterval(t.step, scrape)
	}
	t.step = max(t.step, time.Millisecond) // the product may be past what fits
	// One step fewer than the most, for aligning may add one.
	for t.span/t.step >= maxSteps {
		t.step *= 2
	}
	t.step = t.step.Truncate(time.Millisecond)
	t.rateInterval = t.step
	if macro != "__rate_interval" {
		t.rateInterval = rateInterval(t.step, scrape)
	}
	offset := time.Duration(q.UTCOffset) * time.Second
	t.start, t.end = align(q.from, t.step, offset), align(q.to, t.step, offset)
	return t, nil
}

// rateInterval is Grafana's: four scrapes, so that one may be missed and a rate
// still has two samples; and a step more than a scrape, so that no sample falls
// between two windows.
func rateInterval(step, scrape time.Duration) time.Duration {
	return max(step+scrape, 4*scrape)
}

// parseMinStep reads a least step: a duration, or the name of a macro. Neither
// is set for an empty one.
func parseMinStep(text string) (d time.Duration, macro string, err error) {
	text = strings.TrimPrefix(strings.TrimSpace(text), ">")
	switch text {
	case "", "0", "0s", "auto", "$__interval", "${__interval}":
		return 0, "", nil
	case "$__rate_interval", "${__rate_interval}":
		return 0, "__rate_interval", nil
	}
	d, err = gtime.ParseIntervalStringToTimeDuration(text)
	if err != nil || d < 0 {
		return 0, "", fmt.Errorf("the min step %q is no duration; write it like 30s, 1m or 1h", text)
	}
	return d, "", nil
}

// align returns the last whole step up to t, counted from midnight of the zone
// that is offset ahead of UTC. Steps that are aligned stay where they are when
// a dashboard refreshes, and so do the lines.
func align(t time.Time, step, offset time.Duration) time.Time {
	ms, by := t.UnixMilli()+offset.Milliseconds(), step.Milliseconds()
	behind := ms % by
	if behind < 0 {
		behind += by
	}
	return time.UnixMilli(ms - behind - offset.Milliseconds())
}
