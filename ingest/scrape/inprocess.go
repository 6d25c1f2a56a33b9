package scrape

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// inProcess serves handlers to this process alone, each under a host name of
// its own. The scraper reaches them like any other target, and no port is
// opened, no certificate needed and no token shared for it.
type inProcess struct {
	servers map[string]*pipeServer
	dialer  net.Dialer
}

// newInProcess starts serving each handler under its host name.
func newInProcess(handlers map[string]http.Handler, logger *slog.Logger) *inProcess {
	p := &inProcess{servers: make(map[string]*pipeServer, len(handlers))}
	for host, handler := range handlers {
		p.servers[net.JoinHostPort(host, "80")] = servePipe(host, handler, logger)
	}
	return p
}

// dial connects to a handler of this process, or else to the network.
func (p *inProcess) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if s, ok := p.servers[addr]; ok {
		return s.dial(ctx)
	}
	return p.dialer.DialContext(ctx, network, addr)
}

// close ends all of them, and the requests that they are answering.
func (p *inProcess) close() error {
	var errs []error
	for _, s := range p.servers {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// pipeServer is an HTTP server whose connections are pipes in memory.
type pipeServer struct {
	name   pipeAddr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	server *http.Server
	done   chan struct{}
}

func servePipe(host string, handler http.Handler, logger *slog.Logger) *pipeServer {
	s := &pipeServer{
		name:   pipeAddr(host),
		conns:  make(chan net.Conn),
		closed: make(chan struct{}),
		done:   make(chan struct{}),
		server: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 10 * time.Second,
			ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		},
	}
	go func() {
		defer close(s.done)
		if err := s.server.Serve(s); err != nil && !errors.Is(err, http.ErrServerClosed) {
			logger.Error("an in-process target stopped", "host", host, "err", err)
		}
	}()
	return s
}

func (s *pipeServer) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case s.conns <- server:
		return client, nil
	case <-s.closed:
	case <-ctx.Done():
	}
	_, _ = client.Close(), server.Close()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("dialing %s: %w", s.name, err)
	}
	return nil, net.ErrClosed
}

func (s *pipeServer) close() error {
	err := s.server.Close()
	<-s.done
	return err
}

// Accept implements net.Listener.
func (s *pipeServer) Accept() (net.Conn, error) {
	select {
	case conn := <-s.conns:
		return conn, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (s *pipeServer) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// Addr implements net.Listener.
func (s *pipeServer) Addr() net.Addr { return s.name }

type pipeAddr string

func (pipeAddr) Network() string  { return "pipe" }
func (a pipeAddr) String() string { return string(a) }
