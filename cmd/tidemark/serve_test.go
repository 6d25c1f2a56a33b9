//go:build e2e

package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestServeDefaults(t *testing.T) {
	s := serve(t, "--storage.path="+t.TempDir())

	t.Run("scrapes the host and itself", func(t *testing.T) {
		s.waitValue(`count(node_load1)`, "1")
		s.waitValue(`up{job="node"}`, "1")
		s.waitValue(`up{job="tidemark"}`, "1")
		require.NotEmpty(t, s.query(`node_memory_MemTotal_bytes`))
		require.NotEmpty(t, s.query(`tidemark_build_info`))
	})
	t.Run("joins a metric with the version it ran under", func(t *testing.T) {
		code, body := s.post("/api/v1/changes", `{"kind":"deploy","service":"node","version":"v42"}`)
		require.Equal(t, http.StatusCreated, code, body)
		result := s.query(`node_load1 * on () group_left (version) tidemark_version_info{service="node"}`)
		require.Len(t, result, 1)
		require.Equal(t, "v42", result[0].Metric["version"])
		require.Equal(t, "1", s.value(`increase(tidemark_changes_total{kind="deploy"}[1d])`))
		require.Len(t, s.query(`time() - tidemark_last_change_timestamp_seconds{kind="deploy"} < 600`), 1)
	})
	t.Run("answers Prometheus' API", func(t *testing.T) {
		for _, path := range []string{
			"/api/v1/labels", "/api/v1/label/job/values", "/api/v1/series?match[]=up", "/api/v1/metadata", "/api/v1/targets",
			"/api/v1/targets/metadata", "/api/v1/rules", "/api/v1/alerts", "/api/v1/status/config", "/api/v1/status/flags",
			"/api/v1/status/runtimeinfo", "/api/v1/status/buildinfo", "/api/v1/status/tsdb", "/api/v1/status/walreplay",
			"/api/v1/query_exemplars?query=up&start=0&end=1", "/api/v1/format_query?query=up", "/api/v1/parse_query?query=up",
			"/federate?match[]=up", "/metrics", "/-/healthy", "/-/ready", "/openapi.json", "/",
		} {
			require.NotEmpty(t, s.get(path), path)
		}
		require.Contains(t, s.get("/api/v1/metadata?metric=tidemark_changes_total"), `"type":"counter"`)
		require.Contains(t, s.get("/api/v1/label/__name__/values"), `"tidemark_version_info"`)
		require.Contains(t, s.get("/federate?match[]=tidemark_version_info"), `tidemark_version_info{`)
	})
	t.Run("ends at once and clean when told to", func(t *testing.T) {
		require.NoError(t, s.stop(syscall.SIGTERM))
	})
}

func TestServeTwiceOnOneFolder(t *testing.T) {
	dir := t.TempDir()
	serve(t, "--storage.path="+dir)
	second := start(t, "tidemark", "serve", "--web.listen-address=127.0.0.1:0", "--storage.path="+dir)
	require.Error(t, <-second.exited)
	require.Contains(t, second.log.String(), "lock")
}

func TestReload(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, filepath.Join(dir, "tidemark.yml"), "global: {scrape_interval: 1s}\nhost: {enabled: false}\n")
	s := serve(t, "--config.file="+file, "--storage.path="+filepath.Join(dir, "data"))
	require.NotContains(t, s.get("/api/v1/status/config"), "job_name: again")

	t.Run("a broken file changes nothing, and is named", func(t *testing.T) {
		writeFile(t, file, "scrape_configs: [{job_name: again}]\nhots: {}\n")
		code, body := s.post("/-/reload", "")
		require.GreaterOrEqual(t, code, 400)
		require.Contains(t, body, "hots")
		require.NotContains(t, s.get("/api/v1/status/config"), "job_name: again")
	})
	t.Run("SIGHUP takes over a mended one", func(t *testing.T) {
		writeFile(t, file, "global: {scrape_interval: 1s}\nhost: {enabled: false}\nscrape_configs: [{job_name: again, static_configs: [{targets: ['"+strings.TrimPrefix(s.url, "http://")+"']}]}]\n")
		require.NoError(t, s.cmd.Process.Signal(syscall.SIGHUP))
		s.waitValue(`up{job="again"}`, "1")
	})
}

func TestWritingNeedsATokenWhereOthersCanReach(t *testing.T) {
	dir := t.TempDir()
	p := start(t, "tidemark", "serve", "--web.listen-address=0.0.0.0:0", "--storage.path="+dir)
	_, port, err := net.SplitHostPort(p.waitLog(`msg=ready url=http://(\S+)`))
	require.NoError(t, err)
	s := &tidemark{process: p, url: "http://127.0.0.1:" + port}

	require.NotEmpty(t, s.get("/api/v1/changes"))
	code, body := s.post("/api/v1/changes", `{"kind":"deploy","service":"web"}`)
	require.Equal(t, http.StatusUnauthorized, code, body)

	token, err := commandOutput("tidemark", "token", "create", "ci", "--role=operator", "--storage.path="+dir)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		req, err := http.NewRequest(http.MethodPost, s.url+"/api/v1/changes", strings.NewReader(`{"kind":"deploy","service":"web","external_id":"1"}`))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token))
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		resp.Body.Close()
		return resp.StatusCode < 300
	}, patience, 50*time.Millisecond)
	require.NotContains(t, p.log.String(), strings.TrimSpace(token))
	matches, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	for _, file := range matches {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NotContains(t, string(content), strings.TrimSpace(token), file)
		}
	}
}
