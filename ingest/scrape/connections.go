package scrape

import (
	"context"
	"net"
	"sync"
)

// dialFunc connects to an address.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// connections are those that scrapes have open. Prometheus' scrape manager lets
// a scrape under way run into its timeout when it stops; cutting its connection
// ends it at once.
type connections struct {
	next dialFunc

	mu   sync.Mutex
	cut  bool
	open map[*connection]struct{}
}

func newConnections(next dialFunc) *connections {
	return &connections{next: next, open: map[*connection]struct{}{}}
}

// dial connects, unless the connections were cut: then it returns net.ErrClosed.
func (c *connections) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := c.next(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	tracked := &connection{Conn: conn, of: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		_ = conn.Close() // nobody has used it
		return nil, net.ErrClosed
	}
	c.open[tracked] = struct{}{}
	return tracked, nil
}

// cutAll closes every connection, and refuses those that are yet to come.
func (c *connections) cutAll() {
	c.mu.Lock()
	c.cut = true
	open := c.open
	c.open = map[*connection]struct{}{}
	c.mu.Unlock()
	for conn := range open {
		_ = conn.Conn.Close() // whoever reads from it is told
	}
}

// connection is one that is known until it is closed.
type connection struct {
	net.Conn
	of *connections
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
