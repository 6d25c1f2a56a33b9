package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// How a stream that broke is taken up again.
const (
	firstWait = time.Second
	maxWait   = 30 * time.Second
	// maxSilence is how long a stream may say nothing, not even a heartbeat,
	// before it counts as broken: a server that lost its power sends no FIN.
	maxSilence = time.Minute
)

// Follower follows the changes as they reach the log.
type Follower struct {
	Client *Client
	Filter annotate.Filter
	// After is the event to resume behind; empty to begin with what is new.
	After string
	// Broken is told why the stream broke, and how long it waits before it
	// connects again; nil for nobody.
	Broken func(err error, wait time.Duration)
}

// Run calls each for every change that the log learns of, in the log's order,
// and connects again where the stream breaks, behind the last event. It
// returns each's error, the server's where it refuses, or ctx's.
func (f *Follower) Run(ctx context.Context, each func(annotate.Event) error) error {
	wait := firstWait
	for {
		got, asked, err := f.once(ctx, each)
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
		if f.Broken != nil {
			f.Broken(err, pause)
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
func (f *Follower) once(ctx context.Context, each func(annotate.Event) error) (got bool, asked time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(maxSilence, func() {
		cancel(fmt.Errorf("%s was silent for %s", f.Client.Server(), maxSilence))
	})
	defer silence.Stop()

	body, err := f.connect(ctx)
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
	events.id = f.After
	for {
		event, err := events.Next()
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return got, events.retry, fmt.Errorf("the stream ended: %w", err)
		}
		got = true
		if event.Type == "change" {
			change, err := readEvent(event)
			if err != nil {
				return got, 0, &stopError{err}
			}
			if err := each(change); err != nil {
				return got, 0, &stopError{err}
			}
		}
		f.After = event.ID
	}
}

// connect opens the stream. Its error is a *stopError where the server refuses.
func (f *Follower) connect(ctx context.Context) (io.ReadCloser, error) {
	req, err := f.Client.request(ctx, http.MethodGet, f.Client.url("changes/stream", filterQuery(f.Filter)), nil)
	if err != nil {
		return nil, &stopError{err}
	}
	req.Header.Set("Accept", "text/event-stream")
	if f.After != "" {
		req.Header.Set("Last-Event-ID", f.After)
	}
	resp, err := f.Client.http.Do(req)
	if err != nil {
		return nil, f.Client.unreachable(err)
	}
	if resp.StatusCode == http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode/100 == 2:
		return nil, &stopError{fmt.Errorf("%s answered no event stream; is it a Tidemark server?", f.Client.Server())}
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout || resp.StatusCode/100 == 5:
		return nil, readProblem(resp)
	default:
		return nil, &stopError{readProblem(resp)}
	}
}

func readEvent(e sseEvent) (annotate.Event, error) {
	seq, err := strconv.ParseInt(e.ID, 10, 64)
	if err != nil {
		return annotate.Event{}, fmt.Errorf("the stream's event id %q is no number", e.ID)
	}
	event := annotate.Event{Seq: seq}
	if err := json.Unmarshal([]byte(e.Data), &event.Change); err != nil {
		return annotate.Event{}, fmt.Errorf("read event %d of the stream: %w", seq, err)
	}
	return event, nil
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
