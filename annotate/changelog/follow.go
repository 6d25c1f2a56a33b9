package changelog

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/tidemark/tidemark/annotate"
)

// followBatch is how many revisions a follower reads at once.
const followBatch = 100

// Follow calls fn with each revision after the one numbered after that f
// selects, in order, first with those that are there and then with each new one
// as it is committed; a negative after begins with the next new one, and so does
// one that the log has not come to, as from before it was restored. It reads
// from the database at fn's pace, so that a slow follower costs only itself.
//
// It returns ctx's error when that ends, fn's error when there is one, and
// Unavailable when the log is closed.
func (l *Log) Follow(ctx context.Context, after int64, f annotate.Filter, fn func(annotate.Event) error) error {
	newest, err := l.Position(ctx)
	if err != nil {
		return fmt.Errorf("reading where the log stands: %w", err)
	}
	if after < 0 || after > newest {
		after = newest
	}
	for {
		news := l.news.next() // before reading: what is committed from here on wakes us
		events, err := l.eventsAfter(ctx, after)
		if err != nil {
			return l.readError(err)
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
	var events []annotate.Event
	err := each(ctx, l.read, func(scan scanner) error {
		var e annotate.Event
		var body sql.RawBytes
		if err := scan(&e.Seq, &body); err != nil {
			return err
		}
		var err error
		e.Change, err = decode(body)
		events = append(events, e)
		return err
	}, "SELECT seq, body FROM revisions WHERE seq > ? ORDER BY seq LIMIT ?", after, followBatch)
	return events, err
}

// Position returns the number of the newest revision, after which Follow begins with what
// is new; 0 of an empty log.
func (l *Log) Position(ctx context.Context) (seq int64, err error) {
	err = l.read.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM revisions").Scan(&seq)
	return seq, l.readError(err)
}
