package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"
)

func TestStopWaitsForRequestsUnderWay(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	s := start(t, func(o *Options) {
		o.Prometheus = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(inside)
			<-release
			fmt.Fprint(w, "done")
		})
	})
	done := make(chan answer)
	go func() { done <- s.do("GET", "/api/v1/query", "") }()
	<-inside
	stopped := make(chan error)
	go func() { stopped <- s.Stop(context.Background()) }()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err == nil {
			conn.Close()
		}
		return err != nil
	}, 5*time.Second, time.Millisecond, "no more connections are taken")
	close(release)
	require.Equal(t, "done", (<-done).body)
	require.NoError(t, <-stopped)
}

func TestStopCutsOffWhatDoesNotEnd(t *testing.T) {
	inside, ended := make(chan struct{}), make(chan struct{})
	s := start(t, func(o *Options) {
		o.Prometheus = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(inside)
			<-r.Context().Done()
			close(ended)
		})
	})
	go http.Get(s.url + "/api/v1/query")
	<-inside
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorContains(t, s.Stop(ctx), "cut off")
	<-ended
	http.DefaultClient.CloseIdleConnections()
}

func TestNewRefuses(t *testing.T) {
	_, err := New(Options{})
	require.ErrorContains(t, err, "without Changes")
	_, err = New(Options{Limits: Limits{Batch: -1}})
	require.ErrorContains(t, err, "limit Batch: -1 must be more than 0")
	bad := filepath.Join(t.TempDir(), "web.yml")
	require.NoError(t, os.WriteFile(bad, []byte("nope: 1\n"), 0o600))
	handler := http.NotFoundHandler()
	_, err = New(Options{
		Changes: failing{}, Authority: noAuthority{}, Prometheus: handler, Federate: handler, WriteMetrics: func(io.Writer) {},
		Reload: func(context.Context) error { return nil }, Ready: func() error { return nil }, Home: func(context.Context) Home { return Home{} },
		Logger: slog.New(slog.DiscardHandler), Metrics: metrics.NewSet(), WebConfigFile: bad,
	})
	require.ErrorContains(t, err, "nope")
}

type noAuthority struct{ Authority }

func TestStartSaysWhyItCannotListen(t *testing.T) {
	s := start(t, nil)
	o := s.opts
	o.ListenAddress, o.Metrics = s.Addr().String(), metrics.NewSet()
	second, err := New(o)
	require.NoError(t, err)
	require.Nil(t, second.Addr())
	err = second.Start(context.Background())
	require.ErrorContains(t, err, "listen")
	require.NoError(t, second.Stop(context.Background()))
	_, ok := errors.AsType[*net.OpError](err)
	require.True(t, ok)
}
