package dashboards_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/tidemark/tidemark/dashboards"
	"github.com/tidemark/tidemark/dashboards/dashboardtest"
	"github.com/tidemark/tidemark/query/promapi"
)

// provisioned reads one of the provisioning files.
func provisioned(t *testing.T, name string, into any) string {
	t.Helper()
	files, err := dashboards.Files()
	require.NoError(t, err)
	for _, f := range files {
		if f.Name == "provisioning/"+name {
			require.NoError(t, yaml.Unmarshal(f.Content, into))
			return string(f.Content)
		}
	}
	t.Fatalf("there is no %s", name)
	return ""
}

func TestProvisionedDataSource(t *testing.T) {
	var file struct {
		DataSources []struct {
			Name, UID, Type, URL string
			JSONData             map[string]string `yaml:"jsonData"`
			SecureJSONData       map[string]string `yaml:"secureJsonData"`
		} `yaml:"datasources"`
	}
	provisioned(t, "datasources/tidemark.yaml", &file)
	require.Len(t, file.DataSources, 1)
	ds := file.DataSources[0]
	require.Equal(t, "tidemark", ds.UID)
	require.Equal(t, plugin, ds.Type)
	require.NotEmpty(t, ds.URL)
	require.Equal(t, map[string]string{"timeInterval": "10s"}, ds.JSONData)
	require.Equal(t, map[string]string{"token": "$TIDEMARK_TOKEN"}, ds.SecureJSONData)
}

func TestProvisionedFolder(t *testing.T) {
	var file struct {
		Providers []struct {
			Type    string
			Options struct{ Path string }
		}
	}
	provisioned(t, "dashboards/tidemark.yaml", &file)
	require.Len(t, file.Providers, 1)
	require.Equal(t, "file", file.Providers[0].Type)
	require.Equal(t, "/var/lib/grafana/dashboards/tidemark", file.Providers[0].Options.Path)
}

func TestProvisionedAlertRules(t *testing.T) {
	panels := map[string]map[int]bool{}
	for _, d := range dashboardtest.Read(t) {
		panels[d.UID] = map[int]bool{}
		for _, p := range d.Panels {
			panels[d.UID][p.ID] = true
		}
	}
	seen := map[string]bool{}
	for _, rule := range dashboardtest.AlertRules(t) {
		t.Run(rule.UID, func(t *testing.T) {
			require.False(t, seen[rule.UID])
			seen[rule.UID] = true
			require.LessOrEqual(t, len(rule.UID), 40, "Grafana takes no longer uid")
			require.NotEmpty(t, rule.Title)
			require.NotEmpty(t, rule.Annotations["summary"])
			require.NotEmpty(t, rule.Annotations["description"])
			require.Contains(t, []string{"warning", "critical"}, rule.Labels["severity"])

			// The link in the notification leads to a panel that is there.
			require.True(t, panels[rule.DashboardUID][rule.PanelID])
			require.Equal(t, rule.DashboardUID, rule.Annotations["__dashboardUid__"])
			require.Equal(t, strconv.Itoa(rule.PanelID), rule.Annotations["__panelId__"])

			require.Len(t, rule.Data, 2)
			require.Equal(t, "tidemark", rule.Data[0].DataSourceUID)
			require.True(t, rule.Data[0].Model.Instant)
			_, err := promapi.NewParser().ParseExpr(rule.Data[0].Model.Expr)
			require.NoError(t, err)
			require.Equal(t, "__expr__", rule.Data[1].DataSourceUID)
			require.Equal(t, "A", rule.Data[1].Model.Expression)
			require.Equal(t, rule.Condition, rule.Data[1].RefID)
		})
	}
	require.GreaterOrEqual(t, len(seen), 8)

	var any map[string]any
	for line := range strings.Lines(provisioned(t, "alerting/tidemark.yaml", &any)) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			require.NotContains(t, line, "$", "Grafana would take it for an environment variable")
		}
	}
}
