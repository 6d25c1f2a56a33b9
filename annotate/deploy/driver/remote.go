package driver

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

// The limits of what is asked of servers, and how.
const (
	// DefaultInterval is how often a run is looked at while it goes on.
	DefaultInterval = 5 * time.Second
	// maxAnswer is how long an answer may be, and maxText how much is taken of a log.
	maxAnswer = 1 << 20
	maxText   = 64 << 20
	// maxRequest is how long an answer may take, and maxTextRequest how long a log.
	maxRequest     = 30 * time.Second
	maxTextRequest = 5 * time.Minute
	// maxRedirects is how often an answer may lead elsewhere.
	maxRedirects = 5
	// settled is how long after a run was begun a server has certainly worked off the
	// request for it, or dropped it: that took maxRequest at most to be sent, and
	// servers give a request a minute.
	settled = 2 * time.Minute
	// skew is how far the clocks of servers may be apart.
	skew = 5 * time.Minute
)

// Remote is what all drivers have that ask a server. Its zero value does.
type Remote struct {
	// TLS says whom to trust; nil is what the system trusts.
	TLS *tls.Config
	// Interval is how often a run is looked at; DefaultInterval where it is 0.
	Interval time.Duration
	// Now is the time, and Wait waits for d unless ctx ends before; nil for the
	// system's clock.
	Now  func() time.Time
	Wait func(ctx context.Context, d time.Duration) error
}

func (r Remote) interval() time.Duration {
	if r.Interval <= 0 {
		return DefaultInterval
	}
	return r.Interval
}

func (r Remote) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

func (r Remote) wait(ctx context.Context, d time.Duration) error {
	if r.Wait != nil {
		return r.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// settle returns an error while a request that began the job could still be under
// way. It has no ErrUncertain in its chain: later, it can be told.
func (r Remote) settle(job Job) error {
	begun := job.Started.Time
	if begun.IsZero() {
		begun = job.Queued.Time
	}
	if left := begun.Add(settled).Sub(r.now()); left > 0 {
		return fmt.Errorf("the request that begins the deploy may still be under way; that can be told in %s", left.Round(time.Second))
	}
	return nil
}

// session asks one server on behalf of one call of a driver's method. It has its own
// connections, so that a request that begins a deploy never goes over one that was
// used before: net/http would send it once more where such a one turns out closed.
type session struct {
	Remote
	base      *url.URL // credentials go to its host only
	secret    Secret
	authorize func(h http.Header, token string)
	header    http.Header // of each request, to the host of base
	transport *http.Transport
	seen      map[string]*answer // by URL, what came with an ETag
	token     string             // the last that was sent, so that no text shows it
	onToken   func(string)       // is told of each new one
}

// open returns a session; its user closes it. The server's URL must be one.
func (r Remote) open(server string, secret Secret, authorize func(http.Header, string)) (*session, error) {
	base, err := url.Parse(server)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("the server's URL must begin with http:// or https:// and a host")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if r.TLS != nil {
		transport.TLSClientConfig = r.TLS.Clone()
	}
	return &session{
		Remote: r, base: base, secret: secret, authorize: authorize, header: http.Header{},
		transport: transport, seen: map[string]*answer{},
	}, nil
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
		token, err := s.secret.Read()
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
	client := http.Client{
		Transport:     s.transport,
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
func (s *session) begin(ctx context.Context, c call) (*answer, error) {
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

// get asks for something as often as redirects lead elsewhere. Where what it got the
// last time is still true, that is the answer. Its error is a *refusal for every
// status that is no success.
func (s *session) get(ctx context.Context, c call) (*answer, error) {
	c.method = http.MethodGet
	first := c.url
	known := s.seen[first]
	for range maxRedirects + 1 {
		if known != nil {
			c.header = c.header.Clone()
			if c.header == nil {
				c.header = http.Header{}
			}
			c.header.Set("If-None-Match", known.header.Get("ETag"))
		}
		a, err := s.do(ctx, c)
		switch {
		case err != nil:
			return nil, err
		case a.status == http.StatusNotModified && known != nil:
			return known, nil
		case a.status/100 == 2:
			if a.header.Get("ETag") != "" && c.url == first {
				s.seen[first] = a
			}
			return a, nil
		case !a.redirects():
			return nil, s.refusal(a)
		}
		to, err := s.follows(a)
		if err != nil {
			return nil, err
		}
		c.url, known = to, nil
		if c.header != nil {
			c.header = c.header.Clone()
			c.header.Del("If-None-Match")
		}
	}
	return nil, fmt.Errorf("%s redirects more than %d times", s.base.Host, maxRedirects)
}

// redirects reports whether what was asked for is elsewhere.
func (a *answer) redirects() bool {
	switch a.status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// follows returns where an answer leads. What was asked for over TLS is not asked for
// in the open.
func (s *session) follows(a *answer) (string, error) {
	to, err := a.location()
	if err != nil {
		return "", err
	}
	if a.url.Scheme == "https" && to.Scheme != "https" {
		return "", fmt.Errorf("%s redirects from HTTPS to HTTP", a.url.Host)
	}
	return to.String(), nil
}

// json asks for a JSON document.
func (s *session) json(ctx context.Context, where string, into any) (http.Header, error) {
	return s.jsonUpTo(ctx, where, maxAnswer, into)
}

func (s *session) jsonUpTo(ctx context.Context, where string, most int64, into any) (http.Header, error) {
	a, err := s.get(ctx, call{url: where, most: most})
	if err != nil {
		return nil, err
	}
	return a.header, s.decode(a, into)
}

func (s *session) decode(a *answer, into any) error {
	if err := json.Unmarshal(a.body, into); err != nil {
		return fmt.Errorf("the answer of %s is not what its API says: %w", a.url.Host, err)
	}
	return nil
}

// text asks for a text, such as a log, and writes it to w as it comes.
func (s *session) text(ctx context.Context, where string, w io.Writer) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, maxTextRequest)
	defer cancel()
	for range maxRedirects + 1 {
		resp, err := s.send(ctx, call{method: http.MethodGet, url: where})
		if err != nil {
			return nil, err
		}
		a := &answer{status: resp.StatusCode, header: resp.Header, url: resp.Request.URL}
		if a.status/100 == 2 {
			_, err = io.Copy(w, io.LimitReader(resp.Body, maxText))
			resp.Body.Close()
			if err != nil {
				return nil, fmt.Errorf("reading the answer of %s: %w", a.url.Host, s.clean(err))
			}
			return resp.Header, nil
		}
		a.body, _ = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // the status says enough
		resp.Body.Close()
		if !a.redirects() {
			return nil, s.refusal(a)
		}
		if where, err = s.follows(a); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s redirects more than %d times", s.base.Host, maxRedirects)
}

// order sends a request that may be sent again. The statuses that are given are
// successes too.
func (s *session) order(ctx context.Context, c call, fine ...int) error {
	c.cut = true
	a, err := s.do(ctx, c)
	if err != nil {
		return fmt.Errorf("cancelling: %w", err)
	}
	for _, status := range fine {
		if a.status == status {
			return nil
		}
	}
	if a.status/100 != 2 {
		return fmt.Errorf("cancelling: %w", s.refusal(a))
	}
	return nil
}
