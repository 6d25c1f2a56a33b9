package dashboardtest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/tidemark/tidemark/dashboards"
)

// AlertRule is Grafana's model of an alert rule, as far as tests look at it.
type AlertRule struct {
	UID          string
	Title        string
	Condition    string
	DashboardUID string `yaml:"dashboardUid"`
	PanelID      int    `yaml:"panelId"`
	Labels       map[string]string
	Annotations  map[string]string
	Data         []struct {
		RefID         string `yaml:"refId"`
		DataSourceUID string `yaml:"datasourceUid"`
		Model         struct {
			Expr       string
			Instant    bool
			Expression string
		}
	}
}

// AlertRules returns the alert rules that are provisioned.
func AlertRules(t *testing.T) (rules []AlertRule) {
	t.Helper()
	files, err := dashboards.Files()
	require.NoError(t, err)
	for _, f := range files {
		if f.Name != "provisioning/alerting/tidemark.yaml" {
			continue
		}
		var file struct {
			Groups []struct{ Rules []AlertRule }
		}
		require.NoError(t, yaml.Unmarshal(f.Content, &file))
		for _, g := range file.Groups {
			rules = append(rules, g.Rules...)
		}
	}
	require.NotEmpty(t, rules)
	return rules
}
