package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hanging is a server that answers nothing until the caller goes away, and
// tells of each request.
func hanging(t *testing.T) (*httptest.Server, <-chan string) {
	t.Helper()
	asked, closing := make(chan string, 1000), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server sees a caller go only once it has read all
		select {
		case asked <- r.URL.Path:
		default:
		}
		select {
		case <-r.Context().Done():
		case <-closing:
		}
	}))
	t.Cleanup(func() {
		close(closing)
		s.Close()
	})
	return s, asked
}

// TestStopDoesNotWaitForOthers stops while a target, a query's remote read and
// the receiver of remote write hang, a stream is open, and queries come in.
func TestStopDoesNotWaitForOthers(t *testing.T) {
	slow, asked := hanging(t)
	opts := options(t)
	var log bytes.Buffer
	opts.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	opts.ConfigFile = write(t, filepath.Join(t.TempDir(), "tidemark.yml"), fmt.Sprintf(`
global: {scrape_interval: 1s}
host: {enabled: false}
scrape_configs:
  - {job_name: slow, metrics_path: /scrape, scrape_interval: 15s, scrape_timeout: 15s, static_configs: [{targets: [%[1]q]}]}
remote_write:
  - {url: "http://%[1]s/write", name: a, queue_config: {batch_send_deadline: 100ms}}
remote_read:
  - {url: "http://%[1]s/read", read_recent: true, required_matchers: {far: away}}
`, slow.Listener.Addr().String()))
	a := start(t, opts)

	stream, err := a.http.Get(a.URL() + "/api/v1/changes/stream")
	require.NoError(t, err)
	defer stream.Body.Close()
	var load sync.WaitGroup
	defer load.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ask := func(path string) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL()+path, nil)
		if err != nil {
			return err
		}
		resp, err := a.http.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	load.Go(func() { _ = ask("/api/v1/query?query=" + url.QueryEscape(`m{far="away"}`)) })
	for range 2 {
		load.Go(func() {
			for ctx.Err() == nil && ask("/api/v1/query?query=rate(up[5m])") == nil {
			}
		})
	}
	missing := map[string]bool{"/scrape": true, "/write": true, "/read": true}
	for len(missing) > 0 {
		select {
		case path := <-asked:
			delete(missing, path)
		case <-time.After(patience):
			t.Fatalf("nobody asked for %v", missing)
		}
	}

	began := time.Now()
	ending, done := context.WithTimeout(context.Background(), 9*time.Second)
	defer done()
	require.NoError(t, a.Stop(ending))
	require.Less(t, time.Since(began), 9*time.Second)
	t.Logf("stopped in %s; it told:\n%s", time.Since(began), log.String())
	require.NotContains(t, log.String(), "left open")

	opts.ConfigFile = ""
	again := start(t, opts)
	require.NotEmpty(t, again.value(`count(max_over_time(up{job="tidemark"}[5m]))`))
}

func TestLateWaitsForRequestsUnderWay(t *testing.T) {
	var l late
	get := func() int {
		w := httptest.NewRecorder()
		l.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		return w.Code
	}
	require.Equal(t, http.StatusServiceUnavailable, get())
	inside, release := make(chan struct{}), make(chan struct{})
	l.set(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(inside); <-release }))
	answered, ended := make(chan int, 1), make(chan struct{})
	go func() { answered <- get() }()
	<-inside
	go func() { l.end(); close(ended) }()
	select {
	case <-ended:
		t.Fatal("it ended under a request")
	default:
	}
	close(release)
	<-ended
	require.Equal(t, http.StatusOK, <-answered)
	require.Equal(t, http.StatusServiceUnavailable, get())
}

func TestTLS(t *testing.T) {
	// The test server's certificate stands in for one of our own.
	lender := httptest.NewTLSServer(http.NotFoundHandler())
	defer lender.Close()
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(lender.TLS.Certificates[0].PrivateKey)
	require.NoError(t, err)
	write(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: lender.Certificate().Raw})))
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	opts := options(t)
	var log bytes.Buffer
	opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
	opts.WebConfigFile = write(t, filepath.Join(dir, "web.yml"), "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n")
	a := start(t, opts)
	pool := x509.NewCertPool()
	pool.AddCert(lender.Certificate())
	a.http.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	require.Equal(t, "https://"+a.Addr(), a.URL())
	require.Equal(t, "1", a.value("vector(1)"))
	a.end()
	require.Contains(t, log.String(), "msg=ready url=https://"+a.Addr())

	opts.WebConfigFile = write(t, filepath.Join(dir, "bad.yml"), "tls: {}\n")
	_, err = New(opts)
	require.ErrorContains(t, err, "bad.yml")
	opts.WebConfigFile = filepath.Join(dir, "missing.yml")
	_, err = New(opts)
	require.ErrorContains(t, err, "missing.yml")
}
