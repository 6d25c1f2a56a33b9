package datasource

import (
	"net/http"
	"strings"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
)

func TestHealth(t *testing.T) {
	all := tidemarkAnswers()
	f := func(name string, a answers, token, want string) {
		t.Run(name, func(t *testing.T) {
			s := serve(t, a)
			got, err := open(t, s.URL, token).CheckHealth(t.Context(), &backend.CheckHealthRequest{})
			require.NoError(t, err)
			require.Equal(t, strings.ReplaceAll(want, "SERVER", s.URL), got.Message)
			wanted := backend.HealthStatusError
			if strings.HasPrefix(want, "Tidemark ") {
				wanted = backend.HealthStatusOk
			}
			require.Equal(t, wanted, got.Status)
		})
	}
	f("as it should be", all, "", "Tidemark v1.2.3: 2 jobs up, 2 changes, last: deploy web v42")
	f("no changes yet", all.with("/api/v1/changes/last", 200, `{"changes":[]}`).
		with("/api/v1/query", 200, `{"status":"success","data":{"result":[]}}`), "", "Tidemark v1.2.3: 0 jobs up, 0 changes")
	f("one of each", all.with("/api/v1/changes/last", 200, `{"changes":[{"kind":"flag","headline":"flag new-checkout"}]}`).
		with("/api/v1/query", 200, `{"data":{"result":[{"value":[1,"1"]}]}}`), "", "Tidemark v1.2.3: 1 job up, 1 change, last: flag new-checkout")

	f("more groups than a selector may have", all.with("/api/v1/changes/marks", 200, `{"marks":[],"total":12345}`).
		with("/api/v1/query sum(tidemark_changes_total)", 422, `{"status":"error","error":"expanding series: the selector takes in more than 10000 series"}`), "",
		"Tidemark v1.2.3: 2 jobs up, 12345 changes, last: deploy web v42")

	f("no token", all.with("/api/v1/changes/last", 401, `{"detail":"this needs a token"}`), "",
		"The server wants a token, and the data source has none; make one with tidemark token create grafana --role=viewer, and set it in the data source")
	f("a wrong token", all.with("/api/v1/changes/last", 401, `{"detail":"the token is unknown, revoked or expired"}`), "tdm_x",
		"The server refuses the token: the token is unknown, revoked or expired")
	f("a role too low", all.with("/api/v1/changes/last", 403, `{"detail":"this needs the role viewer, and grafana is none"}`), "tdm_x",
		"The server refuses this to the data source: this needs the role viewer, and grafana is none")

	f("a Prometheus", answers{"/api/v1/status/buildinfo": ok(`{"status":"success","data":{"version":"3.1.0"}}`)}, "",
		"SERVER is a Prometheus 3.1.0 and not a Tidemark: it has no change log; use Grafana's Prometheus data source for it, or set the URL of a Tidemark")
	f("something else", answers{}, "",
		"There is no Tidemark at SERVER: something else answers there; check the host, the port and the path of the URL")
	f("a page for everything", answers{"/api/v1/changes/last": ok(`<html>`), "/api/v1/status/buildinfo": ok(`<html>`)}, "",
		"There is no Tidemark at SERVER: something else answers there; check the host, the port and the path of the URL")
	f("other JSON", answers{"/api/v1/changes/last": ok(`{"commits":[]}`)}, "",
		"There is no Tidemark at SERVER: something else answers there; check the host, the port and the path of the URL")

	for _, status := range []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusUnprocessableEntity} {
		f("too old", all.with("/api/v1/changes/marks", status, `{"detail":"marks is no UUID"}`), "",
			"The server is a Tidemark v1.2.3, which is too old for this data source: it does not answer POST /api/v1/changes/marks; upgrade the server")
	}
	f("starting", all.with("/api/v1/status/buildinfo", 503, `{"detail":"it reads its write-ahead log"}`), "",
		"The server is a Tidemark that is not ready yet; try again in a moment: it reads its write-ahead log")
	f("starting a moment later", all.with("/api/v1/query", 503, `{"detail":"it reads its write-ahead log"}`), "",
		"The server is a Tidemark that is not ready yet; try again in a moment: it reads its write-ahead log")
	f("broken", all.with("/api/v1/changes/last", 500, `{"detail":"something went wrong in the server"}`), "", "Something went wrong in the server")
	f("a gateway", all.with("/api/v1/changes/last", 502, `<html>`), "", "SERVER answered 502 Bad Gateway")
}

func TestHealthOfAServerThatIsNotThere(t *testing.T) {
	got, err := open(t, "http://127.0.0.1:1", "").CheckHealth(t.Context(), &backend.CheckHealthRequest{})
	require.NoError(t, err)
	require.Equal(t, backend.HealthStatusError, got.Status)
	require.Equal(t, "Cannot reach the server http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused", got.Message)
}
