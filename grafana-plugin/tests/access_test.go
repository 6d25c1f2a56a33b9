//go:build e2e

package tests

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/grafana-plugin/tests/grafanahost"
)

// TestHealth asks for what "Save & test" shows, for each thing that can be wrong.
func TestHealth(t *testing.T) {
	p := start(t)
	p.waitSamples(t, `count(up == 1) == 2`)
	p.record(t, `{"kind":"deploy","service":"web","version":"v42","title":"deploy web v42"}`)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/status/buildinfo" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(`{"status":"success","data":{"version":"3.7.0","revision":"x","goVersion":"go1.26"}}`))
	}))
	t.Cleanup(prometheus.Close)

	for name, c := range map[string]struct {
		url    string
		status backend.HealthStatus
		says   []string
	}{
		"a Tidemark says what was found":  {p.server.URL, backend.HealthStatusOk, []string{"Tidemark", "2 jobs up", "1 change", "deploy web v42"}},
		"what is not there":               {gone.URL, backend.HealthStatusError, []string{"reach", gone.Listener.Addr().String()}},
		"a Prometheus is no Tidemark":     {prometheus.URL, backend.HealthStatusError, []string{"Prometheus", "not a Tidemark"}},
		"no URL at all":                   {"", backend.HealthStatusError, []string{"URL"}},
		"an address that is not for HTTP": {"ftp://tidemark", backend.HealthStatusError, []string{"http"}},
	} {
		t.Run(name, func(t *testing.T) {
			p.host.Save(grafanahost.Settings{URL: c.url})
			result, err := p.process.CheckHealth(t.Context(), p.source())
			require.NoError(t, err)
			for _, word := range c.says {
				require.Contains(t, result.Message, word)
			}
			require.Equal(t, c.status, result.Status, result.Message)
		})
	}
}

// TestToken holds the backend against a server that knows only callers with a token.
func TestToken(t *testing.T) {
	p := start(t)
	_, err := p.server.CreateToken(t.Context(), "ci", "operator")
	require.NoError(t, err)
	viewer, err := p.server.CreateToken(t.Context(), "grafana", "viewer")
	require.NoError(t, err)
	p.waitSamples(t, "up")
	p.record(t, `{"kind":"deploy","service":"web","version":"v1","title":"deploy web v1"}`)
	save := func(token string) {
		p.host.Save(grafanahost.Settings{URL: p.server.URL, SecureJSONData: map[string]string{"token": token}})
	}

	t.Run("a viewer's token is enough for everything", func(t *testing.T) {
		save(viewer)
		for _, query := range []string{
			`{"refId":"A","expr":"up"}`,
			`{"refId":"A","queryType":"changes"}`,
			`{"refId":"A","queryType":"last"}`,
			`{"refId":"A","queryType":"flags"}`,
			`{"refId":"A","queryType":"timeline","of":"versions"}`,
			`{"refId":"A","queryType":"overlay","exprs":["up"]}`,
		} {
			p.ask(t, asked{json: query})
		}
		result, err := p.process.CheckHealth(t.Context(), p.source())
		require.NoError(t, err)
		require.Equal(t, backend.HealthStatusOk, result.Status, result.Message)
		answer := p.resource(t, "status", nil)
		require.Equal(t, http.StatusOK, answer.Status, string(answer.Body))
	})
	t.Run("a wrong token is refused, and said to be", func(t *testing.T) {
		save("tm_wrong")
		result, err := p.process.CheckHealth(t.Context(), p.source())
		require.NoError(t, err)
		require.Equal(t, backend.HealthStatusError, result.Status)
		require.Contains(t, result.Message, "token")
		require.NotContains(t, result.Message, "tm_wrong", "a secret does not belong in a message")
		answer := p.answer(t, asked{json: `{"refId":"A","expr":"up"}`})
		require.ErrorContains(t, answer.Error, "token")
		require.Equal(t, backend.ErrorSourceDownstream, answer.ErrorSource)
	})
}

// TestResources asks the routes that the front end's editors and variables use.
func TestResources(t *testing.T) {
	p := start(t)
	p.waitSamples(t, `node_load1`)
	p.record(t, `{"kind":"deploy","service":"web","environment":"production","version":"v1","title":"deploy web v1"}`)

	for _, c := range []struct {
		path   string
		params url.Values
		want   string
	}{
		{"api/v1/labels", nil, `"job"`},
		{"api/v1/label/job/values", nil, `"node"`},
		{"api/v1/series", url.Values{"match[]": {"node_load1"}}, `"node_load1"`},
		{"api/v1/metadata", nil, `"node_load1"`},
		{"api/v1/query", url.Values{"query": {"vector(42)"}}, `"42"`},
		{"api/v1/parse_query", url.Values{"query": {"up"}}, `"vectorSelector"`},
		{"changes/values/services", nil, `"web"`},
		{"changes/values/environments", nil, `"production"`},
		{"changes/values/versions", url.Values{"service": {"web"}}, `"v1"`},
		{"changes/values/kinds", nil, `"deploy"`},
		{"changes/values/flags", nil, `"values":[]`},
		{"status", nil, `"version"`},
	} {
		t.Run(c.path, func(t *testing.T) {
			answer := p.resource(t, c.path, c.params)
			require.Equal(t, http.StatusOK, answer.Status, string(answer.Body))
			require.True(t, json.Valid(answer.Body), string(answer.Body))
			require.Contains(t, string(answer.Body), c.want)
		})
	}
	for _, path := range []string{"", "api/v1/write", "api/v1/admin/tsdb/snapshot", "api/v1/changes", "changes/values/secrets"} {
		t.Run("not served: "+path, func(t *testing.T) {
			require.Equal(t, http.StatusNotFound, p.resource(t, path, nil).Status)
		})
	}
}

// resource asks one of the plugin's own routes.
func (p *parts) resource(t *testing.T, path string, params url.Values) *backend.CallResourceResponse {
	t.Helper()
	answer, err := p.process.CallResource(t.Context(), &backend.CallResourceRequest{
		PluginContext: p.source(),
		Path:          path,
		Method:        http.MethodGet,
		URL:           path + "?" + params.Encode(),
	})
	require.NoError(t, err)
	return answer
}
