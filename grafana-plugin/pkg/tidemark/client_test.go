package tidemark

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/stretchr/testify/require"
)

const secret = "tdm_hidden"

// serve starts a server and returns a client of it.
func serve(t *testing.T, o Options, handle http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	o.URL = server.URL
	return client(t, o)
}

func client(t *testing.T, o Options) *Client {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.HTTP.Timeouts == nil {
		timeouts := httpclient.DefaultTimeoutOptions
		timeouts.Timeout = 0
		o.HTTP.Timeouts = &timeouts
	}
	c, err := New(o)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestGet(t *testing.T) {
	c := serve(t, Options{Token: secret}, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, http.MethodGet, r.Method)
		require.Equal(t, "/api/v1/changes?kind=deploy&kind=flag", r.URL.String())
		require.Equal(t, "Bearer "+secret, r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, `{"changes":[{"id":"1"}]}`)
	})
	var out struct {
		Changes []struct{ ID string }
	}
	require.NoError(t, c.Get(t.Context(), "/api/v1/changes", url.Values{"kind": {"deploy", "flag"}}, &out))
	require.Equal(t, "1", out.Changes[0].ID)
}

func TestPost(t *testing.T) {
	c := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, http.MethodPost, r.Method)
		require.Equal(t, "/api/v1/changes/list", r.URL.String())
		require.NoError(t, r.ParseForm())
		require.Equal(t, []string{"deploy", "flag"}, r.PostForm["kind"])
		_, _ = io.WriteString(w, `{"changes":[{"id":"1"}]}`)
	})
	var out struct {
		Changes []struct{ ID string }
	}
	require.NoError(t, c.Post(t.Context(), "/api/v1/changes/list", url.Values{"kind": {"deploy", "flag"}}, &out))
	require.Equal(t, "1", out.Changes[0].ID)
}

func TestPostForm(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	c := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, http.MethodPost, r.Method)
		require.Empty(t, r.URL.RawQuery)
		require.Equal(t, long, r.PostFormValue("query"))
		require.Empty(t, r.Header.Get("Authorization"))
		require.Equal(t, "text/a, text/b;q=0.5, application/problem+json", r.Header.Get("Accept"))
		w.Header().Set("Content-Type", "text/b")
		_, _ = io.WriteString(w, "answer")
	})
	body, contentType, err := c.PostForm(t.Context(), "/api/v1/query", url.Values{"query": {long}}, "text/a, text/b;q=0.5")
	require.NoError(t, err)
	require.Equal(t, "text/b", contentType)
	text, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	require.Equal(t, "answer", string(text))
}

func TestStreamOutlivesTheTimeout(t *testing.T) {
	release := make(chan struct{})
	c := serve(t, Options{Timeout: 20 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/stream" {
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, ": "+r.Header.Get("Last-Event-ID")+" "+r.Header.Get("Accept")+"\n")
		_ = http.NewResponseController(w).Flush()
		<-release
		_, _ = io.WriteString(w, "data: late\n")
	})
	body, err := c.Stream(t.Context(), "/stream", nil, "7")
	require.NoError(t, err)
	defer body.Close()
	lines := bufio.NewScanner(body)
	require.True(t, lines.Scan())
	require.Equal(t, ": 7 text/event-stream", lines.Text())
	// What is bounded ends meanwhile; the stream does not.
	_, late := c.Open(t.Context(), "/bounded", nil)
	close(release)
	require.ErrorIs(t, late, context.DeadlineExceeded)
	require.True(t, lines.Scan(), "%v", lines.Err())
	require.Equal(t, "data: late", lines.Text())
}

