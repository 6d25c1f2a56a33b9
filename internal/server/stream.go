package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark/tidemark/annotate"
)

// lastEventID is the header by which a browser resumes a stream.
const lastEventID = "Last-Event-ID"

type streamOutput struct{ Body func(huma.Context) }

func (s *Server) opStream() mount {
	params := streamParameters()
	op := huma.Operation{
		OperationID: "follow-changes", Summary: "The changes as they reach the log, as server-sent events",
		Description: "Each event is called change, has the log's sequence number as its id, and the change as its data. " +
			"Without an event to resume behind, the stream begins with what is new.",
		Tags: []string{"changes"},
	}
	return operation(op, "query", func(ctx context.Context, in *call) (*streamOutput, error) {
		selected, err := parseSelection(in.http.URL.RawQuery, params)
		if err != nil {
			return nil, err
		}
		if id := in.http.Header.Get(lastEventID); id != "" {
			if selected.after, err = parseEventID(id); err != nil {
				return nil, faulty(Fault{Message: err.Error(), Location: "header." + lastEventID, Value: id})
			}
		}
		return &streamOutput{Body: func(hc huma.Context) {
			c := unwrap(hc)
			s.follow(ctx, "follows the changes", newEventStream(c.Response(), s.limits), func(ctx context.Context, stream *eventStream) error {
				return s.opts.Changes.Follow(ctx, selected.after, selected.Filter, stream.send)
			})
		}}, nil
	}, func(op *huma.Operation, registry huma.Registry) {
		documentParameters(op, params)
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: lastEventID, In: "header", Description: "The event to resume behind", Schema: &huma.Schema{Type: huma.TypeString},
		})
		op.Responses["200"].Description = "A stream that ends when the server stops"
		op.Responses["200"].Content = map[string]*huma.MediaType{"text/event-stream": {Schema: schemaOf[ShownChange](registry)}}
	})
}

// follow writes the events that pull gets, until ctx ends or the reader goes away.
// greeting is the comment that the stream begins with.
func (s *Server) follow(ctx context.Context, greeting string, stream *eventStream, pull func(context.Context, *eventStream) error) {
	ctx, cancel := context.WithCancel(ctx)
	var alive sync.WaitGroup
	defer alive.Wait()
	defer cancel()
	if stream.begin(greeting) != nil {
		return
	}
	alive.Go(func() {
		// A reader that is gone shows only when something is written to it.
		if stream.keepAlive(ctx) != nil {
			cancel()
		}
	})
	err := pull(ctx, stream)
	if err != nil && ctx.Err() == nil && !errors.Is(err, errGone) {
		x := exchangeOf(ctx)
		x.err = problemOf(err, "query")
		s.logger.Warn("a stream of events ended", "err", err, "request_id", x.id)
	}
}

// errGone says that the reader of a stream is gone or too slow.
var errGone = errors.New("the reader is gone")

// eventStream writes server-sent events. It may be used by several goroutines.
type eventStream struct {
	limits  Limits
	control *http.ResponseController

	mu sync.Mutex
	w  http.ResponseWriter
}

func newEventStream(w http.ResponseWriter, limits Limits) *eventStream {
	return &eventStream{limits: limits, control: http.NewResponseController(w), w: w}
}

// begin sends the headers at once, so that the reader knows that it is heard.
func (e *eventStream) begin(greeting string) error {
	h := e.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	return e.write([]byte("retry: 2000\n: " + greeting + "\n\n"))
}

// send writes one event.
func (e *eventStream) send(event annotate.Event) error {
	data, err := json.Marshal(show(event.Change))
	if err != nil {
		return fmt.Errorf("encode event %d: %w", event.Seq, err)
	}
	return e.event(strconv.FormatInt(event.Seq, 10), "change", data)
}

// event writes one event, whose parts have no line breaks.
func (e *eventStream) event(id, name string, data []byte) error {
	text := make([]byte, 0, len(data)+len(id)+len(name)+32)
	text = append(text, "id: "...)
	text = append(text, id...)
	text = append(text, "\nevent: "...)
	text = append(text, name...)
	text = append(text, "\ndata: "...)
	text = append(text, data...)
	return e.write(append(text, "\n\n"...))
}

// keepAlive writes a comment now and then, until ctx ends or writing fails.
func (e *eventStream) keepAlive(ctx context.Context) error {
	ticker := time.NewTicker(e.limits.KeepAlive)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := e.write([]byte(": keep-alive\n\n")); err != nil {
			return err
		}
	}
}

// write sends text to the reader, who has StreamTimeout to take it.
func (e *eventStream) write(text []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	// Where deadlines are not supported, it is no connection that is written.
	_ = e.control.SetWriteDeadline(time.Now().Add(e.limits.StreamTimeout))
	if _, err := e.w.Write(text); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	if err := e.control.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}
