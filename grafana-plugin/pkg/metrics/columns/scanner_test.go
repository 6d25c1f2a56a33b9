package columns

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// answered is all that an answer holds.
type answered struct {
	resultType, count uint64
	remarks           []string
	series            []answeredSeries
}

type answeredSeries struct {
	labels []string
	bits   []uint64
	times  []int64
}

// readAll reads an answer, as who draws it does.
func readAll(s *Scanner) answered {
	var a answered
	var times []int64
	for field := range s.Fields() {
		switch field {
		case ResultType:
			a.resultType = s.Number()
		case SeriesCount:
			a.count = s.Number()
		case Warnings, Infos:
			a.remarks = append(a.remarks, string(s.Text()))
		case Series:
			var series answeredSeries
			var values []float64
			for field := range s.Fields() {
				switch field {
				case Labels:
					series.labels = append(series.labels, string(s.Text()))
				case Values:
					values = s.Values(values)
				case Times:
					times, _ = s.Times(times, len(values))
					series.times = append([]int64(nil), times...)
				}
			}
			for _, v := range values {
				series.bits = append(series.bits, math.Float64bits(v))
			}
			a.series = append(a.series, series)
		}
	}
	return a
}

// serverFile returns what the server's own tests hold to be an answer.
func serverFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "query", "promapi", "columns", "testdata", name))
	require.NoError(t, err)
	return b
}

// TestWhatTheServerWrites reads the golden file of the server, which has each
// way in which an answer is unlike others.
func TestWhatTheServerWrites(t *testing.T) {
	const start, minute = 1_700_000_100_000, 60_000
	bits := func(values ...float64) (all []uint64) {
		for _, v := range values {
			all = append(all, math.Float64bits(v))
		}
		return all
	}
	const stale = 0x7ff0000000000002 // Prometheus' marker of an end
	want := answered{
		resultType: Matrix, count: 4,
		remarks: []string{"the answer of a remote storage is missing", `metric might not be a counter: "up"`},
		series: []answeredSeries{
			{[]string{"__name__", "up", "instance", "a:9100", "job", "node"}, bits(1, 0.1, -2.5e-300), []int64{start, start + minute, start + 2*minute}},
			{[]string{"__name__", "up", "instance", "bücher \"1\"\n", "job", "node"}, bits(1, 2), []int64{start, start + 2*minute}},
			{nil, append([]uint64{stale}, bits(math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.NaN(), math.MaxFloat64, math.SmallestNonzeroFloat64)...),
				[]int64{start, start + minute, start + 2*minute, start + 3*minute, start + 4*minute, start + 5*minute, start + 6*minute}},
			{[]string{"__name__", "up", "instance", "c:9100"}, bits(5), []int64{start - 1}},
		},
	}
	file := serverFile(t, "matrix.columns")
	// One byte at a time: nothing may depend on where the buffer ends.
	for _, r := range []io.Reader{bytes.NewReader(file), iotest.OneByteReader(bytes.NewReader(file)), iotest.DataErrReader(bytes.NewReader(file))} {
		s := New(r)
		require.Equal(t, want, readAll(s))
		require.NoError(t, s.Err())
	}
}

// The writers of the parts that tests put together.

func number(field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), v)
}

func text(field protowire.Number, b ...byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), b)
}

func message(field protowire.Number, parts ...[]byte) []byte {
	return text(field, bytes.Join(parts, nil)...)
}

func values(v ...float64) []byte {
	var b []byte
	for _, v := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return text(Values, b...)
}

func times(pairs ...int64) []byte {
	var b []byte
	for _, v := range pairs {
		b = protowire.AppendVarint(b, protowire.EncodeZigZag(v))
	}
	return text(Times, b...)
}

func TestScannerReadsOverWhatItDoesNotKnow(t *testing.T) {
	var fixed []byte
	fixed = protowire.AppendFixed32(protowire.AppendTag(fixed, 100, protowire.Fixed32Type), 1)
	fixed = protowire.AppendFixed64(protowire.AppendTag(fixed, 101, protowire.Fixed64Type), 1)
	unknown := bytes.Join([][]byte{number(102, math.MaxUint64), fixed, text(103, bytes.Repeat([]byte{9}, 3*bufferSize)...)}, nil)
	answer := bytes.Join([][]byte{
		unknown, number(ResultType, Vector), unknown,
		message(Series, unknown, values(1), unknown, times(5, 1), unknown), unknown,
	}, nil)
	s := New(bytes.NewReader(answer))
	require.Equal(t, answered{resultType: Vector, series: []answeredSeries{{bits: []uint64{math.Float64bits(1)}, times: []int64{5}}}}, readAll(s))
	require.NoError(t, s.Err())
}

