package client

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/tidemark/tidemark/annotate"
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
	s := stream{
		client: f.Client, path: "changes/stream", query: filterQuery(f.Filter), after: f.After, broken: f.Broken,
		handle: func(event sseEvent) error {
			if event.Type != "change" {
				return nil
			}
			change, err := readEvent(event)
			if err != nil {
				return err
			}
			return each(change)
		},
	}
	defer func() { f.After = s.after }()
	return s.run(ctx)
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