func TestCredentials(t *testing.T) {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:"+secret))
	withBasic := httpclient.Options{BasicAuth: &httpclient.BasicAuthOptions{User: "ann", Password: secret}}
	f := func(name string, o Options, forwarded http.Header, authorization, key string) {
		t.Run(name, func(t *testing.T) {
			c := serve(t, o, func(w http.ResponseWriter, r *http.Request) {
				require.Equal(t, authorization, r.Header.Get("Authorization"))
				require.Equal(t, key, r.Header.Get("X-API-Key"))
				_, _ = io.WriteString(w, `{}`)
			})
			var out struct{}
			require.NoError(t, c.Get(forward(t.Context(), forwarded), "/", nil, &out))
		})
	}
	identity := http.Header{"Authorization": {"Bearer ann"}}
	f("nothing", Options{}, nil, "", "")
	f("a token", Options{Token: secret}, nil, "Bearer "+secret, "")
	f("basic authentication", Options{HTTP: withBasic}, nil, basic, "")
	f("both", Options{Token: secret, TokenApart: true, HTTP: withBasic}, nil, basic, secret)
	f("an identity", Options{HTTP: httpclient.Options{ForwardHTTPHeaders: true}}, identity, "Bearer ann", "")
	f("an identity and a token", Options{Token: secret, TokenApart: true, HTTP: httpclient.Options{ForwardHTTPHeaders: true}}, identity, "Bearer ann", secret)
	f("a token goes before an identity", Options{Token: secret, HTTP: httpclient.Options{ForwardHTTPHeaders: true}}, identity, "Bearer "+secret, "")
}

// forward does what the SDK does with the headers of a request of Grafana's.
func forward(ctx context.Context, headers http.Header) context.Context {
	return httpclient.WithContextualMiddleware(ctx, httpclient.MiddlewareFunc(func(o httpclient.Options, next http.RoundTripper) http.RoundTripper {
		if !o.ForwardHTTPHeaders {
			return next
		}
		return httpclient.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
			for name, values := range headers {
				if r.Header.Get(name) == "" {
					r.Header[name] = values
				}
			}
			return next.RoundTrip(r)
		})
	}))
}

func TestOnlyKnownHeadersAreForwarded(t *testing.T) {
	o := Options{HTTP: httpclient.Options{ForwardHTTPHeaders: true, Header: http.Header{"X-Scope": {"team"}}}}
	c := serve(t, o, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "team", r.Header.Get("X-Scope"))
		require.Equal(t, "ann", r.Header.Get("X-Grafana-User"))
		require.Equal(t, "a=b", r.Header.Get("Cookie"))
		for _, name := range []string{"Origin", "Referer", "X-Forwarded-For", "Sec-Fetch-Site"} {
			require.Empty(t, r.Header.Get(name), name)
		}
		require.NotEqual(t, "br", r.Header.Get("Accept-Encoding"))
		_, _ = io.WriteString(w, `{}`)
	})
	browser := http.Header{
		"Origin": {"https://grafana"}, "Referer": {"https://grafana/d/1"}, "X-Forwarded-For": {"10.0.0.1"}, "Sec-Fetch-Site": {"same-origin"},
		"Accept-Encoding": {"br"}, "X-Grafana-User": {"ann"}, "Cookie": {"a=b"},
	}
	var out struct{}
	require.NoError(t, c.Get(forward(t.Context(), browser), "/", nil, &out))
}

