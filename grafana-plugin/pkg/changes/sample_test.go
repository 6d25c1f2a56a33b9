package changes

import (
	"context"
	"encoding/json"
	"flag"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/experimental"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden frames of testdata anew")

// sample is a morning with all that can happen.
func sample() []Change {
	deployed := lasting(deploy, "web", "production", succeeded, 5*time.Hour, 5*time.Hour-4*time.Minute)
	deployed.Version, deployed.PreviousVersion, deployed.Commit = "v41", "v40", "8b1f"
	deployed.Who.Name, deployed.Who.Type = "ann", "person"
	deployed.Links = []Link{
		{Rel: "diff", Href: "https://git.example/web/compare/v40...v41?a=1&b=2"},
		{Title: "trap", Href: "javascript:alert(1)"},
	}

	broken := lasting(deploy, "web", "production", failed, 3*time.Hour, 3*time.Hour-200*time.Second)
	broken.Version, broken.PreviousVersion = "v42", "v41"
	broken.Who.Name = `<script>alert("ben")</script>`
	broken.Title = "Web v42 <b>with</b> the new checkout"
	broken.Text = "The health check failed on 3 of 8 hosts.\nRolled back by hand."
	broken.Contingency = "tidemark deploy web v41"

	flip := lasting(flagFlip, "web", "production", succeeded, 2*time.Hour, 2*time.Hour)
	flip.Flag = &Flag{Key: "checkout", From: "false", To: "true"}
	flip.Who.Name = "cho"

	ramp := lasting(flagFlip, "", "", succeeded, 90*time.Minute, 90*time.Minute)
	ramp.Flag = &Flag{Key: "ramp", To: `{"share":0.5}`}

	staging := lasting(deploy, "api", "staging", succeeded, 80*time.Minute, 79*time.Minute)
	staging.Version = "v7"

	outage := Change{ID: "incident-1", Kind: incident, Status: running, Title: "Checkout is slow", Start: ago(40 * time.Minute)}
	window := Change{ID: "maintenance-1", Kind: maintenance, Status: planned, Service: "db", Title: "Vacuum", Start: noon.Add(10 * time.Minute)}
	given := lasting(configPush, "api", "production", cancelled, 30*time.Minute, 29*time.Minute)
	unheard := lasting(restart, "api", "production", lost, 20*time.Minute, 10*time.Minute)
	unheard.Undoes = deployed.ID
	return []Change{deployed, broken, flip, ramp, staging, outage, window, given, unheard}
}

// morning is the time range of most tests.
var morning = backend.TimeRange{From: ago(6 * time.Hour), To: noon.Add(15 * time.Minute)}

// ask returns the answer to a query of a panel that is 800 points wide.
func ask(t *testing.T, l *Log, queryJSON string) backend.DataResponse {
	t.Helper()
	return askContext(t, context.Background(), l, queryJSON)
}

func askContext(t *testing.T, ctx context.Context, l *Log, queryJSON string) backend.DataResponse {
	t.Helper()
	require.True(t, json.Valid([]byte(queryJSON)), queryJSON)
	return l.Query(ctx, backend.DataQuery{RefID: "A", MaxDataPoints: 800, TimeRange: morning, JSON: json.RawMessage(queryJSON)})
}

// texts returns the values of a field of strings.
func texts(t *testing.T, f *data.Frame, name string) []string {
	t.Helper()
	field, at := f.FieldByName(name)
	require.GreaterOrEqual(t, at, 0, "field %s", name)
	values := make([]string, field.Len())
	for i := range values {
		values[i] = field.At(i).(string)
	}
	return values
}

func TestGoldenFrames(t *testing.T) {
	l := newFakeServer(t, sample()...).log()
	for name, queryJSON := range map[string]string{
		"overlay":        `{"queryType":"overlay"}`,
		"overlay_logs":   `{"queryType":"overlay","logs":true,"exprs":["up{service=\"web\"}"]}`,
		"annotations":    `{"queryType":"changes","as":"annotations","filter":{"kinds":["deploy"]}}`,
		"table":          `{"queryType":"changes"}`,
		"table_empty":    `{"queryType":"changes","filter":{"kinds":["nothing"]}}`,
		"logs":           `{"queryType":"changes","as":"logs"}`,
		"last":           `{"queryType":"last"}`,
		"last_services":  `{"queryType":"last","per":"service","filter":{"kinds":["deploy"]}}`,
		"flags":          `{"queryType":"flags"}`,
		"timeline_flags": `{"queryType":"timeline","of":"flags"}`,
	} {
		t.Run(name, func(t *testing.T) {
			response := ask(t, l, queryJSON)
			require.NoError(t, response.Error)
			experimental.CheckGoldenJSONResponse(t, "testdata", name, &response, *update)
		})
	}
}
