//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
)

// grafanaPrometheus asks as Grafana's own Prometheus data source does, when it
// is pointed at Tidemark as if that were a Prometheus.
type grafanaPrometheus struct {
	t   *testing.T
	url string
}

// prometheusAnswer is what every answer of Prometheus' API is wrapped in.
type prometheusAnswer struct {
	Status    string          `json:"status"`
	Data      json.RawMessage `json:"data"`
	ErrorType string          `json:"errorType"`
	Error     string          `json:"error"`
	Warnings  []string        `json:"warnings"`
	Infos     []string        `json:"infos"`
}

// in returns g for a part of the test.
func (g grafanaPrometheus) in(t *testing.T) grafanaPrometheus { return grafanaPrometheus{t, g.url} }

// send sends a request with the headers that Grafana's server sets, and returns
// its status and answer. A POST carries its parameters as a form.
func (g grafanaPrometheus) send(method, path string, params url.Values, headers ...string) (int, prometheusAnswer) {
	g.t.Helper()
	target, body := g.url+path, io.Reader(http.NoBody)
	if method == http.MethodPost {
		body = strings.NewReader(params.Encode())
	} else {
		target += "?" + params.Encode()
	}
	req, err := http.NewRequestWithContext(g.t.Context(), method, target, body)
	require.NoError(g.t, err)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range map[string]string{
		"User-Agent": "Grafana/12.4.0", "X-Grafana-Org-Id": "1", "X-Datasource-Uid": "bf0prom", "X-Dashboard-Uid": "now", "X-Panel-Id": "4",
	} {
		req.Header.Set(name, value)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req) // it takes gzip, as Grafana's does
	require.NoError(g.t, err)
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	require.NoError(g.t, err)
	var answer prometheusAnswer
	if resp.StatusCode != http.StatusMethodNotAllowed {
		require.Contains(g.t, resp.Header.Get("Content-Type"), "application/json", "%s", content)
		require.NoError(g.t, json.Unmarshal(content, &answer), "%s", content)
	}
	return resp.StatusCode, answer
}

// ask sends a request that must succeed, and reads what it is about into data.
func (g grafanaPrometheus) ask(method, path string, params url.Values, data any) prometheusAnswer {
	g.t.Helper()
	status, answer := g.send(method, path, params)
	require.Equal(g.t, http.StatusOK, status, answer.Error)
	require.Equal(g.t, "success", answer.Status)
	require.NoError(g.t, json.Unmarshal(answer.Data, data), "%s", answer.Data)
	return answer
}

// resource asks for what the editors and variables need: by POST first, and by
// GET where that is refused.
func (g grafanaPrometheus) resource(path string, params url.Values, data any) prometheusAnswer {
	g.t.Helper()
	if status, _ := g.send(http.MethodPost, path, params); status == http.StatusMethodNotAllowed {
		return g.ask(http.MethodGet, path, params, data)
	}
	return g.ask(http.MethodPost, path, params, data)
}

// grafanaTime writes a time as Grafana does: seconds with a fraction.
func grafanaTime(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64)
}

// point is a time in seconds and a value as text.
type point [2]any

// series is one element of a query's result.
type series struct {
	Metric map[string]string `json:"metric"`
	Value  point             `json:"value"`
	Values []point           `json:"values"`
	// Histograms are a time and a histogram each.
	Histograms [][2]json.RawMessage `json:"histograms"`
}

// result is the data of a query.
type result struct {
	ResultType string          `json:"resultType"`
	Result     json.RawMessage `json:"result"`
}

// series returns a result of several series, of the type given.
func (r result) series(t *testing.T, kind string) (list []series) {
	t.Helper()
	require.Equal(t, kind, r.ResultType)
	require.NoError(t, json.Unmarshal(r.Result, &list), "%s", r.Result)
	return list
}

// isPoint checks that p is a time as a number, and a value as the text of one.
func isPoint(t *testing.T, p point) {
	t.Helper()
	require.IsType(t, float64(0), p[0])
	text, ok := p[1].(string)
	require.True(t, ok, "%v", p)
	_, err := strconv.ParseFloat(text, 64)
	require.NoError(t, err)
}

