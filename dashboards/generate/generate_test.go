package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestJSONIsOfThisDescription fails where somebody changed the description and
// not the JSON, or the JSON by hand.
func TestJSONIsOfThisDescription(t *testing.T) {
	const folder = "../json"
	for name, d := range all() {
		want, err := encode(d)
		require.NoError(t, err)
		have, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		require.Equal(t, string(want), string(have), "%s is of another description: go generate ./dashboards", name)
	}
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, files, len(all()), "a file that nothing describes")
}

func TestRowFillsTheGrid(t *testing.T) {
	f := func(want bool, widths ...int) {
		t.Helper()
		var panels []*panel
		for i, width := range widths {
			panels = append(panels, stat(i, "", "", count).wide(width))
		}
		d := newDashboard("uid", "", "", "now-1h")
		if !want {
			require.Panics(t, func() { d.row(3, panels...) })
			return
		}
		d.row(3, panels...)
		d.row(4, stat(90, "", "", count))
		right := 0
		for _, p := range d.Panels[:len(widths)] {
			require.Equal(t, gridPos{Height: 3, Width: p.width, X: right}, p.GridPos)
			right += p.width
		}
		require.Equal(t, columns, right)
		require.Equal(t, gridPos{Height: 4, Width: columns, Y: 3}, d.Panels[len(widths)].GridPos)
	}
	f(true, 0)
	f(true, 0, 0, 0)
	f(true, 14, 0)
	f(true, 16, 8)
	f(true, 10, 0, 0)
	f(false, 14)
	f(false, 24, 0)
	f(false, 20, 8)
	f(false, 0, 0, 0, 0, 0)
}

func TestHTTPExpressions(t *testing.T) {
	require.Equal(t, `histogram_quantile(0.95, sum by (le) (rate(http_server_request_duration_seconds_bucket{job="a"}[$__rate_interval])))
or histogram_quantile(0.95, sum by () (rate(http_server_request_duration_seconds{job="a"}[$__rate_interval])))
or histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{job="a"}[$__rate_interval])))`,
		latency("0.95", "", `job="a"`))
	require.Contains(t, requestRateByStatus("route", `job="a"`, "5.."),
		`sum by (route) (rate(http_requests_total{code=~"5..", job="a"}[$__rate_interval]) or rate(http_requests_total{status=~"5..", job="a"}[$__rate_interval]) or `)
}
