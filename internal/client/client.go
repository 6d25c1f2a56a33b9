package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// DefaultServer is where a Tidemark listens that nobody configured.
const DefaultServer = "http://127.0.0.1:9797"

// The limits of what a server may answer, in bytes.
const (
	maxAnswer  = 64 << 20
	maxProblem = 64 << 10
)

// Options say which server to talk to, and how.
type Options struct {
	// Server is the base URL: http or https, with the path that the server is
	// mounted under, if any.
	Server string
	// Token is sent as a bearer token; empty for an anonymous caller.
	Token string
	// Timeout bounds one request and its answer; 0 means 10 s. It does not
	// bound a stream.
	Timeout time.Duration
	// Transport replaces Go's own.
	Transport http.RoundTripper
}

// Client talks to one server. It is safe for use by several goroutines.
type Client struct {
	base    *url.URL
	token   string
	timeout time.Duration
	http    *http.Client
}

// New returns a Client, and an error where the server's URL is no base URL.
func New(o Options) (*Client, error) {
	base, err := ParseServer(o.Server)
	if err != nil {
		return nil, err
	}
	if strings.IndexFunc(o.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) >= 0 {
		return nil, errors.New("the token has a blank or a control character; it must be one word, as tidemark token create printed it")
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	return &Client{
		base:    base,
		token:   o.Token,
		timeout: o.Timeout,
		http: &http.Client{
			Transport: o.Transport,
			// A POST that is redirected becomes a GET, which would look like
			// success; and the token is for the one server only.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// ParseServer reads a server's base URL and brings it into the one form in
// which two spellings of a server are equal.
func ParseServer(server string) (*url.URL, error) {
	u, err := url.Parse(server)
	switch {
	case err != nil:
		// The text may hold a password, and url.Parse's error quotes it.
		return nil, errors.New("the server is not a URL; write it like " + DefaultServer)
	case u.User != nil:
		return nil, errors.New("the server's URL holds a user or password; pass a token by file or environment instead")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("%q is no server; write an http or https URL such as %s", server, DefaultServer)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%q is no server's base URL; leave out what begins with ? or #", server)
	}
	u.Host = strings.ToLower(u.Host)
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	return u, nil
}

// Server returns the base URL in its one form.
func (c *Client) Server() string { return c.base.String() }

// ExposesToken reports whether requests carry the token unencrypted over a
// network that others may listen to.
func (c *Client) ExposesToken() bool {
	return c.token != "" && c.base.Scheme == "http" && !isLoopback(c.base.Hostname())
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func (c *Client) url(path string, query url.Values) string {
	u := c.base.JoinPath("api", "v1", path)
	u.RawQuery = query.Encode()
	return u.String()
}

// call sends in as JSON, where it is not nil, and reads the answer into out, where that
// is not nil.
// It returns the answer's status, and an *Error for one that is no success.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return 0, fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := c.request(ctx, method, c.url(path, query), body)
	if err != nil {
		return 0, err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return resp.StatusCode, readProblem(resp)
	}
	if out == nil {
		return resp.StatusCode, nil
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return resp.StatusCode, c.unreachable(err)
	}
	if len(answer) > maxAnswer {
		return resp.StatusCode, fmt.Errorf("the answer of %s is longer than %d bytes; ask for less at once", c.Server(), maxAnswer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return resp.StatusCode, fmt.Errorf("the answer of %s is not what a Tidemark server sends; is the URL right? %w", c.Server(), err)
	}
	return resp.StatusCode, nil
}

func (c *Client) request(ctx context.Context, method, target string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("User-Agent", "tidemark")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return req, nil
}

// unreachable says in words what went wrong on the way to the server.
func (c *Client) unreachable(err error) error {
	// url.Error repeats the method and the whole URL; the server is enough.
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s did not answer within %s: %w", c.Server(), c.timeout, err)
	}
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() {
		return fmt.Errorf("%s did not answer in time: %w", c.Server(), err)
	}
	return fmt.Errorf("cannot reach %s: %w", c.Server(), err)
}
