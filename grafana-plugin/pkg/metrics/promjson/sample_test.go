package promjson

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestSample(t *testing.T) {
	f := func(text string, ms int64, value float64) {
		t.Helper()
		for _, s := range []*Scanner{New(strings.NewReader(text)), New(iotest.OneByteReader(strings.NewReader(text)))} {
			gotMS, gotValue := s.Sample()
			require.True(t, s.End(), "%s: %v", text, s.Err())
			require.Equal(t, ms, gotMS, text)
			if math.IsNaN(value) {
				require.True(t, math.IsNaN(gotValue), text)
				continue
			}
			require.Equal(t, value, gotValue, text)
		}
	}
	f(`[1435781451.781,"1.234"]`, 1435781451781, 1.234)
	f(`[1435781451,"0"]`, 1435781451000, 0)
	f(`[1435781451.5,"-0.1"]`, 1435781451500, -0.1)
	f(`[1435781451.78,"+Inf"]`, 1435781451780, math.Inf(1))
	f(`[0,"-Inf"]`, 0, math.Inf(-1))
	f(`[0,"NaN"]`, 0, math.NaN())
	f(`[0.001,"1e-7"]`, 1, 1e-7)
	f(`[1,"9007199254740993"]`, 1000, 9007199254740992)
	f(`[1,"0.30000000000000004"]`, 1000, 0.30000000000000004)
	f(`[1,"12345678901234567890123"]`, 1000, 12345678901234567890123)
	f(`[1,"1.7976931348623157e+308"]`, 1000, math.MaxFloat64)
	f(`[1,"5e-324"]`, 1000, 5e-324)
	f(`[1,"1e999"]`, 1000, math.Inf(1))
	f(`[-1.5,"1"]`, -1500, 1)
	f(` [ 1.25 , "1" ] `, 1250, 1)
	f(`[1.2345,"1"]`, 1235, 1)
	f(`[1e3,"1"]`, 1000000, 1)
	f(`[1,"`+strings.Repeat("1", 100)+`"]`, 1000, 1.111111111111111e99)
}

func TestSampleRefuses(t *testing.T) {
	f := func(text string) {
		t.Helper()
		s := New(strings.NewReader(text))
		s.Sample()
		require.Error(t, s.Err(), text)
	}
	f(`[1,"1"`)
	f(`[1,"x"]`)
	f(`[1,""]`)
	f(`[1,"."]`)
	f(`[1,1]`)
	f(`["1","1"]`)
	f(`[1,"1",2]`)
	f(`{"a":1}`)
	f(`[1e300,"1"]`)
}

func TestSamplesTakesNoMoreThanAllowed(t *testing.T) {
	text := `{"values":[[1,"1"],[2,"2"],[3,"3"]],"behind":"it"}`
	f := func(most int, taken int, whole bool) {
		t.Helper()
		s := New(strings.NewReader(text))
		for key := range s.Fields() {
			if string(key) == "behind" {
				require.Equal(t, "it", string(s.Text()))
				continue
			}
			times, values, ok := s.Samples(nil, nil, most)
			require.Len(t, times, taken)
			require.Len(t, values, taken)
			require.Equal(t, whole, ok)
		}
		require.True(t, s.End(), "%v", s.Err())
	}
	f(4, 3, true)
	f(3, 3, true)
	f(2, 2, false)
	f(0, 0, false)
}

// FuzzSample holds what is read in place against strconv.
func FuzzSample(f *testing.F) {
	for _, v := range []float64{0, 1, -1.5, 0.1, 1e21, 1e-7, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), 9007199254740993} {
		f.Add(int64(1435781451781), v)
	}
	f.Fuzz(func(t *testing.T, ms int64, v float64) {
		ms = max(min(ms, 1<<52), -1<<52)
		for _, format := range []byte{'f', 'e', 'g'} {
			text := fmt.Sprintf(`[%s,"%s"]`, strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64), strconv.FormatFloat(v, format, -1, 64))
			s := New(strings.NewReader(text))
			gotMS, got := s.Sample()
			require.NoError(t, s.Err(), text)
			require.Equal(t, ms, gotMS, text)
			require.Equal(t, math.Float64bits(v), math.Float64bits(got), text)
		}
	})
}

// FuzzDecimal holds the short way to a number against the long one.
func FuzzDecimal(f *testing.F) {
	for _, seed := range []string{"1", "-0", ".5", "5.", "1e5", "-", "", "1.2.3", "00012", "0x10", "1_0", "99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "\"\\") {
			return
		}
		got, end := decimal([]byte(text+`"`), 0)
		want, ok := ParseFloat([]byte(text))
		require.Equal(t, ok && text != "", end >= 0, text)
		if end >= 0 && !math.IsNaN(want) {
			require.Equal(t, math.Float64bits(want), math.Float64bits(got), text)
			require.Equal(t, len(text), end, text)
		}
	})
}

// FuzzShifted holds our division against strconv, which reads the same number
// digit by digit.
func FuzzShifted(f *testing.F) {
	for _, digits := range []uint64{0, 1, 1<<53 - 1, 1 << 53, 1<<53 + 1, 9007199254740993, 30000000000000004, 1e19 - 1, 4503599627370497} {
		f.Add(digits, 0)
		f.Add(digits, 17)
		f.Add(digits, maxDigits)
	}
	f.Fuzz(func(t *testing.T, digits uint64, decimals int) {
		digits %= 1e19
		decimals = int(uint(decimals) % (maxDigits + 1))
		want, err := strconv.ParseFloat(fmt.Sprintf("%de-%d", digits, decimals), 64)
		require.NoError(t, err)
		require.Equal(t, math.Float64bits(want), math.Float64bits(shifted(digits, decimals)), "%de-%d", digits, decimals)
	})
}

// matrix is the text of the samples of a series.
func matrix(samples int, value func(i int) float64) []byte {
	var b bytes.Buffer
	b.WriteByte('[')
	for i := range samples {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `[%d.781,"%s"]`, 1435781451+15*i, strconv.FormatFloat(value(i), 'f', -1, 64))
	}
	b.WriteByte(']')
	return b.Bytes()
}

func BenchmarkSamples(b *testing.B) {
	for name, value := range map[string]func(int) float64{
		"counts": func(i int) float64 { return float64(i * 17) },
		"rates":  func(i int) float64 { return float64(i*17) / 23.7 },
	} {
		b.Run(name, func(b *testing.B) {
			const samples = 10_000
			text := matrix(samples, value)
			s := New(nil)
			var times []int64
			var values []float64
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				s.Reset(bytes.NewReader(text))
				times, values, _ = s.Samples(times[:0], values[:0], samples)
			}
			require.NoError(b, s.Err())
			require.Len(b, values, samples)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/samples, "ns/sample")
		})
	}
}

func BenchmarkSkip(b *testing.B) {
	text := matrix(10_000, func(i int) float64 { return float64(i) / 7 })
	s := New(nil)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s.Reset(bytes.NewReader(text))
		s.Skip()
	}
	require.NoError(b, s.Err())
}
