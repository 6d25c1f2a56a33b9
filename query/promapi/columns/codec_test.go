package columns

import (
	"encoding/binary"
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/stats"
	webapi "github.com/prometheus/prometheus/web/api/v1"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

var update = flag.Bool("update", false, "write the golden answers of testdata anew")

func respond(result parser.Value) *webapi.Response {
	return &webapi.Response{Status: "success", Data: &webapi.QueryData{ResultType: result.Type(), Result: result}}
}

// points returns a sample at each step of ms from start on.
func points(start, ms int64, values ...float64) []promql.FPoint {
	all := make([]promql.FPoint, len(values))
	for i, v := range values {
		all[i] = promql.FPoint{T: start + int64(i)*ms, F: v}
	}
	return all
}

// answers are what the golden files hold. The Grafana plugin reads the same
// files, so that the two cannot drift apart; and it makes the same of the JSON
// beside them.
func answers() map[string]*webapi.Response {
	const start = 1_700_000_100_000
	whole := points(start, 60_000, 1, 0.1, -2.5e-300)
	gap := append(points(start, 60_000, 1), points(start+120_000, 60_000, 2)...)
	odd := points(start, 60_000, math.Float64frombits(value.StaleNaN), math.Inf(1), math.Inf(-1), math.Copysign(0, -1),
		math.NaN(), math.MaxFloat64, math.SmallestNonzeroFloat64)
	matrix := respond(promql.Matrix{
		{Metric: labels.FromStrings("__name__", "up", "instance", "a:9100", "job", "node"), Floats: whole},
		{Metric: labels.FromStrings("__name__", "up", "instance", "bücher \"1\"\n", "job", "node"), Floats: gap},
		{Metric: labels.EmptyLabels(), Floats: odd},
		{Metric: labels.FromStrings("__name__", "up", "instance", "c:9100"), Floats: points(start-1, 1, 5)},
	})
	matrix.Warnings = []string{"the answer of a remote storage is missing"}
	matrix.Infos = []string{`metric might not be a counter: "up"`}
	return map[string]*webapi.Response{
		"matrix": matrix,
		"vector": respond(promql.Vector{
			{Metric: labels.FromStrings("__name__", "up", "instance", "a:9100"), T: start, F: 1},
			{Metric: labels.FromStrings("__name__", "up", "instance", "b:9100"), T: start, F: math.Inf(1)},
		}),
		"empty": respond(promql.Matrix{}),
	}
}

func TestGoldenAnswers(t *testing.T) {
	golden := func(t *testing.T, codec webapi.Codec, resp *webapi.Response, file string) {
		got, err := codec.Encode(resp)
		require.NoError(t, err)
		file = filepath.Join("testdata", file)
		if *update {
			require.NoError(t, os.WriteFile(file, got, 0o600))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, want, got, "%s: if this is meant, write it anew with -update, and see whether the plugin still reads it", file)
	}
	for name, resp := range answers() {
		t.Run(name, func(t *testing.T) {
			require.True(t, Codec{}.CanEncode(resp))
			golden(t, Codec{}, resp, name+".columns")
			golden(t, webapi.JSONCodec{}, resp, name+".json")
		})
	}
}

func TestCanEncode(t *testing.T) {
	matrix := promql.Matrix{{Floats: points(0, 1, 1)}}
	tests := map[string]struct {
		resp *webapi.Response
		want bool
	}{
		"matrix":       {respond(matrix), true},
		"vector":       {respond(promql.Vector{{F: 1}}), true},
		"empty vector": {respond(promql.Vector{}), true},
		"histograms": {respond(promql.Matrix{{Floats: points(0, 1, 1)},
			{Histograms: []promql.HPoint{{H: &histogram.FloatHistogram{}}}}}), false},
		"a histogram":  {respond(promql.Vector{{F: 1}, {H: &histogram.FloatHistogram{}}}), false},
		"scalar":       {respond(promql.Scalar{V: 1}), false},
		"text":         {respond(promql.String{V: "1"}), false},
		"statistics":   {&webapi.Response{Status: "success", Data: &webapi.QueryData{Result: matrix, Stats: &stats.BuiltinStats{}}}, false},
		"cost":         {&webapi.Response{Status: "success", Data: &webapi.QueryData{Result: matrix, Cost: &webapi.QueryCostComparison{}}}, false},
		"error":        {&webapi.Response{Status: "error", Error: "no", Data: &webapi.QueryData{Result: matrix}}, false},
		"other":        {&webapi.Response{Status: "success", Data: []string{"a"}}, false},
		"no result":    {&webapi.Response{Status: "success", Data: &webapi.QueryData{}}, false},
		"without data": {&webapi.Response{Status: "success"}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, Codec{}.CanEncode(tc.resp))
			if _, err := (Codec{}).Encode(tc.resp); tc.want {
				require.NoError(t, err)
			}
		})
	}
}

