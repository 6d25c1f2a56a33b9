//go:build e2e && unix

package tests

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/heapfloor"
	"github.com/tidemark/tidemark/grafana-plugin/pkg/metrics"
	"github.com/tidemark/tidemark/grafana-plugin/pkg/tidemark"
	"github.com/tidemark/tidemark/grafana-plugin/tests/tidemarkserver"
)

// A dashboard of 20 panels with 100 series of 1,000 samples each.
const (
	panels    = 20
	lines     = 100
	samples   = 1000
	perAnswer = lines * samples
	step      = 10 * time.Second
)

// BenchmarkDashboard is what a dashboard costs the server, and what it costs the
// plugin, in CPU time for each sample that is shown, for both formats in turn:
//
//	go test -tags e2e -run '^$' -bench Dashboard -benchtime 10x ./tests
//
// server is the process time of a real Tidemark that answers the queries;
// plugin is the process time of parsing an answer and making frames of it, with
// the collection of the garbage; asking is that of a plugin that really asks,
// with HTTP. The percentage is plugin of server.
func BenchmarkDashboard(b *testing.B) {
	defer heapfloor.Raise(heapfloor.Dashboards)() // as the plugin does
	server, err := tidemarkserver.Start(b.Context(), programs.tidemark, filepath.Join(b.TempDir(), "data"),
		tidemarkserver.Options{Config: "global: {scrape_interval: 1h}\nhost: {enabled: false}\n"})
	require.NoError(b, err)
	b.Cleanup(server.Stop)
	end := time.Now().Truncate(step)
	pushCounters(b, server, end)
	client, err := tidemark.New(tidemark.Options{URL: server.URL, Timeout: time.Minute})
	require.NoError(b, err)

	for _, expr := range []string{"requests_total", "rate(requests_total[1m])", "rate(requests_total[5m])"} {
		b.Run(expr, func(b *testing.B) {
			query := backend.DataQuery{
				RefID: "A", MaxDataPoints: samples, Interval: step,
				TimeRange: backend.TimeRange{From: end.Add(-(samples - 1) * step), To: end},
				JSON:      fmt.Appendf(nil, `{"expr":%q,"interval":%q}`, expr, step),
			}
			inJSON, inColumns := cost{}, cost{}
			for b.Loop() {
				inJSON.add(b, server, jsonOnly{client}, query)
				inColumns.add(b, server, client, query)
			}
			inJSON.report(b, "json")
			inColumns.report(b, "columns")
		})
	}
}

// pushCounters sends the server five minutes more than what is asked for, the
// oldest first, as it comes when it is scraped.
func pushCounters(b *testing.B, server *tidemarkserver.Server, end time.Time) {
	b.Helper()
	const all, batch = samples + int(5*time.Minute/step), 50
	totals := [lines]int{}
	for from := 0; from < all; from += batch {
		points := make([]map[string]any, 0, batch*lines)
		for i := from; i < min(from+batch, all); i++ {
			at := end.Add(-time.Duration(all-1-i) * step)
			for line := range lines {
				totals[line] += 100 + (i*(line+7))%53
				points = append(points, map[string]any{
					"timeUnixNano": fmt.Sprint(at.UnixNano()), "asInt": fmt.Sprint(totals[line]),
					"attributes": []any{attribute("code", "200"), attribute("method", "GET"), attribute("host", fmt.Sprintf("host-%d", line))},
				})
			}
		}
		counter := map[string]any{"name": "requests_total", "sum": map[string]any{"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": points}}
		body, err := json.Marshal(map[string]any{"resourceMetrics": []any{map[string]any{
			"resource":     map[string]any{"attributes": []any{attribute("service.name", "web")}},
			"scopeMetrics": []any{map[string]any{"metrics": []any{counter}}},
		}}})
		require.NoError(b, err)
		require.NoError(b, server.PushOTLP(b.Context(), string(body)))
	}
}

func attribute(name, value string) map[string]any {
	return map[string]any{"key": name, "value": map[string]any{"stringValue": value}}
}

