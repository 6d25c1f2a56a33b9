// Package dashboardtest reads Grafana's JSON for tests: what a dashboard's panels
// ask, and with what in place of variables and macros.
package dashboardtest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/dashboards"
)

// Dashboard is Grafana's model of a dashboard, as far as tests look at it.
type Dashboard struct {
	UID           string
	Title         string
	Description   string
	Tags          []string
	SchemaVersion int
	GraphTooltip  int
	Refresh       string
	Timezone      string
	Links         []struct {
		Type string
		Tags []string
	}
	Templating struct{ List []Variable }
	Panels     []Panel
}

// Variable is what a person chooses on top.
type Variable struct {
	Name, Label, Type, Description string
	DataSource                     *DataSource
	Query                          json.RawMessage
}

// DataSource names a data source.
type DataSource struct{ Type, UID string }

// Panel is one panel.
type Panel struct {
	ID                       int
	Type, Title, Description string
	DataSource               DataSource
	Interval                 string
	GridPos                  struct{ H, W, X, Y int }
	Targets                  []Target
	FieldConfig              struct {
		Defaults struct{ Unit string }
	}
	Links []struct{ Title, URL string }
}

// Target is one query of a panel.
type Target struct {
	RefID          string
	DataSource     DataSource
	QueryType      string
	Expr           string
	LegendFormat   string
	Range, Instant bool
	Of, As, Per    string
	Filter         map[string]any
}

// Read returns all dashboards.
func Read(t *testing.T) []Dashboard {
	t.Helper()
	list, err := dashboards.List()
	require.NoError(t, err)
	read := make([]Dashboard, len(list))
	for i, d := range list {
		require.NoError(t, json.Unmarshal(d.JSON, &read[i]), d.UID)
	}
	return read
}

// Fill puts values in the place of the variables and macros of an expression, and
// fails for those that have none.
func Fill(expr string, values map[string]string) (string, error) {
	inText := regexp.MustCompile(`\$(?:\{(\w+)\}|(\w+))`)
	var unknown error
	filled := inText.ReplaceAllStringFunc(expr, func(found string) string {
		name := inText.FindStringSubmatch(found)
		value, ok := values[name[1]+name[2]]
		if !ok {
			unknown = fmt.Errorf("nothing is known for %s in %s", found, expr)
		}
		return value
	})
	return filled, unknown
}
