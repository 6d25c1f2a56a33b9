package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/tidemark/tidemark/annotate"
)

func TestErrorsOfTheLog(t *testing.T) {
	f := func(err error, status int, detail string) {
		t.Helper()
		s := start(t, func(o *Options) { o.Changes = failing{o.Changes, err} })
		a := s.do("POST", "/api/v1/changes", `{"kind":"deploy"}`)
		p := a.problem(t, status)
		require.Contains(t, p.Detail, detail)
		require.NotContains(t, a.body, "secret")
		if status == 429 || status == 503 {
			require.NotEmpty(t, a.header.Get("Retry-After"))
		}
		line := s.waitLog("request_id=" + p.RequestID)
		require.Contains(t, line, "status="+fmt.Sprint(status))
		if status == 500 {
			require.Contains(t, line, "level=ERROR")
		}
	}
	wrapped := func(code annotate.Code) error {
		return fmt.Errorf("outside: %w", &annotate.Error{Code: code, Message: "a hint", Err: errSecret})
	}
	f(wrapped(annotate.Invalid), 422, "a hint")
	f(wrapped(annotate.NotFound), 404, "a hint")
	f(wrapped(annotate.Conflict), 409, "a hint")
	f(wrapped(annotate.TooMany), 429, "a hint")
	f(wrapped(annotate.Unavailable), 503, "a hint")
	f(wrapped("new"), 500, "under the request_id")
	f(errSecret, 500, "under the request_id")
	f(context.DeadlineExceeded, 503, "in time")
	f(nil, 500, "under the request_id") // it panics
}

func TestAPanicIsLoggedWhole(t *testing.T) {
	s := start(t, func(o *Options) { o.Changes = failing{Changes: o.Changes} })
	s.do("POST", "/api/v1/changes", `{"kind":"deploy"}`)
	line := s.waitLog("the test's own panic")
	require.Contains(t, line, "start_test.go")
	require.Equal(t, uint64(1), s.meters.panics.Get())
	require.Equal(t, 200, s.do("GET", "/-/healthy", "").status)
}

func TestBodiesAreBounded(t *testing.T) {
	s := start(t, func(o *Options) {
		o.Limits = Limits{ChangeBytes: 100, BatchBytes: 1000, PushBytes: 2000, QueryBytes: 300}
	})
	f := func(path string, size, want int) {
		t.Helper()
		body := `{"kind":"deploy","text":"` + strings.Repeat("x", size-27) + `"}`
		a := s.do("POST", path, body)
		require.Equal(t, want, a.status, a.body)
		if want == 413 {
			require.Contains(t, a.problem(t, 413).Detail, "larger than")
		}
	}
	f("/api/v1/changes", 100, 201)
	f("/api/v1/changes", 101, 413)
	f("/api/v1/changes", 1001, 413)
	f("/api/v1/write", 2000, 200)
	f("/api/v1/write", 2001, 413)
	f("/api/v1/otlp/v1/metrics", 2001, 413)
	f("/api/v1/query", 300, 200)
	f("/api/v1/query", 301, 413)

	t.Run("also when their length is not said", func(t *testing.T) {
		req, err := http.NewRequest("POST", s.url+"/api/v1/changes", io.MultiReader(strings.NewReader(strings.Repeat(" ", 5000))))
		require.NoError(t, err)
		resp, err := s.http.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, 413, resp.StatusCode)
	})
}

func TestHeadersAreBounded(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.HeaderBytes = 4 << 10 })
	a := s.do("GET", "/-/healthy", "", "X-Long", strings.Repeat("x", 64<<10))
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, a.status)
}

func TestASlowBodyCostsOnlyItself(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.BodyTimeout = 50 * time.Millisecond })
	conn, err := net.Dial("tcp", s.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST /api/v1/changes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(answer), "408 Request Timeout")
	require.Contains(t, string(answer), "did not arrive within 50ms")
}

func TestADeadlineForTheBodyDoesNotEndTheWork(t *testing.T) {
	release := make(chan struct{})
	var ended error
	s := start(t, func(o *Options) {
		o.Limits.BodyTimeout = 50 * time.Millisecond
		o.Prometheus = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			select {
			case <-r.Context().Done():
				ended = r.Context().Err()
			case <-release:
			}
		})
	})
	time.AfterFunc(200*time.Millisecond, func() { close(release) })
	require.Equal(t, 200, s.do("POST", "/api/v1/query", "query=up").status)
	require.NoError(t, ended)
}

