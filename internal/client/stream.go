package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// How a stream that broke is taken up again.
const (
	firstWait = time.Second
	maxWait   = 30 * time.Second
	// maxSilence is how long a stream may say nothing, not even a heartbeat,
	// before it counts as broken: a server that lost its power sends no FIN.
	maxSilence = time.Minute
)

// stream is a stream of events that is taken up again where it breaks.
type stream struct {
	client *Client
	path   string
	query  url.Values
	// after is the event to resume behind; empty for none.
	after string
	// broken is told why the stream broke, and how long it waits before it connects
	// again; nil for nobody.
	broken func(err error, wait time.Duration)
	// handle gets each event. Its error ends the stream.
	handle func(sseEvent) error
}

// run follows the stream, and connects again where it breaks, behind the last event.
// It returns handle's error, the server's where it refuses, or ctx's.
func (s *stream) run(ctx context.Context) error {
	wait := firstWait
	for {
		got, asked, err := s.once(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if stop, ok := errors.AsType[*stopError](err); ok {
			return stop.err
		}
		if got {
			wait = firstWait
		}
		pause := max(jitter(wait), asked)
		if s.broken != nil {
			s.broken(err, pause)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		wait = min(2*wait, maxWait)
	}
}

// stopError is an error after which it makes no sense to connect again.
type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }

// once follows one connection to its end. It reports whether the connection
// bore anything, and how long the server asked to wait before the next.
func (s *stream) once(ctx context.Context) (got bool, asked time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(maxSilence, func() {
		cancel(fmt.Errorf("%s was silent for %s", s.client.Server(), maxSilence))
	})
	defer silence.Stop()

	body, err := s.connect(ctx)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		if e, ok := errors.AsType[*Error](err); ok {
			return false, e.RetryAfter, err
		}
		return false, 0, err
	}
	defer body.Close()
	events := newSSEReader(&watchedReader{body, func() { silence.Reset(maxSilence) }})
	events.id = s.after
	for {
		event, err := events.Next()
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return got, events.retry, fmt.Errorf("the stream ended: %w", err)
		}
		got = true
		if err := s.handle(event); err != nil {
			return got, 0, &stopError{err}
		}
		s.after = event.ID
	}
}

// connect opens the stream. Its error is a *stopError where the server refuses.
func (s *stream) connect(ctx context.Context) (io.ReadCloser, error) {
	req, err := s.client.request(ctx, http.MethodGet, s.client.url(s.path, s.query), nil)
	if err != nil {
		return nil, &stopError{err}
	}
	req.Header.Set("Accept", "text/event-stream")
	if s.after != "" {
		req.Header.Set("Last-Event-ID", s.after)
	}
	resp, err := s.client.http.Do(req)
	if err != nil {
		return nil, s.client.unreachable(err)
	}
	if resp.StatusCode == http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode/100 == 2:
		return nil, &stopError{fmt.Errorf("%s answered no event stream; is it a Tidemark server?", s.client.Server())}
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout || resp.StatusCode/100 == 5:
		return nil, readProblem(resp)
	default:
		return nil, &stopError{readProblem(resp)}
	}
}

// jitter returns d plus up to half of it, so that the clients that a restart
// cut off do not come back all at once.
func jitter(d time.Duration) time.Duration { return d + rand.N(d/2+1) }

// watchedReader calls read whenever something was read.
type watchedReader struct {
	io.Reader
	read func()
}

// Read implements io.Reader.
func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.read()
	}
	return n, err
}
