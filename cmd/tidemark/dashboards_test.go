//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/dashboards/dashboardtest"
)

// TestDashboardsShowData asks each query of each panel, as Grafana would, of a
// Tidemark that scrapes its own host, itself, and services that count their
// requests under each of the names that the dashboards know.
func TestDashboardsShowData(t *testing.T) {
	dir := t.TempDir()
	jobs := ""
	for _, service := range []string{"otel", "native", "usual"} {
		jobs += fmt.Sprintf("  - {job_name: %[1]s, scrape_native_histograms: true, static_configs: [{targets: [%[2]q], labels: {service: %[1]s, environment: production}}]}\n",
			service, instrumented(t, service))
	}
	config := writeFile(t, filepath.Join(dir, "tidemark.yml"), "global: {scrape_interval: 1s}\nscrape_configs:\n"+jobs)
	s := serve(t, "--config.file="+config, "--storage.path="+filepath.Join(dir, "data"))
	s.recordChanges()
	s.waitValue(`count(node_uname_info)`, "1")
	instance := s.query(`node_uname_info`)[0].Metric["instance"]

	mayBeEmpty, met := dashboardtest.MayBeEmpty(t), map[string]bool{}
	for _, d := range dashboardtest.Read(t) {
		services := []string{"usual"}
		if d.UID == "tidemark-service" {
			services = []string{"otel", "native", "usual"}
		}
		for _, service := range services {
			values := map[string]string{
				"label": "service", "service": service, "environment": ".*", "kind": ".*", "instance": instance, "text": "", "flag": ".*",
				"__rate_interval": "5s", "__range": "1h", "__range_s": "3600",
			}
			t.Run(d.UID+" "+service, func(t *testing.T) {
				for _, p := range d.Panels {
					for _, target := range p.Targets {
						if target.QueryType != "" { // the plugin's own tests ask those
							continue
						}
						expr, err := dashboardtest.Fill(target.Expr, values)
						require.NoError(t, err)
						key := d.UID + "/" + strconv.Itoa(p.ID)
						if _, ok := mayBeEmpty[key]; !ok {
							key += "/" + target.RefID
						}
						if may, ok := mayBeEmpty[key]; ok {
							met[key] = true
							if may.Series == "" || len(s.query(may.Series)) == 0 {
								s.points(p, target, expr) // must be answered all the same
								continue
							}
						}
						require.Eventually(t, func() bool {
							s.recordChanges() // what counts writes needs some
							return s.points(p, target, expr) > 0
						}, patience, 200*time.Millisecond, "panel %d %q has nothing to show: %s", p.ID, p.Title, expr)
					}
				}
			})
		}
	}
	for key, may := range mayBeEmpty {
		require.True(t, met[key], "there is no %s, of which it is said that %s", key, may.Why)
	}

	t.Run("failures are the same share under each name", func(t *testing.T) {
		for _, service := range []string{"otel", "native", "usual"} {
			values := map[string]string{"label": "service", "service": service, "environment": "production", "__rate_interval": "5s"}
			expr, err := dashboardtest.Fill(panelQuery(t, "tidemark-service", 13), values)
			require.NoError(t, err)
			result := s.query(expr)
			require.Len(t, result, 1, service)
			failed, err := strconv.ParseFloat(result[0].Value[1].(string), 64)
			require.NoError(t, err)
			require.InDelta(t, 0.1, failed, 0.001, service)
		}
	})
	t.Run("alert rules", func(t *testing.T) {
		for _, rule := range dashboardtest.AlertRules(t) {
			s.query(rule.Data[0].Model.Expr) // must be answered: most have nothing to say when all is well
		}
		for _, uid := range []string{"tidemark-target-down", "tidemark-errors", "tidemark-lost-writes"} {
			for _, rule := range dashboardtest.AlertRules(t) {
				if rule.UID == uid {
					expr := strings.ReplaceAll(rule.Data[0].Model.Expr, "5m", "5s")
					require.Eventually(t, func() bool { return len(s.query(expr)) > 0 }, patience, 100*time.Millisecond, expr)
				}
			}
		}
	})
}

