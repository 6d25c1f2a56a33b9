package push

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metrics"
	"github.com/klauspost/compress/snappy"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/stretchr/testify/require"
)

func marshal(t testing.TB, req writev2.Request) []byte {
	t.Helper()
	body, err := req.Marshal()
	require.NoError(t, err)
	return body
}

func TestExpansion(t *testing.T) {
	symbols := []string{"", "__name__", "metric"}
	f := func(want int, series ...writev2.TimeSeries) {
		t.Helper()
		got, err := expansion(marshal(t, writev2.Request{Symbols: symbols, Timeseries: series}))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	name := []uint32{1, 2}
	text := len("__name__") + len("metric")
	f(0)
	f(text, writev2.TimeSeries{LabelsRefs: name})
	f(text, writev2.TimeSeries{LabelsRefs: name, Samples: make([]writev2.Sample, 1)})
	f(3*text, writev2.TimeSeries{LabelsRefs: name, Samples: make([]writev2.Sample, 3)})
	f(2*text, writev2.TimeSeries{LabelsRefs: name, Histograms: make([]writev2.Histogram, 2)})
	f(2*text, writev2.TimeSeries{LabelsRefs: name}, writev2.TimeSeries{LabelsRefs: name})
	f(0, writev2.TimeSeries{LabelsRefs: []uint32{7, 8}})

	_, err := expansion([]byte("hello"))
	require.ErrorIs(t, err, errMalformed)
}

func TestSmallRequestForMuchText(t *testing.T) {
	long := strings.Repeat("x", 1<<16)
	bomb := writev2.Request{
		Symbols: []string{"", "__name__", long},
		Timeseries: []writev2.TimeSeries{{
			LabelsRefs: []uint32{1, 2}, Samples: make([]writev2.Sample, 5000),
		}},
	}
	set := metrics.NewSet()
	reached := false
	r := Receive(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }), DefaultLimits(), set)
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(snappy.Encode(nil, marshal(t, bomb)))))
	req.Header.Set("Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request")
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	require.Equal(t, http.StatusBadRequest, w.Code)
	require.Contains(t, w.Body.String(), "send smaller batches")
	require.False(t, reached)
	require.EqualValues(t, 1, refusal(set, reasonExpansion).Get())
}

func FuzzExpansion(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("hello"))
	f.Add(marshal(f, writev2.Request{
		Symbols:    []string{"", "__name__", "metric"},
		Timeseries: []writev2.TimeSeries{{LabelsRefs: []uint32{1, 2, 9}, Samples: make([]writev2.Sample, 2)}},
	}))
	f.Fuzz(func(t *testing.T, body []byte) {
		total, err := expansion(body)
		if total < 0 {
			t.Fatalf("counted %d", total)
		}
		var req writev2.Request
		if err != nil || req.Unmarshal(body) != nil {
			return
		}
		// What the receiver will read is what was measured.
		want := 0
		for _, ts := range req.Timeseries {
			text := 0
			for _, ref := range ts.LabelsRefs {
				if int(ref) < len(req.Symbols) {
					text += len(req.Symbols[ref])
				}
			}
			want += text * max(1, len(ts.Samples)+len(ts.Histograms))
		}
		if want <= maxExpansion && total != want {
			t.Fatalf("counted %d, the receiver reads %d", total, want)
		}
	})
}
