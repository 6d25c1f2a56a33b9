package push_test

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/klauspost/compress/snappy"
	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/tidemark/tidemark/ingest/push"
)

// limits are small, so that tests meet them.
func limits() push.Limits {
	return push.Limits{
		MaxSamples: 4, MaxLabels: 4, MaxLabelName: 8, MaxLabelValue: 40,
		MaxConcurrent: 2, MaxBody: 1 << 20,
	}
}

// receiver is Prometheus' receivers over a real store, with limits before them.
type receiver struct {
	*httptest.Server
	db      storage.Storage
	metrics *metrics.Set
}

func newReceiver(t *testing.T, limits push.Limits) *receiver {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	db, err := tsdb.Open(t.TempDir(), logger, nil, tsdb.DefaultOptions(), nil)
	require.NoError(t, err)
	fanout := storage.NewFanout(logger, db)
	set := metrics.NewSet()
	limited := push.Limit(fanout, limits, set)
	registry := prometheus.NewRegistry()
	mux := http.NewServeMux()
	mux.Handle("/write", remote.NewWriteHandler(logger, registry, limited,
		remoteapi.MessageTypes{remoteapi.WriteV1MessageType, remoteapi.WriteV2MessageType}, false, false))
	mux.Handle("/otlp", remote.NewOTLPWriteHandler(logger, registry, limited,
		func() config.Config { return config.DefaultConfig }, remote.OTLPOptions{LookbackDelta: 5 * time.Minute}))
	r := &receiver{Server: httptest.NewServer(push.Receive(mux, limits, set)), db: fanout, metrics: set}
	t.Cleanup(func() {
		r.Close()
		require.NoError(t, fanout.Close())
	})
	return r
}

func (r *receiver) post(t *testing.T, path, contentType string, body []byte) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.URL+path, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", contentType)
	resp, err := r.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var buf bytes.Buffer
	_, err = buf.ReadFrom(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, buf.String()
}

// kept counts the samples in the store.
func (r *receiver) kept(t *testing.T) (n int) {
	t.Helper()
	q, err := r.db.Querier(math.MinInt64, math.MaxInt64)
	require.NoError(t, err)
	defer q.Close()
	set := q.Select(context.Background(), false, nil, labels.MustNewMatcher(labels.MatchNotEqual, model.MetricNameLabel, "target_info"))
	for set.Next() {
		it := set.At().Iterator(nil)
		for it.Next() != chunkenc.ValNone {
			n++
		}
	}
	require.NoError(t, set.Err())
	return n
}

func (r *receiver) refused(reason string) uint64 {
	return r.metrics.GetOrCreateCounter(`tidemark_push_refused_total{reason="` + reason + `"}`).Get()
}

// series is what a test sends: labels, and how many samples.
type series struct {
	labels  labels.Labels
	samples int
}

func named(name string, rest ...string) series {
	return series{labels.FromStrings(append([]string{model.MetricNameLabel, name}, rest...)...), 1}
}

func v1(t *testing.T, all []series) []byte {
	t.Helper()
	var req prompb.WriteRequest
	now := time.Now().UnixMilli()
	for _, s := range all {
		ts := prompb.TimeSeries{Labels: prompb.FromLabels(s.labels, nil)}
		for i := range s.samples {
			ts.Samples = append(ts.Samples, prompb.Sample{Timestamp: now + int64(i), Value: 1})
		}
		req.Timeseries = append(req.Timeseries, ts)
	}
	body, err := req.Marshal()
	require.NoError(t, err)
	return snappy.Encode(nil, body)
}

func v2(t *testing.T, all []series) []byte {
	t.Helper()
	symbols := writev2.NewSymbolTable()
	var req writev2.Request
	now := time.Now().UnixMilli()
	for _, s := range all {
		ts := writev2.TimeSeries{LabelsRefs: symbols.SymbolizeLabels(s.labels, nil)}
		for i := range s.samples {
			ts.Samples = append(ts.Samples, writev2.Sample{Timestamp: now + int64(i), Value: 1})
		}
		req.Timeseries = append(req.Timeseries, ts)
	}
	req.Symbols = symbols.Symbols()
	body, err := req.Marshal()
	require.NoError(t, err)
	return snappy.Encode(nil, body)
}

const (
	typeV1   = "application/x-protobuf"
	typeV2   = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
	typeOTLP = "application/x-protobuf"
)

func TestLimitsOfRemoteWrite(t *testing.T) {
	good := named("good", "a", "1", "b", "2", "c", "3")
	for _, test := range []struct {
		name   string
		bad    series
		reason string
		says   string
	}{
		{"too many labels", named("bad", "a", "1", "b", "2", "c", "3", "d", "4"), "labels",
			"labels of a series: 5, and the limit is 4 (ingest.max_labels)"},
		{"a long label name", named("bad", "overlong_", "1"), "label_name_length",
			"bytes in the name of the label overlong_: 9, and the limit is 8 (ingest.max_label_name_length)"},
		{"a long label value", named("bad", "a", strings.Repeat("x", 41)), "label_value_length",
			"bytes in the value of the label a: 41, and the limit is 40 (ingest.max_label_value_length)"},
		{"too many samples", series{labels.FromStrings(model.MetricNameLabel, "bad"), 4}, "samples",
			"samples in the request: 5, and the limit is 4 (ingest.max_samples_per_request)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newReceiver(t, limits())

			// Remote write 1.0 knows no partial writes: the request is refused as a whole.
			status, text := r.post(t, "/write", typeV1, v1(t, []series{good, test.bad}))
			require.Equal(t, http.StatusBadRequest, status)
			require.Contains(t, text, test.says)
			require.Zero(t, r.kept(t))
			require.EqualValues(t, 1, r.refused(test.reason))

			// With 2.0 the rest is kept.
			status, text = r.post(t, "/write", typeV2, v2(t, []series{good, test.bad}))
			require.Equal(t, http.StatusBadRequest, status)
			require.Contains(t, text, test.says)
			require.Equal(t, 1+test.bad.samples-1, r.kept(t))
			require.EqualValues(t, 2, r.refused(test.reason))
		})
	}
}

