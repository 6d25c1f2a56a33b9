package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/klauspost/compress/gzhttp"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/semaphore"

	"github.com/tidemark/tidemark/internal/server/ofrep"
)

// Server is Tidemark's HTTP server. Make it with New, then Start it once and
// Stop it once.
type Server struct {
	opts   Options
	limits Limits
	logger *slog.Logger
	now    func() time.Time
	// prefix is the path of the external URL, without a slash at its end.
	prefix string

	echo   *echo.Echo
	api    huma.API
	routes map[routeKey]*route
	spec   []byte
	bodies *bodyReader
	pages  *pages
	meters *serverMeters

	writes, pushes, streams          *turnstile
	receives                         *turnstile          // of webhooks
	unproven                         *semaphore.Weighted // bytes of bodies of webhooks that are being read
	evaluations, collects, followers *turnstile
	finds                            *turnstile // of annotations

	flags *ofrep.Handler
	// origins are those whose pages may evaluate flags.
	origins atomic.Pointer[origins]

	// stopping is over once the server stops; streams end with it.
	stopping context.Context
	stop     context.CancelFunc

	http       *http.Server
	listener   net.Listener
	onLoopback bool
	served     chan struct{} // closed when serving has ended
	serveErr   error         // why, once served is closed
}

// New checks the options and returns a server that does not listen yet.
func New(o Options) (*Server, error) {
	o.Limits = o.Limits.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := web.Validate(o.WebConfigFile); err != nil {
		return nil, fmt.Errorf("the web configuration %s: %w", o.WebConfigFile, err)
	}
	s := &Server{
		opts:   o,
		limits: o.Limits,
		logger: o.Logger,
		now:    time.Now,
		meters: newServerMeters(o.Metrics),
		served: make(chan struct{}),
	}
	if o.ExternalURL != nil {
		s.prefix = strings.TrimRight(o.ExternalURL.Path, "/")
	}
	s.writes = newTurnstile(o.Metrics, "writes", o.Limits.Writes)
	s.receives = newTurnstile(o.Metrics, "hooks", o.Limits.Deliveries)
	s.unproven = semaphore.NewWeighted(maxUnproven)
	s.pushes = newTurnstile(o.Metrics, "pushes", o.Limits.Pushes)
	s.finds = newTurnstile(o.Metrics, "annotations", maxFinds)
	s.streams = newTurnstile(o.Metrics, "streams", o.Limits.Streams)
	s.prepareFlags()
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.bodies = newBodyReader(o.Limits)
	pages, err := newPages()
	if err != nil {
		return nil, err
	}
	s.pages = pages
	if err := s.wire(); err != nil {
		return nil, err
	}
	return s, s.prepare()
}

// prepare makes the http.Server.
func (s *Server) prepare() error {
	compress, err := gzhttp.NewWrapper(gzhttp.ExceptContentTypes([]string{"text/event-stream"}))
	if err != nil {
		return fmt.Errorf("prepare compression: %w", err)
	}
	s.http = &http.Server{
		Handler:           compress(s.echo),
		ReadHeaderTimeout: s.limits.HeaderTimeout,
		// ReadTimeout stays open: it would also end the wait for an answer.
		// The body has a deadline of its own.
		WriteTimeout:   s.limits.AnswerTimeout,
		IdleTimeout:    s.limits.IdleTimeout,
		MaxHeaderBytes: s.limits.HeaderBytes,
		ErrorLog:       slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
	return nil
}

// Start listens. When it returns nil the address is bound and requests are
// answered until Stop.
func (s *Server) Start(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.opts.ListenAddress)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.listener = netutil.LimitListener(listener, s.limits.Connections)
	if addr, ok := listener.Addr().(*net.TCPAddr); ok {
		s.onLoopback = addr.IP.IsLoopback()
	}
	go s.serve()
	return nil
}

func (s *Server) serve() {
	defer close(s.served)
	err := web.Serve(s.listener, s.http, &web.FlagConfig{WebConfigFile: &s.opts.WebConfigFile}, s.logger)
	// Serving may end by the listener's end too, when Stop comes before it began.
	if !errors.Is(err, http.ErrServerClosed) && s.stopping.Err() == nil {
		s.logger.Error("serving ended", "err", err)
		s.serveErr = fmt.Errorf("serve: %w", err)
	}
}

// Addr is the address that the server listens on; nil before Start.
func (s *Server) Addr() net.Addr {
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// LimitBatch changes, for the requests that are yet to come, how many changes
// one request may report.
func (s *Server) LimitBatch(most int) { s.bodies.batch.Store(int64(most)) }

// Stop takes no more requests, ends the streams, and waits for the requests
// under way until ctx is over; then it cuts them off. Stopping again does nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.stop()
	if s.listener == nil {
		return nil
	}
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests were cut off: %w", err), s.http.Close())
	}
	// A server that was stopped before it began to serve has not closed it.
	s.listener.Close()
	<-s.served
	return errors.Join(err, s.serveErr)
}