// panelQuery returns the first expression of a panel.
func panelQuery(t *testing.T, uid string, id int) string {
	t.Helper()
	for _, d := range dashboardtest.Read(t) {
		for _, p := range d.Panels {
			if d.UID == uid && p.ID == id {
				return p.Targets[0].Expr
			}
		}
	}
	t.Fatalf("there is no panel %d on %s", id, uid)
	return ""
}

// instrumented starts a service that says it answers ten requests between two
// scrapes, under the names that its kind uses, and returns its address.
func instrumented(t *testing.T, kind string) string {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	opts := prometheus.HistogramOpts{Name: "http_server_request_duration_seconds", Help: "Durations.", Buckets: []float64{0.1, 1}}
	label := "http_response_status_code"
	switch kind {
	case "native":
		opts.Buckets, opts.NativeHistogramBucketFactor = nil, 1.1
	case "usual":
		opts.Name, label = "http_request_duration_seconds", "code"
	}
	durations := prometheus.NewHistogramVec(opts, []string{label})
	registry.MustRegister(durations)
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_requests_total", Help: "Requests."}, []string{"code"})
	if kind == "usual" {
		registry.MustRegister(requests)
	}
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for code, n := range map[string]int{"200": 8, "404": 1, "503": 1} {
			for range n {
				durations.WithLabelValues(code).Observe(0.05)
				requests.WithLabelValues(code).Inc()
			}
		}
		metrics.ServeHTTP(w, r)
	}))
	t.Cleanup(app.Close)
	return app.Listener.Addr().String()
}

// recordChanges reports changes of each sort that a panel tells apart. What is
// reported again is updated; one is always new.
func (s *tidemark) recordChanges() {
	s.t.Helper()
	now := time.Now()
	var changes []string
	add := func(format string, args ...any) { changes = append(changes, fmt.Sprintf(format, args...)) }
	for _, service := range []string{"otel", "native", "usual"} {
		const place = `"source": "test", "service": %[1]q, "environment": "production"`
		add(`{"external_id": "%[1]s-1", "kind": "deploy", "version": "v1", "status": "succeeded", `+place+`}`, service)
		add(`{"external_id": "%[1]s-2", "kind": "deploy", "version": "v2", "status": "failed", `+place+`}`, service)
		add(`{"external_id": "%[1]s-3", "kind": "deploy", "version": "v3", "status": "running", `+place+`}`, service)
		add(`{"external_id": "%[1]s-4", "kind": "flag", "flag": {"key": "search", "from": false, "to": true}, `+place+`}`, service)
	}
	add(`{"source": "test", "external_id": "%d", "kind": "config", "service": "usual"}`, now.UnixNano())
	code, body := s.post("/api/v1/changes", `{"changes": [`+strings.Join(changes, ",")+`]}`)
	require.Less(s.t, code, 300, body)
}

// points asks a panel's query and counts the numbers in the answer.
func (s *tidemark) points(p dashboardtest.Panel, target dashboardtest.Target, expr string) (n int) {
	s.t.Helper()
	now := time.Now()
	path := "/api/v1/query?"
	ask := url.Values{"query": {expr}, "time": {unixTime(now)}}
	if target.Range {
		path = "/api/v1/query_range?"
		from, step := now.Add(-time.Minute), time.Second
		if p.Interval == "1d" {
			from, step = now.Truncate(24*time.Hour), 24*time.Hour
		}
		ask = url.Values{"query": {expr}, "start": {unixTime(from)}, "end": {unixTime(now)}, "step": {strconv.Itoa(int(step.Seconds()))}}
	}
	var answer struct {
		Data struct {
			Result []struct {
				Value  [2]any
				Values [][2]any
			}
		}
	}
	require.NoError(s.t, json.Unmarshal([]byte(s.get(path+ask.Encode())), &answer), expr)
	for _, r := range answer.Data.Result {
		for _, v := range append(r.Values, r.Value) {
			if v[1] != nil && v[1] != "NaN" {
				n++
			}
		}
	}
	return n
}

func unixTime(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64)
}
