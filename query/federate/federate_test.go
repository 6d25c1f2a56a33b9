package federate_test

import (
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
	"github.com/prometheus/prometheus/util/teststorage"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/query/federate"
)

var now = time.UnixMilli(1_750_000_000_000)

// serve returns the handler over a real store with the samples below.
func serve(t *testing.T, maxSeries int) http.Handler {
	t.Helper()
	db := teststorage.New(t)
	app := db.AppenderV2(t.Context())
	add := func(ago time.Duration, v float64, h *histogram.Histogram, pairs ...string) {
		_, err := app.Append(0, labels.FromStrings(pairs...), 0, now.Add(-ago).UnixMilli(), v, h, nil, storage.AOptions{})
		require.NoError(t, err)
	}
	add(2*time.Minute, 1, nil, "__name__", "up", "job", "web", "instance", "a")
	add(time.Minute, 0, nil, "__name__", "up", "job", "web", "instance", "a")
	add(time.Minute, 1, nil, "__name__", "up", "job", "api", "site", "own")
	add(10*time.Minute, 1, nil, "__name__", "old", "job", "web")
	add(2*time.Minute, 1, nil, "__name__", "ended", "job", "web")
	add(time.Minute, math.Float64frombits(value.StaleNaN), nil, "__name__", "ended", "job", "web")
	add(time.Minute, 0, tsdbutil.GenerateTestHistogram(1), "__name__", "seconds", "job", "web")
	custom := tsdbutil.GenerateTestCustomBucketsHistogram(1)
	add(time.Minute, 0, custom, "__name__", "custom_seconds", "job", "web")
	require.NoError(t, app.Commit())
	return federate.New(federate.Options{
		Queryable:      db,
		ExternalLabels: func() labels.Labels { return labels.FromStrings("site", "paris") },
		Lookback:       5 * time.Minute,
		Parser:         parser.NewParser(parser.Options{}),
		MaxSeries:      maxSeries,
		Logger:         slog.New(slog.DiscardHandler),
		Now:            func() time.Time { return now },
	})
}

func get(t *testing.T, h http.Handler, accept string, selectors ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/federate?"+url.Values{"match[]": selectors}.Encode(), nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestText(t *testing.T) {
	resp := get(t, serve(t, 0), "*/*", `{__name__=~"up|old|ended|seconds"}`, `up{job="api"}`)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Contains(t, resp.Header.Get("Content-Type"), "text/plain")
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, strings.TrimLeft(`
# TYPE up untyped
up{instance="a",job="web",site="paris"} 0 1749999940000
up{job="api",site="own",instance=""} 1 1749999940000
`, "\n"), string(body))
}

func TestProtobufCarriesNativeHistograms(t *testing.T) {
	resp := get(t, serve(t, 0), string(expfmt.NewFormat(expfmt.TypeProtoDelim)), `{__name__=~".*seconds"}`)
	dec := expfmt.NewDecoder(resp.Body, expfmt.ResponseFormat(resp.Header))
	families := map[string]*dto.MetricFamily{}
	for {
		var family dto.MetricFamily
		if err := dec.Decode(&family); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		families[family.GetName()] = &family
	}
	want := tsdbutil.GenerateTestFloatHistogram(1)
	native := families["seconds"].Metric[0].Histogram
	require.Equal(t, dto.MetricType_HISTOGRAM, families["seconds"].GetType())
	require.Equal(t, want.Schema, native.GetSchema())
	require.Equal(t, want.PositiveBuckets, native.GetPositiveCount())
	require.InDelta(t, want.Count, native.GetSampleCountFloat(), 0)

	custom := tsdbutil.GenerateTestCustomBucketsHistogram(1).ToFloat(nil)
	classic := families["custom_seconds"].Metric[0].Histogram
	require.Len(t, classic.Bucket, len(custom.CustomValues))
	require.InDelta(t, custom.Count, classic.GetSampleCountFloat(), 0)
	for i, b := range classic.Bucket {
		require.InDelta(t, custom.CustomValues[i], b.GetUpperBound(), 0)
		if i > 0 {
			require.GreaterOrEqual(t, b.GetCumulativeCountFloat(), classic.Bucket[i-1].GetCumulativeCountFloat())
		}
	}
}

func TestBadRequests(t *testing.T) {
	tests := map[string]struct {
		selectors []string
		maxSeries int
		status    int
		want      string
	}{
		"no selector":     {nil, 0, http.StatusBadRequest, "match[] is missing"},
		"a bad selector":  {[]string{`up{`}, 0, http.StatusBadRequest, "match[]: "},
		"too many series": {[]string{`up`}, 1, http.StatusUnprocessableEntity, "more than 1 series"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			resp := get(t, serve(t, tc.maxSeries), "", tc.selectors...)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, tc.status, resp.StatusCode)
			require.Contains(t, string(body), tc.want)
		})
	}
}
