package columns

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// valueSize is how long a value is, in bytes.
const valueSize = 8

// Count returns how many values the field is.
func (s *Scanner) Count() int64 { return s.Len() / valueSize }

// Values reads the values that the field is, and appends them.
func (s *Scanner) Values(to []float64) []float64 {
	if !s.isBytes("values") {
		return to
	}
	if s.Len()%valueSize != 0 {
		s.Refuse(errors.New("has a part of a value"))
		return to
	}
	for s.Len() > 0 {
		b := s.take(int(min(s.Len(), bufferSize)), "the values of a series")
		have, more := len(to), len(b)/valueSize
		to = slices.Grow(to, more)[:have+more]
		for i := have; len(b) >= valueSize && i < len(to); i++ {
			to[i] = math.Float64frombits(binary.LittleEndian.Uint64(b))
			b = b[valueSize:]
		}
	}
	return to
}

// maxKnown is how long a field of times is at most, in bytes, if they are to be
// known again. Those of series with a sample at each step take a tenth of it.
const maxKnown = 128

// Times reads the times of n values that the field is, in Unix milliseconds,
// into the memory of before: what it returned for the series before, or nothing.
// Mostly they are the same: then before is returned as it is.
func (s *Scanner) Times(before []int64, n int) (times []int64, same bool) {
	if !s.isBytes("times") {
		return before[:0], false
	}
	if s.knows() && len(before) == n {
		s.discard(s.fieldEnd)
		return before, true
	}
	return s.newTimes(before[:0], n), false
}

func (s *Scanner) newTimes(times []int64, n int) []int64 {
	var last int64
	for s.Len() > 0 {
		delta := protowire.DecodeZigZag(s.varint(s.fieldEnd))
		count := protowire.DecodeZigZag(s.varint(s.fieldEnd))
		if s.err == nil && (count < 1 || count > int64(n-len(times))) {
			s.Refuse(fmt.Errorf("has %d times where 1 to %d must be", count, n-len(times)))
		}
		if s.err != nil {
			return times[:0]
		}
		for range count {
			last += delta
			times = append(times, last)
		}
	}
	if len(times) < n {
		s.Refuse(fmt.Errorf("has %d values with %d times", n, len(times)))
	}
	return times
}

// knows reports whether the field of times says what the one before it said.
// One that is not known now is the next time.
func (s *Scanner) knows() bool {
	length := s.Len()
	if length > maxKnown {
		s.known = s.known[:0]
		return false
	}
	b, _ := s.in.Peek(int(length)) // an error is there again when they are read
	if len(b) > 0 && bytes.Equal(b, s.known) {
		return true
	}
	s.known = append(s.known[:0], b...)
	return false
}
