package changes

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

// The bounds of what is kept.
const (
	// freshness is how long an answer serves: the panels of one refresh, and
	// not the next one.
	freshness      = 5 * time.Second
	maxAnswers     = 32
	maxMarksCached = 20 * maxMarks
)

// cacheKey is what must be equal for an answer to be shared, besides its time.
type cacheKey struct{ params, user string }

// cache keeps the server's newest answers, so that the panels of a dashboard
// share one request. An answer serves every panel whose time it covers.
type cache struct {
	timeout time.Duration
	now     func() time.Time

	mu      sync.Mutex
	answers []*answer // oldest first
}

// answer is a request on its way, or its result.
type answer struct {
	key    cacheKey
	span   span // what was asked for
	cancel context.CancelFunc
	done   chan struct{} // closed when what follows is there

	marks *marks
	err   error
	at    time.Time // when it came; zero while it is awaited

	waiting int // panels; guarded by cache.mu
}

func newCache(timeout time.Duration, now func() time.Time) *cache {
	return &cache{timeout: timeout, now: now}
}

// get returns an answer that covers s. fetch is called without one, for s and
// a little more, with a context that outlives ctx while others wait for the
// same answer.
func (c *cache) get(ctx context.Context, key cacheKey, s span, fetch func(context.Context, span) (*marks, error)) (*marks, error) {
	c.mu.Lock()
	c.sweep()
	a := c.find(key, s)
	if a == nil {
		a = c.start(ctx, key, widen(s), fetch)
	}
	a.waiting++
	c.mu.Unlock()

	defer c.leave(a)
	select {
	case <-a.done:
		return a.marks, a.err
	case <-ctx.Done():
		return nil, backend.DownstreamError(fmt.Errorf("wait for changes: %w", context.Cause(ctx)))
	}
}

// drop forgets all answers: something changed. Who waits already is answered
// still; who comes later asks anew.
func (c *cache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers = nil
}

// find returns the newest answer that serves, or nil.
func (c *cache) find(key cacheKey, s span) *answer {
	for _, a := range slices.Backward(c.answers) {
		if a.key == key && a.serves(s) {
			return a
		}
	}
	return nil
}

// serves reports whether a covers s, and not so much more that its marks would
// be too coarse.
func (a *answer) serves(s span) bool {
	return !a.span.from.After(s.from) && !a.span.to.Before(s.to) &&
		a.span.length() <= s.length()+s.length()/4+5*time.Second
}

// start asks for s in a goroutine of its own, which ends with the request.
func (c *cache) start(ctx context.Context, key cacheKey, s span, fetch func(context.Context, span) (*marks, error)) *answer {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
	a := &answer{key: key, span: s, cancel: cancel, done: make(chan struct{})}
	c.answers = append(c.answers, a)
	go func() {
		defer cancel()
		m, err := fetch(ctx, s)
		c.mu.Lock()
		defer c.mu.Unlock()
		a.marks, a.err, a.at = m, err, c.now()
		if err != nil {
			c.remove(a)
		}
		close(a.done)
	}()
	return a
}

// leave says that one panel less waits for a. A request that nobody waits for
// is given up.
func (c *cache) leave(a *answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a.waiting--
	if a.waiting == 0 && a.at.IsZero() {
		a.cancel()
		c.remove(a)
	}
}

func (c *cache) remove(a *answer) {
	c.answers = slices.DeleteFunc(c.answers, func(other *answer) bool { return other == a })
}

// sweep forgets what is no longer fresh, and the oldest of what is too much.
func (c *cache) sweep() {
	now, held := c.now(), 0
	c.answers = slices.DeleteFunc(c.answers, func(a *answer) bool {
		return !a.at.IsZero() && now.Sub(a.at) >= freshness
	})
	for i, a := range slices.Backward(c.answers) {
		if a.marks != nil {
			held += len(a.marks.List)
		}
		if held > maxMarksCached || len(c.answers)-i >= maxAnswers {
			c.answers = slices.Clone(c.answers[i+1:])
			return
		}
	}
}

// widen returns s with a margin on both sides, on a grid, so that panels that
// were asked for a moment later, or for another step, are served as well.
func widen(s span) span {
	grid := max(time.Second, s.length()/64).Round(time.Second)
	return span{from: s.from.Truncate(grid), to: s.to.Truncate(grid).Add(2 * grid)}
}
