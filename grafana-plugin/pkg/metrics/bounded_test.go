package metrics

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net/url"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/metrics/columns"
)

// contentTypes are the formats that answers may have.
var contentTypes = []string{"application/json", columns.MediaType}

// endless is a server whose result is made while it is read, and so takes no
// memory itself.
type endless struct {
	series, samples int
	contentType     string // JSON or columns
	// during is called now and then while the result is read.
	during func()
}

func (e *endless) PostForm(context.Context, string, url.Values, string) (io.ReadCloser, string, error) {
	return io.NopCloser(&matrixReader{endless: e}), e.contentType, nil
}

// matrixReader writes one series after the other.
type matrixReader struct {
	*endless
	written int // series
	rest    bytes.Buffer
	ended   bool
}

func (m *matrixReader) Read(p []byte) (int, error) {
	if m.rest.Len() == 0 {
		if m.ended {
			return 0, io.EOF
		}
		m.more()
	}
	return m.rest.Read(p)
}

func (m *matrixReader) more() {
	if m.during != nil && m.written%100 == 0 {
		m.during()
	}
	if m.contentType == columns.MediaType {
		m.moreColumns()
	} else {
		m.moreJSON()
	}
	m.ended = m.written == m.series
	m.written++
}

func (m *matrixReader) moreJSON() {
	switch m.written {
	case 0:
		m.rest.WriteString(`{"status":"success","data":{"resultType":"matrix","result":[`)
	case m.series:
		m.rest.WriteString(`]}}`)
		return
	default:
		m.rest.WriteByte(',')
	}
	writeSeries(&m.rest, m.written, m.samples)
}

func (m *matrixReader) moreColumns() {
	var b []byte
	if m.written == 0 {
		b = appendNumber(b, columns.ResultType, columns.Matrix)
		b = appendNumber(b, columns.SeriesCount, uint64(m.series))
	}
	if m.written < m.series {
		b = appendBytes(b, columns.Series, columnsSeries(m.written, m.samples))
	}
	m.rest.Write(b)
}

// columnsSeries is what writeSeries writes, in columns.
func columnsSeries(number, samples int) []byte {
	var series, values, times []byte
	for _, text := range []string{"__name__", "http_requests_total", "instance", fmt.Sprintf("host-%d:9100", number), "job", "web", "code", "200", "method", "GET"} {
		series = appendBytes(series, columns.Labels, []byte(text))
	}
	for i := range samples {
		values = binary.LittleEndian.AppendUint64(values, math.Float64bits(float64(number+i)/23.7))
	}
	for _, v := range []int64{1700000100_000, 1, 15_000, int64(samples - 1)} {
		times = protowire.AppendVarint(times, protowire.EncodeZigZag(v))
	}
	return appendBytes(appendBytes(series, columns.Values, values), columns.Times, times)
}

func appendNumber(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

// writeSeries writes a series as a rate of a counter has it: a value at each
// step, of many digits.
func writeSeries(b *bytes.Buffer, number, samples int) {
	fmt.Fprintf(b, `{"metric":{"__name__":"http_requests_total","instance":"host-%d:9100","job":"web","code":"200","method":"GET"},"values":[`, number)
	var text [32]byte
	for i := range samples {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('[')
		b.Write(strconv.AppendInt(text[:0], int64(1700000100+15*i), 10))
		b.WriteString(`,"`)
		b.Write(strconv.AppendFloat(text[:0], float64(number+i)/23.7, 'f', -1, 64))
		b.WriteString(`"]`)
	}
	b.WriteString(`]}`)
}

// TestMemoryIsBounded reads a result five times as large as is allowed. Live
// memory is what counts: it is looked at after a collection.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("reads five million samples")
	}
	live := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	for _, contentType := range contentTypes {
		t.Run(contentType, func(t *testing.T) {
			before, peak := live(), uint64(0)
			server := &endless{series: 5000, samples: 1000, contentType: contentType, during: func() { peak = max(peak, live()) }}
			resp := New(server, testOptions()).Query(t.Context(), ask(`"expr":"x"`), Occasion{})
			require.NoError(t, resp.Error)
			require.Len(t, resp.Frames, 1000)
			require.Contains(t, resp.Frames[0].Meta.Notices[0].Text, "1,000 of 5,000 series are shown")

			used := peak - before
			t.Logf("%.1f MB at most for 1,000,000 samples, %.1f bytes a sample", float64(used)/1e6, float64(used)/1e6)
			require.Less(t, used, uint64(16<<20), "two floats a sample")
			runtime.KeepAlive(resp)
		})
	}
}