// TestGrafanasPrometheusDataSource sends what Grafana's own Prometheus data
// source sends for its health check, panels, alert rules, editors and variables.
func TestGrafanasPrometheusDataSource(t *testing.T) {
	registry := prometheus.NewRegistry()
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "shop_requests_total", Help: "Requests served."}, []string{"code"})
	latency := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "shop_seconds", Help: "How long they took.", NativeHistogramBucketFactor: 1.1})
	registry.MustRegister(requests, latency)
	requests.WithLabelValues("500").Add(3)
	requests.WithLabelValues("200").(prometheus.ExemplarAdder).AddWithExemplar(7, prometheus.Labels{"trace_id": "abc"})
	latency.Observe(0.25)
	app := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	defer app.Close()

	dir := t.TempDir()
	config := writeFile(t, filepath.Join(dir, "tidemark.yml"), fmt.Sprintf(`
global: {scrape_interval: 1s}
host: {enabled: false}
scrape_configs:
  - job_name: shop
    scrape_protocols: [OpenMetricsText1.0.0]
    static_configs: [{targets: [%[1]q], labels: {service: web, cloud.region: eu}}]
  - job_name: native
    scrape_native_histograms: true
    scrape_protocols: [PrometheusProto]
    static_configs: [{targets: [%[1]q]}]
`, app.Listener.Addr().String()))
	s := serve(t, "--config.file="+config, "--storage.path="+filepath.Join(dir, "data"))
	code, body := s.post("/api/v1/changes", `{"kind":"deploy","service":"web","version":"v7"}`)
	require.Equal(t, http.StatusCreated, code, body)
	s.waitValue(`sum(shop_requests_total{job="shop"})`, "10")
	s.waitValue(`histogram_count(shop_seconds{job="native"})`, "1")

	all := grafanaPrometheus{t, s.url}
	now := time.Now()
	start, end := now.Add(-time.Hour), now.Add(time.Minute)
	during := func(more ...string) url.Values {
		v := url.Values{"start": {grafanaTime(start)}, "end": {grafanaTime(end)}}
		for i := 0; i < len(more); i += 2 {
			v.Add(more[i], more[i+1])
		}
		return v
	}
	part := func(name string, do func(g grafanaPrometheus, t *testing.T)) {
		t.Run(name, func(t *testing.T) { do(all.in(t), t) })
	}

	part("health check", func(g grafanaPrometheus, t *testing.T) {
		var got result
		g.ask(http.MethodPost, "/api/v1/query", url.Values{"query": {"1+1"}, "time": {"4"}}, &got)
		require.Equal(t, "scalar", got.ResultType)
		require.JSONEq(t, `[4, "2"]`, string(got.Result))

		var build struct{ Version, Revision string }
		g.resource("/api/v1/status/buildinfo", nil, &build)
		require.NotEmpty(t, build.Version)
	})
	part("range query of a panel", func(g grafanaPrometheus, t *testing.T) {
		var got result
		g.ask(http.MethodPost, "/api/v1/query_range", during("query", `shop_requests_total{job="shop"}`, "step", "15", "timeout", "60s"), &got)
		list := got.series(t, "matrix")
		require.Len(t, list, 2)
		for _, one := range list {
			require.Equal(t, "shop_requests_total", one.Metric["__name__"])
			require.Equal(t, "eu", one.Metric["cloud.region"])
			require.NotEmpty(t, one.Values)
			for _, p := range one.Values {
				isPoint(t, p)
			}
		}
	})
	part("by GET, where the data source is set to it", func(g grafanaPrometheus, t *testing.T) {
		var got result
		g.ask(http.MethodGet, "/api/v1/query_range", during("query", "up", "step", "0.5"), &got)
		require.NotEmpty(t, got.series(t, "matrix"))
	})
	part("native histograms of a heatmap", func(g grafanaPrometheus, t *testing.T) {
		var got result
		g.ask(http.MethodPost, "/api/v1/query_range", during("query", `shop_seconds{job="native"}`, "step", "15"), &got)
		list := got.series(t, "matrix")
		require.Len(t, list, 1)
		require.NotEmpty(t, list[0].Histograms)
		var histogram struct {
			Count, Sum string
			Buckets    [][4]any
		}
		require.NoError(t, json.Unmarshal(list[0].Histograms[0][1], &histogram))
		require.Equal(t, "1", histogram.Count)
		require.Equal(t, "0.25", histogram.Sum)
		require.Len(t, histogram.Buckets, 1)
	})
	part("instant query of a stat, a table or an alert rule", func(g grafanaPrometheus, t *testing.T) {
		var got result
		g.ask(http.MethodPost, "/api/v1/query", url.Values{"query": {`sum by (code) (shop_requests_total{job="shop"})`}, "time": {grafanaTime(time.Now())}}, &got)
		list := got.series(t, "vector")
		require.Len(t, list, 2)
		isPoint(t, list[0].Value)
	})
	part("exemplars", func(g grafanaPrometheus, t *testing.T) {
		var got []struct {
			SeriesLabels map[string]string
			Exemplars    []struct {
				Labels    map[string]string
				Value     string
				Timestamp float64
			}
		}
		require.Eventually(t, func() bool {
			g.ask(http.MethodPost, "/api/v1/query_exemplars", during("query", `rate(shop_requests_total{job="shop"}[1m])`), &got)
			return len(got) > 0
		}, patience, 100*time.Millisecond)
		require.Equal(t, "shop_requests_total", got[0].SeriesLabels["__name__"])
		require.Equal(t, "abc", got[0].Exemplars[0].Labels["trace_id"])
		require.Equal(t, "7", got[0].Exemplars[0].Value)
		require.InDelta(t, now.Unix(), got[0].Exemplars[0].Timestamp, 3600)
	})
	part("a deploy as an annotation query", func(g grafanaPrometheus, t *testing.T) {
		var got result
		g.ask(http.MethodPost, "/api/v1/query_range", during("query", `tidemark_change{kind="deploy"}`, "step", "60"), &got)
		list := got.series(t, "matrix")
		require.Len(t, list, 1)
		require.Equal(t, "v7", list[0].Metric["version"])
	})

	part("label names", func(g grafanaPrometheus, t *testing.T) {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			var names []string
			g.ask(method, "/api/v1/labels", during("limit", "40000"), &names)
			require.Subset(t, names, []string{"__name__", "job", "code", "cloud.region", "version"})
			g.ask(method, "/api/v1/labels", during("limit", "40000", "match[]", `{__name__="shop_requests_total"}`), &names)
			require.ElementsMatch(t, []string{"__name__", "cloud.region", "code", "instance", "job", "service"}, names)
			answer := g.ask(method, "/api/v1/labels", during("limit", "1"), &names)
			require.Len(t, names, 1)
			require.NotEmpty(t, answer.Warnings, "what is cut says so")
		}
	})
	part("label values", func(g grafanaPrometheus, t *testing.T) {
		f := func(name string, params url.Values, want ...string) {
			t.Helper()
			var values []string
			g.resource("/api/v1/label/"+name+"/values", params, &values)
			require.Subset(t, values, want)
		}
		f("__name__", during("limit", "40000"), "up", "shop_requests_total", "tidemark_change")
		f("__name__", during("match[]", `{__name__=~".*shop.*"}`, "limit", "40000"), "shop_requests_total")
		f("code", during("match[]", `shop_requests_total{job="shop",code!=""}`, "match[]", `up`, "limit", "40000"), "200", "500")
		f("U__cloud_2e_region", during("limit", "40000"), "eu")
		f("version", during("match[]", "tidemark_change"), "v7")
	})
	part("series", func(g grafanaPrometheus, t *testing.T) {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			var list []map[string]string
			g.ask(method, "/api/v1/series", during("match[]", `shop_requests_total{job="shop"}`, "limit", "40000"), &list)
			require.Len(t, list, 2)
			g.ask(method, "/api/v1/series", during("match[]", `{__name__!=""}`, "limit", "40000"), &list)
			require.Greater(t, len(list), 10)
		}
	})
	part("metadata", func(g grafanaPrometheus, t *testing.T) {
		var metrics map[string][]struct{ Type, Help, Unit string }
		g.resource("/api/v1/metadata", url.Values{"limit": {"40000"}}, &metrics)
		require.Equal(t, "counter", metrics["shop_requests_total"][0].Type)
		require.Equal(t, "Requests served.", metrics["shop_requests_total"][0].Help)
		require.NotEmpty(t, metrics["tidemark_change"])
	})
	part("rules and alerts", func(g grafanaPrometheus, t *testing.T) {
		var rules struct{ Groups []any }
		g.resource("/api/v1/rules", url.Values{"group_limit": {"40"}, "type": {"alert"}}, &rules)
		require.NotNil(t, rules.Groups)
		var alerts struct{ Alerts []any }
		g.resource("/api/v1/alerts", nil, &alerts)
		require.NotNil(t, alerts.Alerts)
	})
	part("the editor's checks", func(g grafanaPrometheus, t *testing.T) {
		query := url.Values{"query": {`sum   by(code)(rate(shop_requests_total[5m]))`}}
		var formatted string
		g.resource("/api/v1/format_query", query, &formatted)
		require.Equal(t, `sum by (code) (rate(shop_requests_total[5m]))`, formatted)
		var tree struct{ Type, Op string }
		g.resource("/api/v1/parse_query", query, &tree)
		require.Equal(t, "aggregation", tree.Type)
		require.Equal(t, "sum", tree.Op)
	})
	part("what is wrong is said as Prometheus says it", func(g grafanaPrometheus, t *testing.T) {
		status, answer := g.send(http.MethodPost, "/api/v1/query_range", during("query", "sum(", "step", "15"))
		require.Equal(t, http.StatusBadRequest, status)
		require.Equal(t, "error", answer.Status)
		require.Equal(t, "bad_data", answer.ErrorType)
		require.Contains(t, answer.Error, "parse error")
		status, answer = g.send(http.MethodPost, "/api/v1/query_range", during("query", "up", "step", "0.1"))
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, answer.Error, "11,000 points")
	})
	part("through a proxy that hands the browser's headers on", func(g grafanaPrometheus, t *testing.T) {
		status, answer := g.send(http.MethodPost, "/api/v1/query", url.Values{"query": {"up"}},
			"Origin", "https://grafana.example", "Referer", "https://grafana.example/d/now", "X-Forwarded-For", "10.1.2.3", "Sec-Fetch-Site", "same-origin")
		require.Equal(t, http.StatusOK, status, answer.Error)
	})
}
