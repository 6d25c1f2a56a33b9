package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

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
