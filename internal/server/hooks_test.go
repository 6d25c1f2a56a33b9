package server

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metrics"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/changelog"
	"github.com/tidemark/tidemark/annotate/intake"
	"github.com/tidemark/tidemark/annotate/intake/hooks"
	"github.com/tidemark/tidemark/internal/auth"
)

const hookSecret = "hunter2hunter2"

// newHooks are the hooks app, of the generic sender, and github.
func newHooks(t testing.TB, log *changelog.Log, set *metrics.Set) *hooks.Hooks {
	t.Helper()
	h := hooks.New(hooks.Options{Log: log, Logger: slog.New(slog.DiscardHandler), Metrics: set})
	var setups []hooks.Setup
	for _, s := range []intake.HookSettings{
		{Name: "app", Sender: "generic", Change: `{kind: "deploy", external_id: .id, service: .app}`},
		{Name: "github", Sender: "github"},
	} {
		hook, err := intake.NewHook(s)
		require.NoError(t, err)
		setups = append(setups, hooks.Setup{Hook: hook, Secrets: func() ([]string, error) { return []string{hookSecret}, nil }})
	}
	h.Apply(setups)
	return h
}

// signedFor is the header that signs a body as GitHub does.
func signedFor(body, secret string) []string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return []string{"X-Hub-Signature-256", "sha256=" + hex.EncodeToString(mac.Sum(nil))}
}

func TestWebhooks(t *testing.T) {
	s := start(t, nil)
	send := func(body string, headers ...string) answer {
		return s.do(http.MethodPost, "/hooks/app", body, headers...)
	}
	body := `{"id": "1", "app": "web"}`
	for _, headers := range [][]string{nil, signedFor(body, "another"), signedFor(body+" ", hookSecret), {"Authorization", "Bearer wrong"}} {
		p := send(body, headers...).problem(t, http.StatusUnauthorized)
		require.NotContains(t, p.Detail, hookSecret)
	}
	require.Contains(t, s.do(http.MethodPost, "/hooks/other", body, signedFor(body, hookSecret)...).problem(t, http.StatusNotFound).Detail, "no hook has this name")
	s.do(http.MethodGet, "/hooks/app", "").problem(t, http.StatusMethodNotAllowed)
	s.do(http.MethodPost, "/hooks/app", strings.Repeat("x", 1<<20+1)).problem(t, http.StatusRequestEntityTooLarge)
	send(body, append(signedFor(body, hookSecret), "Content-Encoding", "gzip")...).problem(t, http.StatusUnsupportedMediaType)

	first := send(body, signedFor(body, hookSecret)...)
	require.Equal(t, http.StatusOK, first.status, first.body)
	told := decodeAs[hooks.ReceiptView](t, first.body)
	require.Equal(t, "created", told.Changes[0].Outcome)
	change := decodeAs[annotate.Change](t, s.do(http.MethodGet, "/api/v1/changes/"+told.Changes[0].ID, "").body)
	require.Equal(t, []string{"app", "1", "web"}, []string{change.Source, change.ExternalID, change.Service})
	require.Equal(t, "known", decodeAs[hooks.ReceiptView](t, send(body, signedFor(body, hookSecret)...).body).Changes[0].Outcome)
	require.Contains(t, s.waitLog("status=200"), `who=hook:app`)

	// A secret in the URL is in no log line.
	require.Equal(t, http.StatusOK, s.do(http.MethodPost, "/hooks/app?token="+hookSecret, body).status)
	s.waitLog("query=[hidden]")
	require.NotContains(t, s.log.String(), hookSecret)

	ping := s.do(http.MethodPost, "/hooks/github", "{}", append(signedFor("{}", hookSecret), "X-GitHub-Event", "ping")...)
	require.NotEmpty(t, decodeAs[hooks.ReceiptView](t, ping.body).Ignored)
}

// Bodies that never come keep nobody out, and what proves nothing is refused before its
// body comes.
func TestSlowDeliveriesKeepNobodyOut(t *testing.T) {
	s := start(t, func(o *Options) { o.Limits.Deliveries = 1 })
	address := strings.TrimPrefix(s.url, "http://")
	for i := range 20 {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST /hooks/app HTTP/1.1\r\nHost: %s\r\nX-Signature: sha256=00\r\nContent-Length: 1000\r\n\r\n%d", address, i)
		require.NoError(t, err)
	}
	body := `{"id": "1", "app": "web"}`
	require.Equal(t, http.StatusOK, s.do(http.MethodPost, "/hooks/app", body, signedFor(body, hookSecret)...).status)

	for path, want := range map[string]string{"/hooks/app": "401", "/hooks/other": "404"} {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 1000\r\n\r\n", path, address)
		require.NoError(t, err)
		line, err := bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, line, want, "without a byte of the body")
	}
}