func TestWritesAreBounded(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	s := start(t, func(o *Options) {
		o.Limits.Pushes = 1
		o.Prometheus = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside <- struct{}{}; <-release })
	})
	done := make(chan answer)
	go func() { done <- s.do("POST", "/api/v1/write", "x") }()
	<-inside
	a := s.do("POST", "/api/v1/write", "x")
	a.problem(t, 503)
	require.Equal(t, "1", a.header.Get("Retry-After"))
	require.Equal(t, 201, s.do("POST", "/api/v1/changes", `{"kind":"deploy"}`).status, "changes have a limit of their own")
	close(release)
	require.Equal(t, 200, (<-done).status)
}

func TestAnswersAreCompressed(t *testing.T) {
	s := start(t, nil)
	f := func(accept, want string, decode func(io.Reader) io.Reader) {
		t.Helper()
		a := s.do("GET", "/openapi.json", "", "Accept-Encoding", accept)
		require.Equal(t, want, a.header.Get("Content-Encoding"))
		require.Contains(t, a.header.Get("Vary"), "Accept-Encoding")
		plain, err := io.ReadAll(decode(strings.NewReader(a.body)))
		require.NoError(t, err)
		require.True(t, bytes.Equal(s.spec, plain))
	}
	f("", "", func(r io.Reader) io.Reader { return r })
	f("gzip", "gzip", func(r io.Reader) io.Reader {
		z, err := gzip.NewReader(r)
		require.NoError(t, err)
		return z
	})
	f("gzip, zstd", "zstd", func(r io.Reader) io.Reader {
		z, err := zstd.NewReader(r)
		require.NoError(t, err)
		t.Cleanup(z.Close)
		return z
	})
}

func TestRequestIDs(t *testing.T) {
	s := start(t, nil)
	f := func(given string, kept bool) {
		t.Helper()
		got := s.do("GET", "/-/healthy", "", "X-Request-Id", given).header.Get("X-Request-Id")
		require.Equal(t, kept, got == given, got)
		require.NotEmpty(t, got)
	}
	f("abc-123_x.y:z", true)
	f("", false)
	f("two words", false)
	f(strings.Repeat("x", 65), false)
	f(`"quoted"`, false)
}

func TestAccessLogHidesSecrets(t *testing.T) {
	f := func(query, want string) {
		t.Helper()
		require.Equal(t, want, loggable(query))
	}
	f("kind=deploy&limit=1", "kind=deploy&limit=1")
	f("token=abc&kind=deploy", "[hidden]&kind=deploy")
	f("api_key=abc", "[hidden]")
	f("q=tmk_0123456789abcdef_secret", "[hidden]")
	f("q=%74mk_0123456789abcdef_secret", "[hidden]")
	require.Len(t, loggable(strings.Repeat("x", 5000)), maxLogged)

	s := start(t, nil)
	s.do("GET", "/api/v1/changes?access_token=hunter2", "", "Authorization", "Bearer tmk_hunter3")
	line := s.waitLog("/api/v1/changes")
	require.NotContains(t, line, "hunter")
	for _, key := range []string{"method=GET", "route=/api/v1/changes", "status=401", "bytes=", "took=", "request_id=", "who=", "remote=127.0.0.1"} {
		require.Contains(t, line, key)
	}
}

func TestSecurityHeaders(t *testing.T) {
	s := start(t, nil)
	for _, path := range []string{"/", "/api/v1/changes", "/nothing", "/api/v1/query", "/metrics"} {
		h := s.do("GET", path, "").header
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'", path)
		require.Empty(t, h.Get("Access-Control-Allow-Origin"), path)
	}
	require.Empty(t, s.do("OPTIONS", "/api/v1/changes", "", "Origin", "https://evil.example").header.Get("Access-Control-Allow-Origin"))
}

