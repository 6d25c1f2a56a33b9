package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

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
