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
			s.follow(ctx, newEventStream(c.Response(), s.limits), selected)
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

// follow writes events until ctx ends or the reader goes away.
func (s *Server) follow(ctx context.Context, stream *eventStream, selected selection) {
	ctx, cancel := context.WithCancel(ctx)
	var alive sync.WaitGroup
	defer alive.Wait()
	defer cancel()
	if stream.begin() != nil {
		return
	}
	alive.Go(func() {
		// A reader that is gone shows only when something is written to it.
		if stream.keepAlive(ctx) != nil {
			cancel()
		}
	})
	err := s.opts.Changes.Follow(ctx, selected.after, selected.Filter, stream.send)
	if err != nil && ctx.Err() == nil && !errors.Is(err, errGone) {
		x := exchangeOf(ctx)
		x.err = problemOf(err, "query")
		s.logger.Warn("a stream of changes ended", "err", err, "request_id", x.id)
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
func (e *eventStream) begin() error {
	h := e.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	return e.write([]byte("retry: 2000\n: follows the changes\n\n"))
}

// send writes one event.
func (e *eventStream) send(event annotate.Event) error {
	data, err := json.Marshal(show(event.Change))
	if err != nil {
		return fmt.Errorf("encode event %d: %w", event.Seq, err)
	}
	text := make([]byte, 0, len(data)+64)
	text = append(text, "id: "...)
	text = strconv.AppendInt(text, event.Seq, 10)
	text = append(text, "\nevent: change\ndata: "...)
	text = append(text, data...) // json.Marshal breaks no line
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