// cost is what so many dashboards took.
type cost struct {
	server, plugin, asking time.Duration
	bytes                  int
	dashboards             int
}

// add takes what one dashboard costs when source is asked.
func (c *cost) add(b *testing.B, server *tidemarkserver.Server, source metrics.Server, query backend.DataQuery) {
	taped := &tape{Server: source}
	before := serverCPU(b, server)
	for range panels {
		taped.record(b, query)
	}
	c.server += serverCPU(b, server) - before

	c.plugin += ownCPU(b, func() { draw(b, taped, query) })
	c.asking += ownCPU(b, func() { draw(b, source, query) })
	c.bytes += taped.answer.Len()
	c.dashboards++
}

func (c *cost) report(b *testing.B, format string) {
	for _, m := range []struct {
		name string
		of   time.Duration
	}{{"server", c.server}, {"plugin", c.plugin}, {"asking", c.asking}} {
		b.ReportMetric(float64(m.of.Nanoseconds())/float64(c.dashboards*panels*perAnswer), format+"-"+m.name+"-ns/sample")
	}
	b.ReportMetric(100*float64(c.plugin)/float64(c.server), format+"-%")
	b.ReportMetric(float64(c.bytes)/float64(c.dashboards*perAnswer), format+"-B/sample")
}

// draw makes the frames of a dashboard.
func draw(b *testing.B, source metrics.Server, query backend.DataQuery) {
	querier := metrics.New(source, metrics.Options{ScrapeInterval: step, QueryTimeout: time.Minute, MaxPoints: 1_000_000})
	for range panels {
		resp := querier.Query(b.Context(), query, metrics.Occasion{})
		// Not by require, whose own cost would be seen.
		if resp.Error != nil || len(resp.Frames) != lines || resp.Frames[0].Rows() != samples || resp.Frames[lines-1].Rows() != samples {
			b.Fatal(resp.Error, len(resp.Frames))
		}
	}
}

// tape is a server whose answer was recorded.
type tape struct {
	metrics.Server
	answer      bytes.Buffer
	contentType string
	recorded    bool
}

// record asks the server what the query comes to, and reads the answer without
// looking at it.
func (t *tape) record(b *testing.B, query backend.DataQuery) {
	b.Helper()
	t.recorded = false
	querier := metrics.New(t, metrics.Options{ScrapeInterval: step, QueryTimeout: time.Minute, MaxPoints: 1_000_000})
	require.ErrorIs(b, querier.Query(b.Context(), query, metrics.Occasion{}).Error, io.ErrUnexpectedEOF)
	t.recorded = true
}

// PostForm implements metrics.Server.
func (t *tape) PostForm(ctx context.Context, endpoint string, form url.Values, accept string) (io.ReadCloser, string, error) {
	if t.recorded {
		return io.NopCloser(bytes.NewReader(t.answer.Bytes())), t.contentType, nil
	}
	body, contentType, err := t.Server.PostForm(ctx, endpoint, form, accept)
	if err != nil {
		return nil, "", err
	}
	defer body.Close()
	t.answer.Reset()
	if _, err := t.answer.ReadFrom(body); err != nil {
		return nil, "", err
	}
	t.contentType = contentType
	return io.NopCloser(strings.NewReader("")), "application/json", nil
}

// jsonOnly is a server that is asked as if there was nothing but JSON.
type jsonOnly struct{ metrics.Server }

// PostForm implements metrics.Server.
func (j jsonOnly) PostForm(ctx context.Context, endpoint string, form url.Values, _ string) (io.ReadCloser, string, error) {
	return j.Server.PostForm(ctx, endpoint, form, "application/json")
}

func serverCPU(b *testing.B, server *tidemarkserver.Server) time.Duration {
	b.Helper()
	cpu, err := server.CPU(b.Context())
	require.NoError(b, err)
	return cpu
}

// ownCPU returns the process time that f takes.
func ownCPU(b *testing.B, f func()) time.Duration {
	b.Helper()
	cpu := func() time.Duration {
		var usage syscall.Rusage
		require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
		return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	before := cpu()
	f()
	return cpu() - before
}