// BenchmarkDashboard is a dashboard of 20 panels with 100 series of 1,000
// samples each: what parsing and making frames costs.
func BenchmarkDashboard(b *testing.B) {
	const panels, lines, samples = 20, 100, 1000
	for _, contentType := range contentTypes {
		b.Run(contentType, func(b *testing.B) {
			var text bytes.Buffer
			_, err := io.Copy(&text, &matrixReader{endless: &endless{series: lines, samples: samples, contentType: contentType}})
			require.NoError(b, err)
			server := &fakeServer{answers: map[string]string{rangeEndpoint: text.String()}, contentType: contentType}
			opts := testOptions()
			b.ReportAllocs()
			b.SetBytes(int64(panels * text.Len()))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for b.Loop() {
				server.asked = nil
				q := New(server, opts)
				for range panels {
					resp := q.Query(b.Context(), ask(`"expr":"x"`), Occasion{})
					if resp.Error != nil || len(resp.Frames) != lines {
						b.Fatal(resp.Error, len(resp.Frames))
					}
				}
			}
			runtime.ReadMemStats(&after)
			points := float64(b.N) * panels * lines * samples
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/points, "ns/sample")
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/points, "allocs/sample")
		})
	}
}

// BenchmarkMillion is one result of a million samples, made while it is read.
func BenchmarkMillion(b *testing.B) {
	for _, contentType := range contentTypes {
		b.Run(contentType, func(b *testing.B) {
			server := &endless{series: 1000, samples: 1000, contentType: contentType}
			b.ReportAllocs()
			for b.Loop() {
				resp := New(server, testOptions()).Query(b.Context(), ask(`"expr":"x"`), Occasion{})
				if resp.Error != nil {
					b.Fatal(resp.Error)
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(time.Millisecond)/float64(b.N), "ms/result")
		})
	}
}

// FuzzAnswer gives the reader of answers what no server would send.
func FuzzAnswer(f *testing.F) {
	for _, file := range []string{"matrix", "vector", "scalar", "string", "native", "native_vector", "buckets", "exemplars", "empty"} {
		f.Add(answerFile(f, file), false)
	}
	for _, file := range []string{"matrix", "vector", "empty"} {
		f.Add(serverFile(f, file+".columns"), true)
	}
	f.Fuzz(func(t *testing.T, text string, inColumns bool) {
		opts := testOptions()
		opts.MaxPoints = 100
		server := &fakeServer{answers: map[string]string{rangeEndpoint: text, instantEndpoint: text, exemplarEndpoint: text}}
		if inColumns {
			server.contentType = columns.MediaType
		}
		for _, fields := range []string{
			`"expr":"x","exemplar":true,"range":true,"instant":true`,
			`"expr":"x","format":"heatmap"`,
			`"expr":"x","format":"table"`,
		} {
			resp := New(server, opts).Query(t.Context(), ask(fields), Occasion{})
			if resp.Error != nil {
				continue
			}
			held := 0
			for _, frame := range resp.Frames {
				rows, err := frame.RowLen()
				require.NoError(t, err, "the fields of a frame are of one length")
				held += rows
				_, err = frame.MarshalArrow()
				require.NoError(t, err)
			}
			require.LessOrEqual(t, held, 2*opts.MaxPoints+thinnerSlices*perSlice+2)
		}
	})
}
