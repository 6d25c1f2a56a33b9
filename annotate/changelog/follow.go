package changelog

import (
	"context"
	"fmt"

	"github.com/tidemark/tidemark/annotate"
)

// followBatch is how many revisions a follower reads at once.
const followBatch = 100

// Follow calls fn with each revision after the one numbered after that f
// selects, in order, first with those that are there and then with each new one
// as it is committed; a negative after begins with the next new one. It reads
// from the database at fn's pace, so that a slow follower costs only itself.
//
// It returns ctx's error when that ends, fn's error when there is one, and
// Unavailable when the log is closed.
func (l *Log) Follow(ctx context.Context, after int64, f annotate.Filter, fn func(annotate.Event) error) error {
	if after < 0 {
		if err := l.read.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM revisions").Scan(&after); err != nil {
			return fmt.Errorf("reading where the log stands: %w", err)
		}
	}
	for {
		news := l.news.next() // before reading: what is committed from here on wakes us
		events, err := l.eventsAfter(ctx, after)
		if err != nil {
			return err
		}
		for _, e := range events {
			if matches(f, e.Change) {
				if err := fn(e); err != nil {
					return err
				}
			}
			after = e.Seq
		}
		if len(events) == followBatch {
			continue
		}
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		case <-l.closed:
			return errClosed()
		}
	}
}

func (l *Log) eventsAfter(ctx context.Context, after int64) ([]annotate.Event, error) {
	rows, err := l.read.QueryContext(ctx, "SELECT seq, body FROM revisions WHERE seq > ? ORDER BY seq LIMIT ?", after, followBatch)
	if err != nil {
		return nil, fmt.Errorf("reading new revisions: %w", err)
	}
	defer rows.Close()
	var events []annotate.Event
	for rows.Next() {
		var e annotate.Event
		var body []byte
		if err := rows.Scan(&e.Seq, &body); err != nil {
			return nil, fmt.Errorf("reading a new revision: %w", err)
		}
		if e.Change, err = decode(body); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading new revisions: %w", err)
	}
	return events, nil
}