func TestWithinLimits(t *testing.T) {
	r := newReceiver(t, limits())
	for i, post := range []func() (int, string){
		func() (int, string) {
			return r.post(t, "/write", typeV1, v1(t, []series{named("one"), named("two")}))
		},
		func() (int, string) {
			return r.post(t, "/write", typeV2, v2(t, []series{named("three"), named("four")}))
		},
		func() (int, string) { return r.post(t, "/otlp", typeOTLP, otlp(t, 2)) },
	} {
		status, text := post()
		require.Equal(t, 2, status/100, text)
		require.Equal(t, 2*(i+1), r.kept(t))
	}
}

func TestLimitsOfOTLP(t *testing.T) {
	l := limits()
	r := newReceiver(t, l)
	status, text := r.post(t, "/otlp", typeOTLP, otlp(t, l.MaxSamples+1))
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, text, "ingest.max_samples_per_request")
	require.Zero(t, r.kept(t))
	require.EqualValues(t, 1, r.refused("samples"))
}

// otlp is an export request of n gauges with a sample each.
func otlp(t *testing.T, n int) []byte {
	t.Helper()
	md := pmetric.NewMetrics()
	list := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	for i := range n {
		m := list.AppendEmpty()
		m.SetName("gauge_" + string(rune('a'+i)))
		point := m.SetEmptyGauge().DataPoints().AppendEmpty()
		point.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		point.SetDoubleValue(1)
	}
	body, err := pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	require.NoError(t, err)
	return body
}

func TestBadBodies(t *testing.T) {
	r := newReceiver(t, limits())
	huge := binaryLength(64 << 20)
	for _, test := range []struct {
		name, contentType string
		body              []byte
		status            int
	}{
		{"empty snappy, 1.0", typeV1, nil, http.StatusBadRequest},
		{"corrupted snappy, 1.0", typeV1, []byte("\x10not snappy at all"), http.StatusBadRequest},
		{"corrupted snappy, 2.0", typeV2, []byte("\x10not snappy at all"), http.StatusBadRequest},
		{"a bomb, 1.0", typeV1, huge, http.StatusBadRequest},
		{"a bomb, 2.0", typeV2, huge, http.StatusBadRequest},
		{"no protobuf, 1.0", typeV1, snappy.Encode(nil, []byte("hello")), http.StatusBadRequest},
		{"no protobuf, 2.0", typeV2, snappy.Encode(nil, []byte("hello")), http.StatusBadRequest},
		{"wrong message", "application/x-protobuf;proto=other", snappy.Encode(nil, nil), http.StatusUnsupportedMediaType},
		{"long body", typeV1, make([]byte, 1<<20+1), http.StatusRequestEntityTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, text := r.post(t, "/write", test.contentType, test.body)
			require.Equal(t, test.status, status, text)
			require.NotEmpty(t, text)
		})
	}
	require.Zero(t, r.kept(t))
	require.EqualValues(t, 1, r.refused("body_size"))
}

// binaryLength is the header of a snappy body that decompresses to n bytes.
func binaryLength(n uint64) []byte {
	var body []byte
	for ; n >= 0x80; n >>= 7 {
		body = append(body, byte(n)|0x80)
	}
	return append(body, byte(n))
}

func TestTimeLimitIsPrometheusOwn(t *testing.T) {
	r := newReceiver(t, limits())
	req := prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{
		Labels:  prompb.FromLabels(labels.FromStrings(model.MetricNameLabel, "early"), nil),
		Samples: []prompb.Sample{{Timestamp: time.Now().Add(time.Hour).UnixMilli()}},
	}}}
	body, err := req.Marshal()
	require.NoError(t, err)
	status, text := r.post(t, "/write", typeV1, snappy.Encode(nil, body))
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, text, "too far in the future")
}

func TestReload(t *testing.T) {
	set := metrics.NewSet()
	l := limits()
	receiver := push.Receive(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}), l, set)
	status := func() int {
		w := httptest.NewRecorder()
		receiver.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("four")))
		return w.Code
	}
	require.Equal(t, http.StatusNoContent, status())
	l.MaxBody = 3
	receiver.Apply(l)
	require.Equal(t, http.StatusRequestEntityTooLarge, status())
}

func TestConcurrentRequests(t *testing.T) {
	set := metrics.NewSet()
	entered, leave := make(chan struct{}), make(chan struct{})
	receiver := push.Receive(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-leave
	}), limits(), set)
	serve := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		receiver.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
		return w
	}
	done := make(chan int)
	for range 2 {
		go func() { done <- serve().Code }()
		<-entered
	}
	refused := serve()
	require.Equal(t, http.StatusServiceUnavailable, refused.Code)
	require.Equal(t, "1", refused.Header().Get("Retry-After"))
	require.Contains(t, refused.Body.String(), "ingest.max_concurrent")
	close(leave)
	for range 2 {
		require.Equal(t, http.StatusOK, <-done)
	}
	go func() { <-entered }()
	require.Equal(t, http.StatusOK, serve().Code)
}
