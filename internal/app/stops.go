package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// stops ends what was started, last in, first out. Each part registers its own
// end in the breath in which it starts, so that a start that fails half-way
// ends exactly what had begun.
type stops struct {
	logger *slog.Logger
	list   []stop
}

type stop struct {
	name string
	end  func(context.Context) error
}

// push registers how to end the part called name.
func (s *stops) push(name string, end func(context.Context) error) {
	s.list = append(s.list, stop{name, end})
}

// pushBrief registers an end that waits for others, who may take their time. It
// gets the time given of the whole stop and no more, and its failure is told in
// the log alone: that a client or a receiver was slow is no failure of the stop.
func (s *stops) pushBrief(name string, most time.Duration, end func(context.Context) error) {
	s.push(name, func(ctx context.Context) error {
		brief, cancel := context.WithTimeout(ctx, most)
		defer cancel()
		if err := within(brief, end); err != nil {
			s.logger.Warn("a stop was cut short", "part", name, "err", err)
		}
		return ctx.Err()
	})
}

// run ends all parts, and goes on with the next when one fails or ctx is over.
func (s *stops) run(ctx context.Context) error {
	var errs []error
	for len(s.list) > 0 {
		last := s.list[len(s.list)-1]
		s.list = s.list[:len(s.list)-1]
		began := time.Now()
		if err := within(ctx, last.end); err != nil {
			errs = append(errs, fmt.Errorf("stopping %s: %w", last.name, err))
		}
		s.logger.Debug("stopped", "part", last.name, "took", time.Since(began))
	}
	return errors.Join(errs...)
}

// grace is how long an end that heeds its context may take to return after that
// is over.
const grace = 100 * time.Millisecond

// within waits for end until ctx is over and a little longer, also when end
// does not heed it.
func within(ctx context.Context, end func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- end(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(grace):
		return ctx.Err()
	}
}
