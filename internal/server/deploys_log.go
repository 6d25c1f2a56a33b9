package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidemark/tidemark/annotate/deploy/control"
)

type deployLogInput struct {
	call
	ID     string `path:"id" doc:"The deploy's id"`
	Offset string `query:"offset" doc:"How many bytes of it to leave out"`
}

// from reads the offset from which on a log is asked for.
func (in *deployLogInput) from() (int64, error) {
	if err := onlyParameters(in.http.URL.Query(), "offset"); err != nil {
		return 0, err
	}
	if in.Offset == "" {
		return 0, nil
	}
	offset, err := strconv.ParseInt(in.Offset, 10, 64)
	if err != nil || offset < 0 {
		return 0, faulty(Fault{Message: "must be 0 or more: how many bytes of the log to leave out", Location: "query.offset", Value: in.Offset})
	}
	return offset, nil
}

func (s *Server) opDeployLog() mount {
	op := huma.Operation{
		OperationID: "read-deploy-log", Summary: "What a deploy printed so far", Tags: []string{"deploys"}, SkipValidateParams: true,
		Description: "Plain text without colours, and without the secrets that Tidemark gave to it. Of a long log the beginning and the end are kept.",
	}
	return operation(op, "query", func(_ context.Context, in *deployLogInput) (*streamOutput, error) {
		offset, err := in.from()
		if err != nil {
			return nil, err
		}
		text, err := s.opts.Deploys.ReadLog(in.ID, offset)
		if err != nil {
			return nil, err
		}
		return &streamOutput{Body: func(hc huma.Context) {
			w := unwrap(hc).Response()
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusOK)
			for ; len(text) > 0 && err == nil; text, err = s.opts.Deploys.ReadLog(in.ID, offset) {
				offset += int64(len(text))
				if _, err = w.Write(text); err != nil {
					return // the reader is gone
				}
			}
		}}, nil
	}, func(op *huma.Operation, _ huma.Registry) {
		op.Responses["200"].Description = "The log"
		op.Responses["200"].Content = map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}
	})
}

// logEvent is a piece of a log in a stream.
type logEvent struct {
	Text string `json:"text" doc:"What came"`
}

func (s *Server) opFollowDeploy() mount {
	op := huma.Operation{
		OperationID: "follow-deploy", Summary: "What a deploy prints and how it stands, as server-sent events", Tags: []string{"deploys"}, SkipValidateParams: true,
		Description: "Events called log have a piece of the log as {\"text\"}; events called deploy have the deploy itself, whenever it stands otherwise. " +
			"The id of each is the offset in the log behind it. The last one is the deploy as it ended; then the stream ends.",
	}
	return operation(op, "query", func(ctx context.Context, in *deployLogInput) (*streamOutput, error) {
		offset, err := in.from()
		if err != nil {
			return nil, err
		}
		if id := in.http.Header.Get(lastEventID); id != "" {
			if offset, err = strconv.ParseInt(id, 10, 64); err != nil || offset < 0 {
				return nil, faulty(Fault{Message: "must be the id of an event of this stream", Location: "header." + lastEventID, Value: id})
			}
		}
		if _, err := s.opts.Deploys.Get(in.ID); err != nil {
			return nil, err
		}
		return &streamOutput{Body: func(hc huma.Context) {
			c := unwrap(hc)
			s.follow(ctx, "follows the deploy", newEventStream(c.Response(), s.limits), func(ctx context.Context, stream *eventStream) error {
				return s.opts.Deploys.FollowLog(ctx, in.ID, offset, stream.deploy)
			})
		}}, nil
	}, func(op *huma.Operation, registry huma.Registry) {
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: lastEventID, In: "header", Description: "The event to resume behind", Schema: &huma.Schema{Type: huma.TypeString},
		})
		op.Responses["200"].Description = "A stream that ends with the deploy, or when the server stops"
		op.Responses["200"].Content = map[string]*huma.MediaType{"text/event-stream": {Schema: schemaOf[logEvent](registry)}}
	})
}

// deploy writes a piece of a log, or without one how the deploy stands.
func (e *eventStream) deploy(v control.View, text []byte, offset int64) error {
	name, body := "deploy", any(v)
	if len(text) > 0 {
		name, body = "log", logEvent{string(text)}
	}
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encoding an event of a deploy: %w", err)
	}
	return e.event(strconv.FormatInt(offset, 10), name, data)
}