// TestAnyTimesAndValues reads back what no query would come to.
func TestAnyTimesAndValues(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	times := map[string]func(i int) int64{
		"each step":      func(i int) int64 { return 1_700_000_000_000 + 15_000*int64(i) },
		"from the epoch": func(i int) int64 { return 15_000 * int64(i+1) },
		"before it":      func(i int) int64 { return -1000 + int64(i) },
		"one time":       func(int) int64 { return 7 },
		"zero":           func(int) int64 { return 0 },
		"gaps":           func(i int) int64 { return 15_000 * int64(i+i/7) },
		"each its own":   func(i int) int64 { return int64(i) * int64(i) },
		"anything":       func(int) int64 { return int64(r.Uint64()) },
		"the farthest":   func(i int) int64 { return []int64{math.MinInt64, math.MaxInt64}[i%2] },
	}
	for name, at := range times {
		for _, n := range []int{0, 1, 2, 3, 100} {
			series := promql.Series{Metric: labels.FromStrings("n", name)}
			for i := range n {
				series.Floats = append(series.Floats, promql.FPoint{T: at(i), F: math.Float64frombits(r.Uint64())})
			}
			b, err := Codec{}.Encode(respond(promql.Matrix{series, series}))
			require.NoError(t, err)
			got := decode(t, b)
			require.Equal(t, uint64(2), got.count)
			require.Len(t, got.series, 2)
			for _, s := range got.series {
				require.Equal(t, []string{"n", name}, s.labels)
				require.Len(t, s.bits, n, name)
				require.Len(t, s.times, n, name)
				for i, p := range series.Floats {
					require.Equal(t, p.T, s.times[i], "%s, the time of %d", name, i)
					require.Equal(t, math.Float64bits(p.F), s.bits[i], "%s, the value of %d", name, i)
				}
			}
		}
	}
}

// decoded is an answer read by the letter of columns.proto.
type decoded struct {
	count  uint64
	series []decodedSeries
}

type decodedSeries struct {
	labels []string
	bits   []uint64
	times  []int64
}

func decode(t *testing.T, b []byte) decoded {
	t.Helper()
	var d decoded
	fields(t, b, func(n protowire.Number, number uint64, bytes []byte) {
		switch n {
		case answerSeriesCount:
			d.count = number
		case answerSeries:
			d.series = append(d.series, decodeSeries(t, bytes))
		}
	})
	return d
}

func decodeSeries(t *testing.T, b []byte) (s decodedSeries) {
	t.Helper()
	fields(t, b, func(n protowire.Number, _ uint64, bytes []byte) {
		switch n {
		case seriesLabels:
			s.labels = append(s.labels, string(bytes))
		case seriesValues:
			for ; len(bytes) > 0; bytes = bytes[8:] {
				s.bits = append(s.bits, binary.LittleEndian.Uint64(bytes))
			}
		case seriesTimes:
			var last int64
			for len(bytes) > 0 {
				delta, n := protowire.ConsumeVarint(bytes)
				count, m := protowire.ConsumeVarint(bytes[n:])
				bytes = bytes[n+m:]
				for range protowire.DecodeZigZag(count) {
					last += protowire.DecodeZigZag(delta)
					s.times = append(s.times, last)
				}
			}
		}
	})
	return s
}

// fields calls each with the fields of a message, which must be in order.
func fields(t *testing.T, b []byte, each func(n protowire.Number, number uint64, bytes []byte)) {
	t.Helper()
	last := protowire.Number(0)
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		require.NoError(t, protowire.ParseError(n))
		require.GreaterOrEqual(t, number, last)
		b, last = b[n:], number
		switch kind {
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(b)
			require.NoError(t, protowire.ParseError(n))
			each(number, v, nil)
			b = b[n:]
		case protowire.BytesType:
			v, n := protowire.ConsumeBytes(b)
			require.NoError(t, protowire.ParseError(n))
			each(number, 0, v)
			b = b[n:]
		default:
			require.NoError(t, errors.New("a type that is not in use"))
		}
	}
}

// TestRoomIsNoMoreThanNeeded: the buffer is made once, and not much too large.
func TestRoomIsNoMoreThanNeeded(t *testing.T) {
	for name, resp := range map[string]*webapi.Response{
		"matrix": respond(dashboard(100, 1000)),
		"short":  respond(dashboard(1000, 1)),
		"empty":  respond(promql.Matrix{}),
	} {
		b, err := Codec{}.Encode(resp)
		require.NoError(t, err)
		require.Less(t, cap(b)-len(b), (len(decode(t, b).series)+1)*roomForFraming+4096, name)
		allocations := testing.AllocsPerRun(10, func() { _, _ = Codec{}.Encode(resp) })
		require.LessOrEqual(t, allocations, 3.0, name)
	}
}

// dashboard is what a panel asks for: the rate of a counter at each step.
func dashboard(series, samples int) promql.Matrix {
	matrix := make(promql.Matrix, series)
	for i := range matrix {
		floats := make([]promql.FPoint, samples)
		for j := range floats {
			floats[j] = promql.FPoint{T: 1_700_000_100_000 + 15_000*int64(j), F: float64(i+j) / 23.7}
		}
		matrix[i] = promql.Series{Floats: floats, Metric: labels.FromStrings("__name__", "http_requests_total",
			"code", "200", "instance", "host-"+string(rune('a'+i%26))+":9100", "job", "web", "method", "GET")}
	}
	return matrix
}

// BenchmarkEncode is what the answer of one panel of 100 series with 1,000
// samples takes to write, beside Prometheus' JSON.
func BenchmarkEncode(b *testing.B) {
	const series, samples = 100, 1000
	resp := respond(dashboard(series, samples))
	for name, codec := range map[string]webapi.Codec{"columns": Codec{}, "json": webapi.JSONCodec{}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				out, err := codec.Encode(resp)
				if err != nil {
					b.Fatal(err)
				}
				size = len(out)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/series/samples, "ns/sample")
			b.ReportMetric(float64(size)/series/samples, "B/sample")
		})
	}
}