func TestBytesOfDeliveriesAreBounded(t *testing.T) {
	s := start(t, nil)
	require.True(t, s.unproven.TryAcquire(maxUnproven-10))
	body := `{"id": "1", "app": "web"}`
	p := s.do(http.MethodPost, "/hooks/app", body, signedFor(body, hookSecret)...).problem(t, http.StatusServiceUnavailable)
	require.Contains(t, p.Detail, "bytes of deliveries")
	s.unproven.Release(maxUnproven - 10)
	for range 3 { // each gives back what it held
		require.Equal(t, http.StatusOK, s.do(http.MethodPost, "/hooks/app", body, signedFor(body, hookSecret)...).status)
	}
	require.True(t, s.unproven.TryAcquire(maxUnproven))
}

func TestDeliveriesThatWereNotUnderstood(t *testing.T) {
	s := start(t, func(o *Options) { o.ListenAddress = anyone })
	viewer, operator := s.token("eye", auth.Viewer), s.token("ops", auth.Operator)
	as := func(token, method, path string) answer {
		return s.do(method, path, "", "Authorization", "Bearer "+token)
	}
	var ids []int64
	for _, body := range []string{`{"app": 1}`, `{"app": 2}`, "\xff"} {
		a := s.do(http.MethodPost, "/hooks/app", body, signedFor(body, hookSecret)...)
		require.Equal(t, http.StatusAccepted, a.status, a.body)
		told := decodeAs[hooks.ReceiptView](t, a.body)
		require.NotEmpty(t, told.Why)
		ids = append(ids, told.Kept)
	}
	const deliveries = "/api/v1/hooks/app/deliveries"
	require.Equal(t, http.StatusForbidden, as(viewer, http.MethodGet, deliveries).status, "they may hold what not everybody should see")
	one := fmt.Sprintf("%s/%d", deliveries, ids[0])
	require.Equal(t, http.StatusForbidden, as(viewer, http.MethodGet, one).status)

	type page struct {
		Deliveries []hooks.DeliveryView
		Next       *int64
	}
	first := decodeAs[page](t, as(operator, http.MethodGet, deliveries+"?limit=2").body)
	require.Len(t, first.Deliveries, 2)
	rest := decodeAs[page](t, as(operator, http.MethodGet, fmt.Sprintf("%s?limit=2&before=%d", deliveries, *first.Next)).body)
	require.Len(t, rest.Deliveries, 1)
	require.Equal(t, ids[0], rest.Deliveries[0].ID)
	require.Nil(t, rest.Next)
	require.Equal(t, `{"app": 1}`, decodeAs[hooks.DeliveryView](t, as(operator, http.MethodGet, one).body).Body)
	require.Equal(t, []byte("\xff"), decodeAs[hooks.DeliveryView](t, as(operator, http.MethodGet, fmt.Sprintf("%s/%d", deliveries, ids[2])).body).Bytes)
	for _, query := range []string{"limit=0", "limit=1001", "limit=x", "before=-1"} {
		as(operator, http.MethodGet, deliveries+"?"+query).problem(t, http.StatusUnprocessableEntity)
	}
	as(operator, http.MethodGet, deliveries+"/x").problem(t, http.StatusNotFound)

	require.Equal(t, http.StatusForbidden, as(viewer, http.MethodPost, one+"/replay").status)
	require.Equal(t, http.StatusAccepted, as(operator, http.MethodPost, one+"/replay").status, "nothing was mended")
	require.Equal(t, http.StatusForbidden, as(viewer, http.MethodDelete, one).status)
	require.Equal(t, http.StatusNoContent, as(operator, http.MethodDelete, one).status)
	as(operator, http.MethodPost, one+"/replay").problem(t, http.StatusNotFound)

	list := decodeAs[struct{ Hooks []hooks.Status }](t, as(viewer, http.MethodGet, "/api/v1/hooks").body)
	require.Equal(t, "app", list.Hooks[0].Name)
	require.Equal(t, 2, list.Hooks[0].Kept)
	require.NotZero(t, list.Hooks[0].Last)
}
