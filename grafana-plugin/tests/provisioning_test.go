//go:build e2e

package tests

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/tidemark/tidemark/grafana-plugin/tests/grafanahost"
)

// TestProvisioning holds a real Tidemark against the file that tidemark dashboards export
// writes.
func TestProvisioning(t *testing.T) {
	p := start(t)
	_, err := p.server.CreateToken(t.Context(), "ci", "operator")
	require.NoError(t, err)
	viewer, err := p.server.CreateToken(t.Context(), "grafana", "viewer")
	require.NoError(t, err)

	text, err := os.ReadFile("../../dashboards/provisioning/datasources/tidemark.yaml")
	require.NoError(t, err)
	environment := map[string]string{"TIDEMARK_TOKEN": viewer}
	var file struct {
		APIVersion  int `yaml:"apiVersion"`
		DataSources []struct {
			Name           string            `yaml:"name"`
			UID            string            `yaml:"uid"`
			Type           string            `yaml:"type"`
			Access         string            `yaml:"access"`
			URL            string            `yaml:"url"`
			JSONData       map[string]any    `yaml:"jsonData"`
			SecureJSONData map[string]string `yaml:"secureJsonData"`
		} `yaml:"datasources"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(os.Expand(string(text), func(name string) string {
		return environment[name]
	})), &file))
	require.Equal(t, 1, file.APIVersion)
	require.Len(t, file.DataSources, 1)
	source := file.DataSources[0]
	require.Equal(t, grafanahost.PluginID, source.Type)
	require.Equal(t, "proxy", source.Access)
	require.Equal(t, "http://127.0.0.1:9797", source.URL, "where a Tidemark listens that nobody configured")

	jsonData, err := json.Marshal(source.JSONData)
	require.NoError(t, err)
	p.host.Save(grafanahost.Settings{URL: p.server.URL, JSONData: jsonData, SecureJSONData: source.SecureJSONData})
	result, err := p.process.CheckHealth(t.Context(), p.source())
	require.NoError(t, err)
	require.Equal(t, backend.HealthStatusOk, result.Status, result.Message)
	p.ask(t, asked{json: `{"refId":"A","queryType":"last"}`})
}
