//go:build e2e

package main

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// commandOutput runs a program and returns what it wrote to stdout.
func commandOutput(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	return string(out), err
}

// freeAddr returns a loopback address that was free a moment ago, for programs
// that can't tell which port they took.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// TestPeers holds Tidemark against a real Prometheus that sends to it, and a
// real node_exporter that it scrapes with a configuration made for Prometheus.
func TestPeers(t *testing.T) {
	dir := t.TempDir()
	exporterAddr, prometheusAddr := freeAddr(t), freeAddr(t)
	start(t, "prometheus-node-exporter", "--web.listen-address="+exporterAddr)

	config := writeFile(t, filepath.Join(dir, "prometheus.yml"), fmt.Sprintf(`
global:
  scrape_interval: 1s
  external_labels: {site: test}
scrape_configs:
  - job_name: node
    static_configs: [{targets: [%q]}]
`, exporterAddr))
	s := serve(t, "--config.file="+config, "--storage.path="+filepath.Join(dir, "data"))

	sender := writeFile(t, filepath.Join(dir, "sender.yml"), fmt.Sprintf(`
global: {scrape_interval: 1s, external_labels: {from: prometheus}}
scrape_configs:
  - job_name: prometheus
    static_configs: [{targets: [%q]}]
remote_write:
  - url: %s/api/v1/write
    queue_config: {batch_send_deadline: 200ms}
remote_read:
  - url: %s/api/v1/read
    read_recent: true
    filter_external_labels: false
`, prometheusAddr, s.url, s.url))
	start(t, "prometheus", "--config.file="+sender, "--storage.tsdb.path="+filepath.Join(dir, "prometheus"),
		"--web.listen-address="+prometheusAddr)

	t.Run("a real exporter is scraped by the job that the file gives", func(t *testing.T) {
		s.waitValue(`up{job="node"}`, "1")
		s.waitValue(fmt.Sprintf(`count(node_load1{instance=%q})`, exporterAddr), "1")
	})
	t.Run("a real Prometheus' samples arrive", func(t *testing.T) {
		s.waitValue(`up{job="prometheus",from="prometheus"}`, "1")
		s.waitValue(`increase(prometheus_tsdb_head_samples_appended_total{from="prometheus",type="float"}[10m]) > bool 0`, "1")
	})
	t.Run("a real Prometheus reads changes as series, by remote read", func(t *testing.T) {
		code, body := s.post("/api/v1/changes", `{"kind":"deploy","service":"web","version":"v1","status":"running"}`)
		require.Equal(t, 201, code, body)
		reader := &tidemark{process: s.process, url: "http://" + prometheusAddr}
		reader.waitValue(`tidemark_change{service="web",version="v1"}`, "1")
	})
	t.Run("federation hands samples and changes on", func(t *testing.T) {
		body := s.get(`/federate?match[]=tidemark_change&match[]=up`)
		require.Contains(t, body, `tidemark_change{`)
		require.Contains(t, body, `site="test"`)
	})
}
