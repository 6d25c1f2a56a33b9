package dashboards_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/dashboards"
	"github.com/tidemark/tidemark/dashboards/dashboardtest"
	"github.com/tidemark/tidemark/query/promapi"
)

const plugin = "tidemark-tidemark-datasource"

func TestDashboards(t *testing.T) {
	var uids []string
	for _, d := range dashboardtest.Read(t) {
		uids = append(uids, d.UID)
		t.Run(d.UID, func(t *testing.T) {
			require.NotEmpty(t, d.Title)
			require.NotEmpty(t, d.Description)
			require.Equal(t, []string{"tidemark"}, d.Tags)
			require.Equal(t, 1, d.GraphTooltip)
			require.Equal(t, "30s", d.Refresh)
			require.Equal(t, "browser", d.Timezone)
			require.GreaterOrEqual(t, d.SchemaVersion, 39)
			require.Len(t, d.Links, 1)
			require.Equal(t, d.Tags, d.Links[0].Tags)
			checkVariables(t, d)
			checkPanels(t, d)
			checkLayout(t, d)
		})
	}
	// They are part of links, and of alert rules: they stay as they are.
	require.Equal(t, []string{"tidemark-now", "tidemark-service", "tidemark-host", "tidemark-changes", "tidemark-flags", "tidemark-itself"}, uids)
}

func checkVariables(t *testing.T, d dashboardtest.Dashboard) {
	require.Equal(t, "ds", d.Templating.List[0].Name, "the data source comes first: the others ask it")
	var ds string
	require.NoError(t, json.Unmarshal(d.Templating.List[0].Query, &ds))
	require.Equal(t, plugin, ds)
	seen := map[string]bool{}
	for _, v := range d.Templating.List {
		require.False(t, seen[v.Name], v.Name)
		require.NotEmpty(t, v.Label, v.Name)
		require.NotEmpty(t, v.Description, v.Name)
		// A variable can only depend on those before it.
		for _, used := range variableNames(string(v.Query)) {
			require.True(t, seen[used], "%s asks for %s", v.Name, used)
		}
		if v.Type == "query" {
			require.Equal(t, &dashboardtest.DataSource{Type: plugin, UID: "${ds}"}, v.DataSource)
		}
		seen[v.Name] = true
	}
}

func checkPanels(t *testing.T, d dashboardtest.Dashboard) {
	require.Equal(t, "last", d.Panels[0].Targets[0].QueryType, "the last change is on top")
	known := filled(d)
	ids, looks := map[int]bool{}, map[string]bool{}
	for _, p := range d.Panels {
		name := fmt.Sprintf("panel %d %q", p.ID, p.Title)
		require.Positive(t, p.ID, name)
		require.False(t, ids[p.ID], "%s: the id is taken", name)
		require.False(t, looks[p.Type+p.Title], "%s: another panel looks the same", name) // a number and its graph may share a title
		ids[p.ID], looks[p.Type+p.Title] = true, true
		require.NotEmpty(t, p.Title, name)
		require.Regexp(t, `\.$`, p.Description, name)
		require.NotEmpty(t, p.FieldConfig.Defaults.Unit, name)
		require.Equal(t, dashboardtest.DataSource{Type: plugin, UID: "${ds}"}, p.DataSource, name)
		require.NotEmpty(t, p.Targets, name)
		for i, target := range p.Targets {
			require.Equal(t, string(rune('A'+i)), target.RefID, name)
			require.Equal(t, p.DataSource, target.DataSource, name)
			checkTarget(t, target, known, name)
		}
	}
}

func checkTarget(t *testing.T, target dashboardtest.Target, known map[string]string, name string) {
	for _, value := range target.Filter {
		_, err := dashboardtest.Fill(fmt.Sprint(value), known)
		require.NoError(t, err, name)
	}
	switch target.QueryType {
	case "":
		require.NotEqual(t, target.Range, target.Instant, "%s asks either for now or for the whole time", name)
		expr, err := dashboardtest.Fill(target.Expr, known)
		require.NoError(t, err, name)
		_, err = promapi.NewParser().ParseExpr(expr)
		require.NoError(t, err, "%s: %s", name, target.Expr)
		require.NotRegexp(t, `rate\([^()]*\[\d+[smhdw]`, target.Expr, "%s: a rate is over $__rate_interval", name)
		for _, used := range regexp.MustCompile(`\{\{\$(\w+)\}\}`).FindAllStringSubmatch(target.LegendFormat, -1) {
			require.Contains(t, known, used[1], name)
		}
	case "timeline":
		require.Contains(t, []string{"versions", "flags"}, target.Of, name)
	case "changes":
		require.Equal(t, "table", target.As, name)
	case "last", "flags":
	default:
		t.Fatalf("%s: query type %q", name, target.QueryType)
	}
}

// checkLayout finds panels on top of each other, and gaps.
func checkLayout(t *testing.T, d dashboardtest.Dashboard) {
	taken := map[[2]int]string{}
	bottom := 0
	for _, p := range d.Panels {
		at := p.GridPos
		require.LessOrEqual(t, at.X+at.W, 24, p.Title)
		bottom = max(bottom, at.Y+at.H)
		for x := at.X; x < at.X+at.W; x++ {
			for y := at.Y; y < at.Y+at.H; y++ {
				require.Empty(t, taken[[2]int{x, y}], "%s is on top of it", p.Title)
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	require.Len(t, taken, 24*bottom, "there are gaps")
}

// TestLinksLeadToDashboards holds the links between panels and dashboards against
// the dashboards and variables that there are.
func TestLinksLeadToDashboards(t *testing.T) {
	variables := map[string]map[string]string{}
	for _, d := range dashboardtest.Read(t) {
		variables[d.UID] = filled(d)
	}
	list, err := dashboards.List()
	require.NoError(t, err)
	links := 0
	for _, d := range list {
		for _, link := range regexp.MustCompile(`"/d/([^?"]+)\?([^"]*)"`).FindAllStringSubmatch(string(d.JSON), -1) {
			links++
			require.Contains(t, variables, link[1], d.UID)
			for _, set := range regexp.MustCompile(`var-(\w+)=`).FindAllStringSubmatch(link[2], -1) {
				require.Contains(t, variables[link[1]], set[1], "%s: %s", d.UID, link[0])
			}
		}
	}
	require.Greater(t, links, 10)
}

// filled returns a value for each variable of d and for each macro.
func filled(d dashboardtest.Dashboard) map[string]string {
	values := map[string]string{"__rate_interval": "1m", "__range": "6h", "__range_s": "21600"}
	for _, v := range d.Templating.List {
		values[v.Name] = "job"
	}
	return values
}

func variableNames(s string) (names []string) {
	for _, found := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(s, -1) {
		names = append(names, strings.TrimSpace(found[1]))
	}
	return names
}