func TestRefusals(t *testing.T) {
	f := func(name string, o Options, status int, header http.Header, body, want string) {
		t.Run(name, func(t *testing.T) {
			c := serve(t, o, func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range header {
					w.Header()[k] = v
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			})
			_, err := c.Open(t.Context(), "/api/v1/query", nil)
			require.EqualError(t, err, strings.ReplaceAll(want, "SERVER", c.URL()))
			require.True(t, backend.IsDownstreamError(err))
			require.Equal(t, status, StatusOf(err))
			require.NotContains(t, err.Error(), secret)
		})
	}
	problem := http.Header{"Content-Type": {"application/problem+json"}}
	prometheus := http.Header{"Content-Type": {"application/json"}}
	html := http.Header{"Content-Type": {"text/html"}}
	plain := http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
	f("problem details", Options{}, 422, problem, `{"title":"Unprocessable Entity","detail":"from: is after to"}`, "from: is after to")
	f("with a request id", Options{}, 500, problem, `{"detail":"its log says what, under the request_id","request_id":"abc"}`, "its log says what, under the request_id (abc)")
	f("only a title", Options{}, 500, problem, `{"title":"Internal Server Error"}`, "Internal Server Error")
	f("of Prometheus", Options{}, 400, prometheus, `{"status":"error","errorType":"bad_data","error":"1:4: parse error"}`, "1:4: parse error")
	f("plain text", Options{}, 503, plain, "Tidemark is starting\nmore\n", "Tidemark is starting")
	f("a page", Options{}, 502, html, "<html>Bad Gateway</html>", "SERVER answered 502 Bad Gateway")
	f("broken JSON", Options{}, 500, problem, `{`, "SERVER answered 500 Internal Server Error")
	f("a very long one", Options{}, 400, plain, strings.Repeat("é", 1000), strings.Repeat("é", 500)+"…")
	f("no token", Options{}, 401, problem, `{"detail":"this needs a token"}`,
		"the server wants a token, and the data source has none; make one with tidemark token create grafana --role=viewer, and set it in the data source")
	f("a wrong token", Options{Token: secret}, 401, problem, `{"detail":"the token is unknown, revoked or expired"}`,
		"the server refuses the token: the token is unknown, revoked or expired")
	f("a wrong password", Options{HTTP: httpclient.Options{BasicAuth: &httpclient.BasicAuthOptions{User: "a", Password: secret}}}, 401, problem,
		`{"detail":"the user or password is wrong"}`, "the server refuses the user or password: the user or password is wrong")
	f("forbidden", Options{Token: secret}, 403, problem, `{"detail":"this needs the role viewer"}`,
		"the server refuses this to the data source: this needs the role viewer")
	f("a redirect", Options{Token: secret}, 302, http.Header{"Location": {"https://u:" + secret + "@other/login?token=" + secret}}, "",
		"SERVER redirects to https://other/login; redirects are not followed, so set that as the data source's URL")
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the token went to another server")
	}))
	defer other.Close()
	c := serve(t, Options{Token: secret}, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	_, _, err := c.PostForm(t.Context(), "/api/v1/query", url.Values{}, "application/json")
	require.ErrorContains(t, err, "redirects to "+other.URL)
}

func TestTheWayToTheServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())

	c := client(t, Options{URL: nobody, Token: secret})
	_, err = c.Open(t.Context(), "/", nil)
	require.ErrorIs(t, err, ErrUnreachable)
	require.ErrorContains(t, err, "cannot reach the server "+nobody)
	require.True(t, backend.IsDownstreamError(err))

	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	_, err = client(t, Options{URL: secure.URL}).Open(t.Context(), "/", nil)
	require.ErrorIs(t, err, ErrUnreachable)
	require.ErrorContains(t, err, "certificate")
}

func TestLateAnswers(t *testing.T) {
	ended := make(chan struct{})
	c := serve(t, Options{Timeout: 50 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/half" {
			_, _ = io.WriteString(w, `{"a":`)
			_ = http.NewResponseController(w).Flush()
		}
		select {
		case <-r.Context().Done():
		case <-ended:
		}
	})
	defer close(ended)
	var out struct{}
	for _, path := range []string{"/none", "/half"} {
		err := c.Get(t.Context(), path, nil, &out)
		require.ErrorIs(t, err, context.DeadlineExceeded, path)
		require.ErrorContains(t, err, "did not answer within 50ms", path)
		require.True(t, backend.IsDownstreamError(err), path)
	}
}

func TestForeignAnswers(t *testing.T) {
	c := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/page":
			_, _ = io.WriteString(w, "<html>")
		case "/broken":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"a"`)
		}
	})
	var out struct{}
	require.ErrorIs(t, c.Get(t.Context(), "/page", nil, &out), ErrForeign)
	err := c.Get(t.Context(), "/broken", nil, &out)
	require.ErrorContains(t, err, "broke off")
	require.True(t, errors.Is(err, io.ErrUnexpectedEOF))
}

func TestNewRefusesWhatIsNoCertificate(t *testing.T) {
	_, err := New(Options{URL: "https://x", HTTP: httpclient.Options{TLS: &httpclient.TLSOptions{CACertificate: secret}}})
	require.ErrorContains(t, err, "the TLS or proxy settings")
	require.NotContains(t, err.Error(), secret)
}