func TestAForeignPageCannotWriteThroughABrowser(t *testing.T) {
	s := start(t, nil)
	f := func(want int, headers ...string) {
		t.Helper()
		a := s.do("POST", "/api/v1/changes", `{"kind":"deploy"}`, headers...)
		require.Equal(t, want, a.status, a.body)
	}
	f(201)
	f(201, "Origin", s.url)
	f(401, "Origin", "https://evil.example")
	f(401, "Sec-Fetch-Site", "cross-site")
	f(401, "Host", "rebound.example")
	f(401, "X-Forwarded-For", "10.0.0.7")
	require.Equal(t, 200, s.do("GET", "/api/v1/changes", "", "Origin", "https://grafana.example").status)
}

func TestPage(t *testing.T) {
	s := start(t, func(o *Options) {
		o.Home = func(context.Context) Home {
			return Home{
				Versions:  []Running{{Service: "web", Environment: "prod", Version: "<v42>", Since: time.Now().Add(-2 * time.Hour)}},
				TargetsUp: 3, TargetsDown: 1,
			}
		}
	})
	require.Contains(t, s.do("GET", "/", "").body, "None yet.")
	s.record(`{"kind":"deploy","title":"<script>alert(1)</script>","who":"Ann & Bob","service":"web"}`)
	a := s.do("GET", "/", "")
	require.Equal(t, 200, a.status)
	require.Equal(t, "text/html; charset=UTF-8", a.header.Get("Content-Type"))
	require.NotContains(t, a.body, "<script>")
	for _, want := range []string{
		"&lt;script&gt;alert(1)", "Ann &amp; Bob", "3 targets up", "1 down", "&lt;v42&gt;", "2 hours ago", "v0-test", "/openapi.json", "/metrics",
	} {
		require.Contains(t, a.body, want)
	}
	require.NotContains(t, a.body, "http://", "nothing comes from elsewhere")
	_, rest, _ := strings.Cut(a.body, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	require.Equal(t, pageStyle, style, "the policy's hash is that of the style as it is sent")

	s = start(t, func(o *Options) { o.Changes = failing{o.Changes, errSecret} })
	a = s.do("GET", "/", "")
	require.Equal(t, 200, a.status)
	require.Contains(t, a.body, "does not answer")
	require.NotContains(t, a.body, "secret")
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f := func(d time.Duration, want string) {
		t.Helper()
		require.Equal(t, want, ago(now.Add(-d), now))
	}
	f(0, "just now")
	f(time.Second, "1 second ago")
	f(90*time.Second, "1 minute ago")
	f(3*time.Hour, "3 hours ago")
	f(49*time.Hour, "2 days ago")
	f(-10*time.Minute, "in 10 minutes")
}

// webConfig writes a web configuration with a certificate and two users, and
// returns its path and the certificates to trust.
func webConfig(t *testing.T) (string, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(name string, content []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	write("cert.pem", cert)
	write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	write("web.yml", fmt.Appendf(nil, "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\nbasic_auth_users: {ann: %s, bob: %s}\n", hash, hash))
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(cert))
	return filepath.Join(dir, "web.yml"), pool
}

func TestTLSAndUsers(t *testing.T) {
	file, pool := webConfig(t)
	s := start(t, func(o *Options) { o.WebConfigFile = file })
	s.url = "https" + strings.TrimPrefix(s.url, "http")
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	s.http = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	f := func(user, password, method string, want int, headers ...string) {
		t.Helper()
		req, err := http.NewRequest(method, s.url+"/api/v1/changes", strings.NewReader(`{"kind":"deploy"}`))
		require.NoError(t, err)
		if user != "" {
			req.SetBasicAuth(user, password)
		}
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := s.http.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, want, resp.StatusCode, string(body))
		require.Equal(t, 2, resp.ProtoMajor)
	}
	f("", "", "GET", 401)
	f("ann", "wrong", "GET", 401)
	f("bob", "secret", "GET", 200)
	f("bob", "secret", "POST", 403)
	f("ann", "secret", "POST", 201)
	f("ann", "secret", "POST", 403, "Origin", "https://evil.example")

	_, err := New(Options{WebConfigFile: "missing.yml"})
	require.Error(t, err)
}

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
		_, err := net.Dial("tcp", s.Addr().String())
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
