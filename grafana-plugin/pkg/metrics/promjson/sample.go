package promjson

import (
	"bytes"
	"math"
	"strconv"
)

// maxSample is more than what Prometheus writes for one sample,
// [1435781451.781,"-1.2345678901234567e-308"], in bytes.
const maxSample = 64

// maxNumber bounds a number; some are written without an exponent.
const maxNumber = 400

// Samples reads an array of [seconds, "value"] and appends the times, in
// milliseconds, and the values. It takes most of them; ok is false if there
// were more, which are read over.
func (s *Scanner) Samples(times []int64, values []float64, most int) (_ []int64, _ []float64, ok bool) {
	whole := true
	for more := s.open('[') && s.next(']'); more; more = s.next(']') {
		if most <= 0 {
			whole = false
			s.Skip()
			continue
		}
		before := len(times)
		if times, values = s.run(times, values, most); len(times) == before {
			t, v := s.Sample()
			if s.err != nil {
				break
			}
			times, values = append(times, t), append(values, v)
		}
		most -= len(times) - before
	}
	return times, values, whole
}

// run reads the samples that lie in the buffer in the form in which Prometheus
// writes them, up to the comma or bracket behind the last of them.
func (s *Scanner) run(times []int64, values []float64, most int) ([]int64, []float64) {
	b := s.window(maxSample)
	i := 0
	for range most {
		if len(b)-i < maxSample {
			break
		}
		from := i
		if from > 0 {
			if b[i] != ',' {
				break
			}
			from++
		}
		t, v, n := sample(b[from:])
		if n == 0 {
			break
		}
		times, values = append(times, t), append(values, v)
		i = from + n
	}
	s.pos += i
	return times, values
}

// Sample reads [seconds, "value"], and returns the time in milliseconds.
func (s *Scanner) Sample() (ms int64, value float64) {
	if s.err != nil {
		return 0, 0
	}
	if t, v, n := sample(s.window(maxSample)); n > 0 {
		s.pos += n
		return t, v
	}
	for i := range s.Elements() {
		switch i {
		case 0:
			ms = s.Millis()
		case 1:
			value = s.Float()
		default:
			s.fail("] behind a time and a value")
		}
	}
	return ms, value
}

// sample reads a sample at the front of b in the form in which Prometheus
// writes them all. n is how long it is; 0 if it is of another form.
func sample(b []byte) (ms int64, value float64, n int) {
	if len(b) == 0 || b[0] != '[' {
		return 0, 0, 0
	}
	ms, i := seconds(b, 1)
	if i < 0 || i+2 >= len(b) || b[i] != ',' || b[i+1] != '"' {
		return 0, 0, 0
	}
	value, i = decimal(b, i+2)
	if i < 0 || i+1 >= len(b) || b[i] != '"' || b[i+1] != ']' {
		return 0, 0, 0
	}
	return ms, value, i + 2
}

// seconds reads a time at b[i:] with at most three decimals, and returns it in
// milliseconds with the place behind it; -1 for any other form.
func seconds(b []byte, i int) (ms int64, _ int) {
	whole, end := digits(0, b, i)
	if end == i || end > i+12 {
		return 0, -1
	}
	ms = int64(whole) * 1000
	if end == len(b) || b[end] != '.' {
		return ms, end
	}
	begin := end + 1
	scale := int64(100)
	for end = begin; end < len(b) && b[end]-'0' <= 9; end++ {
		ms += int64(b[end]-'0') * scale
		scale /= 10
	}
	if end == begin || end > begin+3 {
		return 0, -1
	}
	return ms, end
}

// digits reads the decimal digits at b[i:], appends them to those of number,
// and returns the place behind them. More than 19 digits in all overflow.
func digits(number uint64, b []byte, i int) (uint64, int) {
	for i < len(b) && b[i]-'0' <= 9 {
		number = number*10 + uint64(b[i]-'0')
		i++
	}
	return number, i
}

// maxDigits is how many digits always fit a uint64.
const maxDigits = 19

// decimal reads a number at b[i:] up to the quote that must follow, and returns
// it with the place of the quote; -1 if it is none. Digits with a point are
// read in place; what has an exponent or is no number is left to strconv.
func decimal(b []byte, i int) (float64, int) {
	begin := i
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	number, end := digits(0, b, i)
	length, decimals := end-i, 0
	if end < len(b) && b[end] == '.' {
		point := end + 1
		number, end = digits(number, b, point)
		decimals = end - point
		length += decimals
	}
	if end < len(b) && b[end] == '"' && length > 0 && length <= maxDigits {
		value := shifted(number, decimals)
		if negative {
			value = -value
		}
		return value, end
	}
	n := bytes.IndexByte(b[begin:], '"')
	if n <= 0 {
		return 0, -1
	}
	value, ok := ParseFloat(b[begin : begin+n])
	if !ok {
		return 0, -1
	}
	return value, begin + n
}

// ParseFloat reads a number as Prometheus writes it. What is too large for a
// float64 is infinite.
func ParseFloat(b []byte) (float64, bool) {
	value, err := strconv.ParseFloat(string(b), 64)
	if err == nil {
		return value, true
	}
	return value, math.IsInf(value, 0)
}

// Float reads a text that is a number, NaN, +Inf or -Inf.
func (s *Scanner) Float() float64 {
	text := s.Text()
	if s.err != nil {
		return 0
	}
	value, ok := ParseFloat(text)
	if !ok {
		s.fail("a number")
	}
	return value
}

// Millis reads a number of seconds, and returns milliseconds.
func (s *Scanner) Millis() int64 {
	ms := math.Round(s.Number() * 1000)
	if s.err == nil && !(math.Abs(ms) < 1<<62) {
		s.fail("a time")
	}
	if s.err != nil {
		return 0
	}
	return int64(ms)
}

// Number reads a number that is no text.
func (s *Scanner) Number() float64 {
	if s.err != nil {
		return 0
	}
	c := s.peek()
	if c != '-' && c-'0' > 9 {
		s.fail("a number")
		return 0
	}
	b := s.window(maxNumber)
	n := bytes.IndexFunc(b, func(r rune) bool {
		return r != '-' && r != '+' && r != '.' && r != 'e' && r != 'E' && (r < '0' || r > '9')
	})
	if n < 0 {
		n = len(b)
	}
	value, ok := ParseFloat(b[:n])
	if !ok {
		s.fail("a number")
		return 0
	}
	s.pos += n
	return value
}
