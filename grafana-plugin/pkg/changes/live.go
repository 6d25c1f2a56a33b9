package changes

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/changes/eventstream"
)

// Channel is the path of the live channel of changes.
const Channel = "changes"

// idleTimeout is how long a stream may be silent: the server shows every 15 s
// that it lives.
const idleTimeout = 50 * time.Second

// SubscribeStream implements backend.SubscribeStreamHandler. A subscriber
// begins with the fields and no event.
func (l *Log) SubscribeStream(_ context.Context, req *backend.SubscribeStreamRequest) (*backend.SubscribeStreamResponse, error) {
	if req.Path != Channel {
		return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusNotFound}, nil
	}
	initial, err := backend.NewInitialFrame(eventFrame(), data.IncludeSchemaOnly)
	if err != nil {
		return nil, err
	}
	return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusOK, InitialData: initial}, nil
}

// RunStream implements backend.RunStreamHandler: it follows the server's log
// until ctx ends, over as many connections as that takes.
func (l *Log) RunStream(ctx context.Context, req *backend.RunStreamRequest, sender *backend.StreamSender) error {
	if req.Path != Channel {
		return backend.DownstreamErrorf("%q is no channel; there is only %q", req.Path, Channel)
	}
	f := &following{log: l, send: func(frame *data.Frame) error { return sender.SendFrame(frame, data.IncludeDataOnly) }}
	return f.run(ctx)
}

// following is one run of the stream.
type following struct {
	log  *Log
	send func(*data.Frame) error
	// lastID is the newest event's; empty before the first.
	lastID string
	// missed says that events may have passed unseen.
	missed bool
}

// errUnsent says that Grafana no longer takes what is sent.
var errUnsent = errors.New("the event could not be handed to Grafana")

// run follows until ctx ends, which is no error.
func (f *following) run(ctx context.Context) error {
	failures := 0
	for !ended(ctx) {
		began := time.Now()
		heard, err := f.connect(ctx)
		if ended(ctx) {
			break
		}
		if errors.Is(err, errUnsent) {
			return err
		}
		// A connection on which nothing happened for long was a good one too.
		if heard || time.Since(began) > f.log.idle {
			failures = 0
		}
		wait := f.log.backoff.wait(failures)
		f.log.logger.Debug("the stream of changes ended", "err", err, "again_in", wait.String())
		failures++
		f.missed = true
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return nil
}

func ended(ctx context.Context) bool { return ctx.Err() != nil }

// connect follows one connection to its end. heard reports whether the server
// said anything.
func (f *following) connect(ctx context.Context) (heard bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(f.log.idle, func() { cancel(errors.New("the server fell silent")) })
	defer silence.Stop()

	body, err := f.log.server.Stream(ctx, streamEndpoint, nil, f.lastID)
	if err != nil {
		return false, err
	}
	defer body.Close()
	if f.missed && f.lastID == "" {
		// Without an event to resume behind the server begins with what is new.
		if err := f.tell(Change{Start: f.log.now()}, 0); err != nil {
			return true, err
		}
	}
	f.missed = false
	reader := eventstream.NewReader(awake{body, func() { silence.Reset(f.log.idle) }})
	for {
		event, err := reader.Next()
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return heard, err
		}
		heard = true
		if event.ID != "" {
			f.lastID = event.ID
		}
		if event.Type != "change" {
			continue
		}
		c := Change{Start: f.log.now()}
		if event.Cut || json.Unmarshal(event.Data, &c) != nil {
			c = Change{Start: f.log.now()} // still a sign that something changed
		}
		if err := f.tell(c, event.Sequence()); err != nil {
			return heard, err
		}
	}
}

// tell drops what is cached, and then says that c changed: who asks upon it
// must not be answered with what was before.
func (f *following) tell(c Change, seq int64) error {
	f.log.cache.drop()
	if err := f.send(eventFrame(loggedEvent{c, seq})); err != nil {
		return errors.Join(errUnsent, err)
	}
	return nil
}

// loggedEvent is a change as it reached the log. Without an id it says only
// that something may have changed.
type loggedEvent struct {
	Change
	seq int64
}

// eventFrame returns the frame of events.
func eventFrame(events ...loggedEvent) *data.Frame {
	f := data.NewFrame("changes",
		data.NewField("time", nil, []time.Time{}),
		data.NewField("id", nil, []string{}),
		data.NewField("kind", nil, []string{}),
		data.NewField("service", nil, []string{}),
		data.NewField("environment", nil, []string{}),
		data.NewField("status", nil, []string{}),
		data.NewField("seq", nil, []int64{}),
	)
	for _, e := range events {
		f.AppendRow(e.Start, e.ID, e.Kind, e.Service, e.Environment, e.Status, e.seq)
	}
	return f
}

// awake calls heard whenever something is read.
type awake struct {
	io.Reader
	heard func()
}

func (a awake) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if n > 0 {
		a.heard()
	}
	return n, err
}

// backoff says how long to wait before connecting anew.
type backoff struct{ least, most time.Duration }

func defaultBackoff() backoff { return backoff{least: 500 * time.Millisecond, most: 30 * time.Second} }

// wait returns the pause after so many failures in a row: twice as long each
// time, and from half to all of it by chance, so that many do not come at once.
func (b backoff) wait(failures int) time.Duration {
	d := b.least
	for range failures {
		if d *= 2; d >= b.most {
			d = b.most
			break
		}
	}
	return d/2 + rand.N(d/2+1)
}
