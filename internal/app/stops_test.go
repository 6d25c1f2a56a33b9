package app

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStopsRunLastInFirstOut(t *testing.T) {
	s := stops{logger: slog.New(slog.DiscardHandler)}
	var order []string
	errBroken := errors.New("broken")
	add := func(name string, err error) {
		s.push(name, func(context.Context) error { order = append(order, name); return err })
	}
	add("first", nil)
	add("second", errBroken)
	add("third", nil)
	err := s.run(t.Context())
	require.ErrorIs(t, err, errBroken)
	require.ErrorContains(t, err, "stopping second: ")
	require.Equal(t, []string{"third", "second", "first"}, order)
	require.NoError(t, s.run(t.Context()), "nothing is ended twice")
}

func TestStopsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stops{logger: slog.New(slog.DiscardHandler)}
		release := make(chan struct{})
		defer close(release)
		hang := func(context.Context) error { <-release; return nil }
		ended := false
		s.push("after", func(context.Context) error { ended = true; return nil })
		s.pushBrief("slow", 2*time.Second, hang)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		require.NoError(t, s.run(ctx), "what only waits for others fails no stop")
		require.True(t, ended)
		require.Equal(t, 2*time.Second+grace, time.Since(began))

		s.push("stuck", hang)
		require.ErrorIs(t, s.run(ctx), context.DeadlineExceeded)
		require.Equal(t, 9*time.Second+grace, time.Since(began))
	})
}
