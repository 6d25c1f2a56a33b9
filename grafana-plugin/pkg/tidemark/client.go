package tidemark

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
)

// maxAnswer bounds an answer that Get or Post decodes, in bytes.
const maxAnswer = 64 << 20

// Options say which server is asked, and how.
type Options struct {
	// URL is the server's, without a slash at its end.
	URL string
	// Token is sent as a bearer token, or with TokenApart as X-API-Key, which
	// leaves the Authorization header to others; empty for none.
	Token      string
	TokenApart bool
	// Timeout bounds a request with its answer; a stream has no bound.
	Timeout time.Duration
	// HTTP is the transport: TLS, proxies, basic authentication, headers.
	HTTP httpclient.Options
}

// Client asks one server. It is safe for use by several goroutines. Its
// errors are backend.DownstreamError's where the server or the way to it is at
// fault, and an *Error is in those the server gave.
type Client struct {
	url     string
	token   string
	apart   bool
	timeout time.Duration
	http    *http.Client
}

// New returns a client, and an error where the transport's options cannot be
// used, such as a certificate that is none.
func New(o Options) (*Client, error) {
	if onThisMachine(o.URL) {
		// Compressing costs more than carrying the bytes over the loopback.
		o.HTTP.ConfigureTransport = func(_ httpclient.Options, t *http.Transport) { t.DisableCompression = true }
	}
	o.HTTP.Middlewares = append(httpclient.DefaultMiddlewares(), onlyKnownHeaders(o.HTTP.Header))
	transport, err := httpclient.GetTransport(o.HTTP)
	if err != nil {
		return nil, fmt.Errorf("the TLS or proxy settings: %w", err)
	}
	return &Client{
		url:     o.URL,
		token:   o.Token,
		apart:   o.TokenApart,
		timeout: o.Timeout,
		http: &http.Client{
			Transport: transport,
			// The token and the headers are for the one server only.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// onThisMachine reports whether a URL's host is the loopback.
func onThisMachine(serverURL string) bool {
	u, err := url.Parse(serverURL)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
}

// URL is the server's.
func (c *Client) URL() string { return c.url }

// Within returns a client of the same server, and over the same connections,
// whose requests take at most timeout.
func (c *Client) Within(timeout time.Duration) *Client {
	quick := *c
	quick.timeout = min(c.timeout, timeout)
	return &quick
}

// Close gives up the connections that nobody uses.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Get asks endpoint, a path such as /api/v1/changes behind the server's URL,
// and decodes its JSON answer into out.
func (c *Client) Get(ctx context.Context, endpoint string, query url.Values, out any) error {
	body, err := c.Open(ctx, endpoint, query)
	if err != nil {
		return err
	}
	return c.decode(body, endpoint, out)
}

// Post is Get for questions of any length: it asks with a form.
func (c *Client) Post(ctx context.Context, endpoint string, form url.Values, out any) error {
	body, _, err := c.PostForm(ctx, endpoint, form, "application/json")
	if err != nil {
		return err
	}
	return c.decode(body, endpoint, out)
}

// decode reads the whole answer of endpoint into out.
func (c *Client) decode(body io.ReadCloser, endpoint string, out any) error {
	defer body.Close()
	answer, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err != nil {
		return c.broken(err)
	}
	if len(answer) > maxAnswer {
		return backend.DownstreamErrorf("the answer of %s is longer than %d bytes; ask for less at once", c.url, maxAnswer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return backend.DownstreamErrorf("%w: the answer of %s to %s is not what a Tidemark sends", ErrForeign, c.url, endpoint)
	}
	return nil
}

// Open asks endpoint with GET. The caller reads the answer and closes it; it
// is cut off when the timeout is over.
func (c *Client) Open(ctx context.Context, endpoint string, query url.Values) (io.ReadCloser, error) {
	body, _, err := c.bounded(ctx, http.MethodGet, c.target(endpoint, query), "", "application/json")
	return body, err
}

// PostForm asks endpoint with POST, which takes expressions of any length, for
// one of the media types that accept lists. The answer is as Open's, and of the
// type contentType.
func (c *Client) PostForm(ctx context.Context, endpoint string, form url.Values, accept string) (answer io.ReadCloser, contentType string, err error) {
	return c.bounded(ctx, http.MethodPost, c.target(endpoint, nil), form.Encode(), accept)
}

// Stream opens an endpoint that answers with server-sent events, resuming
// behind lastEventID where that is not empty. The caller closes the answer; it
// ends with ctx.
func (c *Client) Stream(ctx context.Context, endpoint string, query url.Values, lastEventID string) (io.ReadCloser, error) {
	req, err := c.request(ctx, http.MethodGet, c.target(endpoint, query), "")
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Cache-Control", "no-store")
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	body, _, err := c.send(req)
	return body, err
}

// bounded sends a request that ends when the timeout is over.
func (c *Client) bounded(ctx context.Context, method, target, form, accept string) (answer io.ReadCloser, contentType string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	req, err := c.request(ctx, method, target, form)
	if err != nil {
		cancel()
		return nil, "", err
	}
	req.Header.Set("Accept", accept+", application/problem+json")
	body, contentType, err := c.send(req)
	if err != nil {
		cancel()
		return nil, "", err
	}
	return &boundedBody{ReadCloser: body, client: c, cancel: cancel}, contentType, nil
}

// boundedBody is an answer that still has to be read within its time.
type boundedBody struct {
	io.ReadCloser
	client *Client
	cancel context.CancelFunc
}

// Read implements io.Reader. Its errors are sentences.
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.client.broken(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *boundedBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// send returns the body of a success with its type, and an error for all else.
func (c *Client) send(req *http.Request) (body io.ReadCloser, contentType string, err error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, "", c.unreachable(err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer resp.Body.Close()
		return nil, "", backend.DownstreamError(c.refusal(resp))
	}
	return resp.Body, resp.Header.Get("Content-Type"), nil
}

func (c *Client) request(ctx context.Context, method, target, form string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(form))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	switch {
	case c.token == "":
	case c.apart:
		req.Header.Set("X-Api-Key", c.token)
	default:
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return req, nil
}

func (c *Client) target(endpoint string, query url.Values) string {
	target := c.url + endpoint
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	return target
}