func TestALoopMayEndEarly(t *testing.T) {
	answer := bytes.Join([][]byte{
		message(Series, text(Labels, 'a'), values(1, 2), times(5, 2)), number(SeriesCount, 7),
	}, nil)
	s := New(bytes.NewReader(answer))
	var seen []protowire.Number
	for field := range s.Fields() {
		seen = append(seen, field)
		if field == Series {
			for range s.Fields() {
				break
			}
			continue
		}
		require.Equal(t, uint64(7), s.Number())
	}
	require.Equal(t, []protowire.Number{Series, SeriesCount}, seen)
	require.NoError(t, s.Err())
}

func TestLongValuesAndTexts(t *testing.T) {
	const n = 3*bufferSize/valueSize + 1
	all := make([]float64, n)
	for i := range all {
		all[i] = float64(i)
	}
	label := strings.Repeat("long ", bufferSize)
	answer := message(Series, text(Labels, []byte(label)...), values(all...), times(10, n-1, 11, 1))
	s := New(iotest.HalfReader(bytes.NewReader(answer)))
	got := readAll(s)
	require.NoError(t, s.Err())
	require.Equal(t, []string{label}, got.series[0].labels)
	require.Len(t, got.series[0].bits, n)
	require.Equal(t, math.Float64bits(n-1), got.series[0].bits[n-1])
	require.Equal(t, int64(10*(n-1)+11), got.series[0].times[n-1])
}

// TestTimesAreKnownAgain: whatever came between, the times are the series' own.
func TestTimesAreKnownAgain(t *testing.T) {
	var many []int64
	for i := range int64(maxKnown) {
		many = append(many, i+1, 1)
	}
	one, two := values(1), values(1, 2)
	hundred := values(make([]float64, maxKnown)...)
	answer := bytes.Join([][]byte{
		message(Series, two, times(5, 1, 10, 1)),
		message(Series, two, times(5, 1, 10, 1)),
		message(Series, two, times(5, 1, 20, 1)),
		message(Series, one, times(5, 1)),
		message(Series),
		message(Series, two, times(5, 1, 20, 1)),
		message(Series, hundred, times(many...)),
		message(Series, two, times(5, 1, 20, 1)),
		message(Series, hundred, times(many...)),
		message(Series, hundred, times(many...)),
	}, nil)
	s := New(bytes.NewReader(answer))
	got := readAll(s)
	require.NoError(t, s.Err())
	var read [][]int64
	for _, series := range got.series {
		read = append(read, series.times[:min(2, len(series.times))])
	}
	require.Equal(t, [][]int64{{5, 15}, {5, 15}, {5, 25}, {5}, nil, {5, 25}, {1, 3}, {5, 25}, {1, 3}, {1, 3}}, read)
}

