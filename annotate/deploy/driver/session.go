package driver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"

	"github.com/tidemark/tidemark/annotate/secret"
)

// session asks one server on behalf of one call of a driver's method.
type session struct {
	Remote
	base      *url.URL // credentials go to its host only
	from      secret.Secret
	authorize func(h http.Header, token string)
	header    http.Header // of each request, to the host of base
	transport *http.Transport
	seen      map[string]*answer // by URL, what came with an ETag
	token     string             // the last that was sent, so that no text shows it
	onToken   func(string)       // is told of each new one
}

// open returns a session; its user closes it. The server's URL must be one.
func (r Remote) open(server string, from secret.Secret, authorize func(http.Header, string)) (*session, error) {
	base, err := url.Parse(server)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("the server's URL must begin with http:// or https:// and a host")
	}
	return &session{
		Remote: r, base: base, from: from, authorize: authorize, header: http.Header{},
		transport: r.transport(), seen: map[string]*answer{},
	}, nil
}

func (r Remote) transport() *http.Transport {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	if r.TLS != nil {
		t.TLSClientConfig = r.TLS.Clone()
	}
	return t
}

func (s *session) close() { s.transport.CloseIdleConnections() }

// bearer is how most servers take a token.
func bearer(h http.Header, token string) { h.Set("Authorization", "Bearer "+token) }

// call is a request.
type call struct {
	method, url string
	header      http.Header
	body        []byte
	most        int64 // of the answer; maxAnswer where it is 0
	cut         bool  // what is too long is cut, not refused
	once        bool  // over a connection of its own; see begin
}

// answer is what a server answered, whatever its status.
type answer struct {
	status int
	header http.Header
	body   []byte
	url    *url.URL // where it came from, behind redirects
}

// unsent is in the chain of errors where nothing reached the server.
var errUnsent = errors.New("nothing was sent")

// do sends one request, and returns its answer as it is. It follows no redirect.
func (s *session) do(ctx context.Context, c call) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, maxRequest)
	defer cancel()
	resp, err := s.send(ctx, c)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	most := c.most
	if most <= 0 {
		most = maxAnswer
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if int64(len(body)) > most {
		if !c.cut {
			return nil, fmt.Errorf("%s answered more than %d bytes", resp.Request.URL.Host, most)
		}
		body, err = body[:most], nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", resp.Request.URL.Host, s.clean(err))
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: body, url: resp.Request.URL}, nil
}

// send sends a request. Its error has errUnsent in its chain where the server cannot
// have heard of it.
func (s *session) send(ctx context.Context, c call) (*http.Response, error) {
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), c.method, c.url, bytes.NewReader(c.body))
	if err != nil {
		return nil, fmt.Errorf("%w: its URL is none", errUnsent) // err would show it, and it may hold a secret
	}
	req.GetBody = nil // so that nobody sends it twice
	req.Header.Set("User-Agent", "tidemark")
	if s.mayKnow(req.URL) {
		for name, values := range s.header {
			req.Header[name] = values
		}
		token, err := s.from.Read()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUnsent, err)
		}
		if token != "" {
			s.authorize(req.Header, token)
		}
		if token != s.token && s.onToken != nil {
			s.onToken(token)
		}
		s.token = token
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	transport := s.transport
	if c.once {
		transport = s.Remote.transport()
		transport.DisableKeepAlives = true
	}
	client := http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	switch {
	case err == nil:
		return resp, nil
	case !connected.Load():
		return nil, fmt.Errorf("%w: asking %s: %w", errUnsent, req.URL.Host, s.clean(err))
	}
	return nil, fmt.Errorf("asking %s: %w", req.URL.Host, s.clean(err))
}

// mayKnow reports whether u is on the server that the credentials are for.
func (s *session) mayKnow(u *url.URL) bool {
	return u.Scheme == s.base.Scheme && u.Host == s.base.Host
}

// clean is err without the URL that net/http shows, which may hold a secret.
func (s *session) clean(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// begin sends the request that begins a deploy, once, and returns its answer where
// that is a success. Another error than ErrUncertain says that nothing was begun.
//
// It has its own connection: where one that was used before turns out closed, net/http
// may send a request once more, and with an Idempotency-Key it does.
func (s *session) begin(ctx context.Context, c call) (*answer, error) {
	c.once = true
	a, err := s.do(ctx, c)
	switch {
	case errors.Is(err, errUnsent):
		return nil, fmt.Errorf("nothing was begun: %w", err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUncertain, err)
	case a.status/100 == 2:
		return a, nil
	}
	refused := s.refusal(a)
	if a.mayHaveBegun() {
		return nil, fmt.Errorf("%w: %w", ErrUncertain, refused)
	}
	return nil, fmt.Errorf("nothing was begun: %w", refused)
}

// mayHaveBegun reports whether an answer that is no success leaves open what became
// of the request. A gateway says 502, 503 and 504 whatever the server behind it does,
// and a server may fail after it began; a client's error is found before that. Of
// the redirects, 307 and 308 say that the request must be made elsewhere, and so does
// one to HTTPS; others may be the page of what was begun.
func (a *answer) mayHaveBegun() bool {
	switch a.status {
	case http.StatusNotImplemented, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return false
	}
	if a.status/100 == 3 {
		to, err := a.location()
		return err != nil || a.url.Scheme == to.Scheme || to.Path != a.url.Path
	}
	return a.status/100 != 4
}

// location is where an answer leads.
func (a *answer) location() (*url.URL, error) {
	to := a.header.Get("Location")
	if to == "" {
		return nil, errors.New("the answer has no Location")
	}
	u, err := a.url.Parse(to)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the answer's Location is no URL")
	}
	return u, nil
}
