//go:build e2e

package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/golang/snappy"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

// TestPush sends by OTLP and by remote write 2.0, and queries both.
func TestPush(t *testing.T) {
	s := serve(t, "--storage.path="+t.TempDir())
	now := time.Now()

	md := pmetric.NewMetrics()
	resource := md.ResourceMetrics().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "shop")
	metric := resource.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	metric.SetName("queue.length")
	point := metric.SetEmptyGauge().DataPoints().AppendEmpty()
	point.SetTimestamp(pcommon.NewTimestampFromTime(now))
	point.SetDoubleValue(7)
	body, err := pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	require.NoError(t, err)
	_, ok := send(t.Context(), s.url+"/api/v1/otlp/v1/metrics", "application/x-protobuf", body, nil)
	require.True(t, ok)
	s.waitValue(`queue_length{job="shop"}`, "7")

	symbols := writev2.NewSymbolTable()
	request := writev2.Request{Timeseries: []writev2.TimeSeries{{
		LabelsRefs: []uint32{symbols.Symbolize("__name__"), symbols.Symbolize("orders"), symbols.Symbolize("site"), symbols.Symbolize("paris")},
		Samples:    []writev2.Sample{{Timestamp: now.UnixMilli(), Value: 42}},
	}}}
	request.Symbols = symbols.Symbols()
	body, err = request.Marshal()
	require.NoError(t, err)
	_, ok = send(t.Context(), s.url+"/api/v1/write", "application/x-protobuf;proto=io.prometheus.write.v2.Request", snappy.Encode(nil, body),
		map[string]string{"Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "2.0.0"})
	require.True(t, ok)
	s.waitValue(`orders{site="paris"}`, "42")
}

// TestRemoteWrite has one Tidemark send what it scrapes to another, which
// federates it on.
func TestRemoteWrite(t *testing.T) {
	receiver := serve(t, "--storage.path="+t.TempDir())
	dir := t.TempDir()
	config := writeFile(t, filepath.Join(dir, "tidemark.yml"), fmt.Sprintf(`
global: {scrape_interval: 1s, external_labels: {from: sender}}
host: {enabled: false}
remote_write: [{url: "%s/api/v1/write", queue_config: {batch_send_deadline: 100ms}}]
`, receiver.url))
	sender := serve(t, "--config.file="+config, "--storage.path="+filepath.Join(dir, "data"))
	receiver.waitValue(`up{job="tidemark",from="sender"}`, "1")
	require.Contains(t, receiver.get("/federate?match[]="+`up{from="sender"}`), `from="sender"`)
	require.NoError(t, sender.stop(syscall.SIGTERM))
	require.NoError(t, receiver.stop(syscall.SIGTERM))
}

// TestFlagsShowNoSecret also holds what the external URL may be.
func TestFlagsShowNoSecret(t *testing.T) {
	refused := start(t, "tidemark", "serve", "--web.external-url=https://ann:secret@metrics.example", "--storage.path="+t.TempDir())
	require.Error(t, <-refused.exited)
	require.Contains(t, refused.log.String(), "must not name a user")
	require.NotContains(t, refused.log.String(), "secret")

	plain := serve(t, "--storage.path="+t.TempDir())
	require.Contains(t, plain.get("/api/v1/status/flags"), `"web.external-url":""`)
	s := serve(t, "--storage.path="+t.TempDir(), "--web.external-url=https://metrics.example/tide")
	require.True(t, strings.HasSuffix(s.url, "/tide"))
	require.Contains(t, s.get("/api/v1/status/flags"), `"web.external-url":"https://metrics.example/tide"`)
	resp, err := http.Get(strings.TrimSuffix(s.url, "/tide") + "/-/ready")
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}