func TestScannerRefusesWhatIsBroken(t *testing.T) {
	huge := protowire.AppendVarint(protowire.AppendTag(nil, Series, protowire.BytesType), math.MaxInt64/2)
	f := func(name, says string, parts ...[]byte) {
		t.Run(name, func(t *testing.T) {
			s := New(bytes.NewReader(bytes.Join(parts, nil)))
			readAll(s)
			require.ErrorContains(t, s.Err(), says)
		})
	}
	f("a field without a number", "without a number", []byte{0})
	f("half a tag", "the end of a number", []byte{0x80})
	f("a number without an end", "does not end", bytes.Repeat([]byte{0xff}, 20))
	f("a group", "unknown form", protowire.AppendTag(nil, 100, protowire.StartGroupType))
	f("the end of a group", "unknown form", protowire.AppendTag(nil, 100, protowire.EndGroupType))
	f("a text that is a number", "a text must be", number(Warnings, 1))
	f("a number that is a text", "a number must be", text(ResultType, 'a'))
	f("a series that is a number", "a message must be", number(Series, 1))
	f("values that are a number", "values must be", message(Series, number(Values, 1)))
	f("times that are a number", "times must be", message(Series, number(Times, 1)))
	f("a text that is cut", "ends where", text(Warnings, 'a', 'b')[:3])
	f("a text that is too long", "more than", text(Warnings, make([]byte, maxText+1)...))
	f("a field longer than what it lies in", "longer than", message(Series, protowire.AppendVarint(protowire.AppendTag(nil, Labels, protowire.BytesType), 5)))
	f("a field longer than all there is", "longer than", protowire.AppendVarint(protowire.AppendTag(nil, Series, protowire.BytesType), math.MaxUint64))
	f("a series without its end", "ends where", huge)
	f("a series with a part of it", "ends where", huge, text(Labels, 'a'), values(1))
	f("unknown fields without their end", "ends where", protowire.AppendVarint(protowire.AppendTag(nil, 100, protowire.BytesType), math.MaxInt32), []byte{1})
	f("a part of a value", "part of a value", message(Series, text(Values, 1, 2, 3)))
	f("times without values", "1 times where 1 to 0", message(Series, times(1, 1)))
	f("times before their values", "1 times where 1 to 0", message(Series, times(1, 1), values(1)))
	f("too many times", "2 times where 1 to 1", message(Series, values(1), times(1, 2)))
	f("a huge number of times", "9223372036854775807 times", message(Series, values(1), times(1, math.MaxInt64)))
	f("less than no times", "-1 times", message(Series, values(1, 2), times(1, 1, 1, -1)))
	f("no times", "0 times", message(Series, values(1), times(1, 0)))
	f("too few times", "2 values with 1 times", message(Series, values(1, 2), times(1, 1)))
	f("half a pair of times", "does not end", message(Series, values(1), times(1)))
	f("times that are cut", "does not end", message(Series, values(1), text(Times, 2, 0x80)))
}

func TestScannerTellsTheReadersError(t *testing.T) {
	broken := errors.New("the line is cut")
	file := serverFile(t, "matrix.columns")
	for i := range file {
		s := New(io.MultiReader(bytes.NewReader(file[:i]), iotest.ErrReader(broken)))
		readAll(s)
		require.ErrorIs(t, s.Err(), broken)
	}
}

// FuzzScanner gives the scanner what no server would send. What it takes must
// be whole, and it may hold no more than what came.
func FuzzScanner(f *testing.F) {
	for _, name := range []string{"matrix.columns", "vector.columns", "empty.columns"} {
		f.Add(serverFile(f, name))
	}
	f.Add(message(Series, values(1), times(1, math.MaxInt64)))
	f.Add(protowire.AppendVarint(protowire.AppendTag(nil, Series, protowire.BytesType), math.MaxInt64/2))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := New(bytes.NewReader(b))
		got := readAll(s)
		slow := New(iotest.OneByteReader(bytes.NewReader(b)))
		require.Equal(t, got, readAll(slow))
		require.Equal(t, s.Err() == nil, slow.Err() == nil)
		if s.Err() != nil {
			return
		}
		held := 0
		for _, series := range got.series {
			held += valueSize * len(series.bits)
		}
		require.LessOrEqual(t, held, len(b))
	})
}

func BenchmarkScanner(b *testing.B) {
	const samples = 1000
	all := make([]float64, samples)
	for i := range all {
		all[i] = float64(i) / 23.7
	}
	series := message(Series, text(Labels, []byte("__name__")...), text(Labels, []byte("up")...), values(all...), times(1_700_000_000_000, 1, 15_000, samples-1))
	answer := bytes.Repeat(series, 100)
	var values []float64
	var times []int64
	b.ReportAllocs()
	b.SetBytes(int64(len(answer)))
	for b.Loop() {
		s := New(bytes.NewReader(answer))
		for range s.Fields() {
			values = values[:0]
			for field := range s.Fields() {
				switch field {
				case Values:
					values = s.Values(values)
				case Times:
					times, _ = s.Times(times, len(values))
				}
			}
		}
		require.NoError(b, s.Err())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100/samples, "ns/sample")
}
