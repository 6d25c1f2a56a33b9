package columns

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// MediaType is the Content-Type of an answer in columns.
const MediaType = "application/vnd.tidemark.columns+protobuf"

// The fields of an answer.
const (
	ResultType  = protowire.Number(1)
	SeriesCount = protowire.Number(2)
	Warnings    = protowire.Number(3)
	Infos       = protowire.Number(4)
	Series      = protowire.Number(5)
)

// The fields of a series, in the order in which they come.
const (
	Labels = protowire.Number(1)
	Values = protowire.Number(2)
	Times  = protowire.Number(3)
)

// The numbers of the result types.
const (
	Matrix = 1
	Vector = 2
)

// The bounds of what is accepted.
const (
	bufferSize = 64 << 10
	// maxText bounds one text, in bytes; Prometheus' longest are label values.
	maxText = 4 << 20
	// maxVarint is how long a number is at most, in bytes.
	maxVarint = 10
)

// Scanner reads one answer from front to back. The first thing that is not as
// it must be ends it: all methods answer with nothing from then on, and Err
// tells why.
//
//	for field := range s.Fields() {
//		switch field {
//		case columns.Warnings:
//			warning = string(s.Text())
//		case columns.Series:
//			for field := range s.Fields() { … }
//		}
//	}
type Scanner struct {
	in  *bufio.Reader
	pos int64 // bytes read
	err error

	// end is where the message ends whose fields are read.
	end int64
	// The field that is read: its form, where it ends, or the number it is.
	kind     protowire.Type
	fieldEnd int64
	number   uint64

	text  []byte // one that is longer than the buffer
	known []byte // the field of the times that were read last
}

// New returns a Scanner of the answer that r holds.
func New(r io.Reader) *Scanner {
	// The answer is a field without an end of its own: the stream's is it.
	return &Scanner{in: bufio.NewReaderSize(r, bufferSize), kind: protowire.BytesType, fieldEnd: math.MaxInt64}
}

// Err returns what was wrong, nil for nothing. An error of the reader is
// wrapped; an end too soon is io.ErrUnexpectedEOF.
func (s *Scanner) Err() error { return s.err }

// Fields goes through the fields of the message that was come to: of the whole
// answer at first, and then of what lies in it. What the loop does not read of
// a field is read over, and so is the rest of a message whose loop ends early.
func (s *Scanner) Fields() iter.Seq[protowire.Number] {
	return func(yield func(protowire.Number) bool) {
		if !s.isBytes("a message") {
			return
		}
		outer, inner := s.end, s.fieldEnd
		s.end = inner
		for s.more() {
			number := s.tag()
			if s.err != nil {
				return
			}
			if !yield(number) {
				s.discard(inner)
				break
			}
			s.discard(s.fieldEnd)
		}
		s.end, s.kind, s.fieldEnd = outer, protowire.BytesType, inner
	}
}

// Number returns the number that the field is.
func (s *Scanner) Number() uint64 {
	if s.err == nil && s.kind != protowire.VarintType {
		s.Refuse(errors.New("has something else where a number must be"))
	}
	if s.err != nil {
		return 0
	}
	return s.number
}

// Len returns how many bytes of the field are not read yet.
func (s *Scanner) Len() int64 {
	if s.err != nil {
		return 0
	}
	return s.fieldEnd - s.pos
}

// Text reads the text that the field is. The bytes are good until something
// else is read.
func (s *Scanner) Text() []byte {
	if !s.isBytes("a text") {
		return nil
	}
	length := s.Len()
	if length > maxText {
		s.Refuse(fmt.Errorf("has a text of more than %d bytes", maxText))
		return nil
	}
	if length <= bufferSize {
		return s.take(int(length), "the end of a text")
	}
	s.text = s.text[:0]
	for s.Len() > 0 {
		s.text = append(s.text, s.take(int(min(s.Len(), bufferSize)), "the end of a text")...)
	}
	return s.text
}

// more reports whether the message has another field.
func (s *Scanner) more() bool {
	switch {
	case s.err != nil || s.pos >= s.end:
		return false
	case s.end < math.MaxInt64:
		return true
	}
	_, err := s.in.Peek(1)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return err == nil
}

// tag reads what stands before a field, or the number that it is.
func (s *Scanner) tag() protowire.Number {
	number, kind := protowire.DecodeTag(s.varint(s.end))
	if s.err != nil {
		return 0
	}
	if !number.IsValid() {
		s.Refuse(errors.New("has a field without a number"))
		return 0
	}
	s.kind, s.fieldEnd = kind, s.pos
	length := uint64(0)
	switch kind {
	case protowire.VarintType:
		s.number = s.varint(s.end)
		s.fieldEnd = s.pos
	case protowire.Fixed32Type:
		length = 4
	case protowire.Fixed64Type:
		length = 8
	case protowire.BytesType:
		length = s.varint(s.end)
		s.fieldEnd = s.pos
	default:
		s.Refuse(fmt.Errorf("has a field of the unknown form %d", kind))
	}
	if length > uint64(s.end-s.pos) {
		s.Refuse(errors.New("has a field that is longer than what it lies in"))
	}
	if s.err != nil {
		return 0
	}
	s.fieldEnd += int64(length)
	return number
}

// varint reads a number that lies before to.
func (s *Scanner) varint(to int64) uint64 {
	if s.err != nil {
		return 0
	}
	b, err := s.in.Peek(int(min(maxVarint, to-s.pos)))
	v, n := protowire.ConsumeVarint(b)
	switch {
	case n > 0:
		s.skip(n)
		return v
	case len(b) == maxVarint || err == nil:
		s.Refuse(errors.New("has a number that does not end where it must"))
	default:
		s.broken(err, "the end of a number")
	}
	return 0
}

// take reads n bytes, which a buffer holds.
func (s *Scanner) take(n int, what string) []byte {
	if s.err != nil {
		return nil
	}
	b, err := s.in.Peek(n)
	if err != nil {
		s.broken(err, what)
		return nil
	}
	s.skip(n)
	return b
}

// skip reads over n bytes that lie in the buffer.
func (s *Scanner) skip(n int) {
	_, _ = s.in.Discard(n) // they are there
	s.pos += int64(n)
}

// discard reads over what lies before to.
func (s *Scanner) discard(to int64) {
	for s.err == nil && s.pos < to {
		n, err := s.in.Discard(int(min(to-s.pos, 1<<30)))
		s.pos += int64(n)
		if err != nil && s.pos < to {
			s.broken(err, "the rest of a field")
		}
	}
}

// isBytes reports whether the field has a length, as what must have.
func (s *Scanner) isBytes(what string) bool {
	if s.err == nil && s.kind != protowire.BytesType {
		s.Refuse(fmt.Errorf("has a number where %s must be", what))
	}
	return s.err == nil
}

// broken ends the scan because the reader did, where want must be.
func (s *Scanner) broken(err error, want string) {
	if errors.Is(err, io.EOF) {
		s.err = fmt.Errorf("the answer ends where %s must be: %w", want, io.ErrUnexpectedEOF)
		return
	}
	s.err = err
}

// Refuse ends the scan because of err, which says what the answer is or has. What
// was wrong before stays what is told.
func (s *Scanner) Refuse(err error) {
	if s.err == nil {
		s.err = fmt.Errorf("the answer %w", err)
	}
}
