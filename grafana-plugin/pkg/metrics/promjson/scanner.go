package promjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode/utf16"
	"unicode/utf8"
)

// The bounds of what is accepted.
const (
	bufferSize = 64 << 10
	// maxText bounds one text, in bytes; Prometheus' longest are label values.
	maxText = 4 << 20
	// maxDepth bounds how deep arrays and objects may lie in each other.
	maxDepth = 100
)

// Scanner reads one JSON value from front to back. Whoever uses it says what
// should come next; the first thing that is otherwise ends it: all methods
// answer with nothing from then on, and Err tells why.
//
//	for key := range s.Fields() {
//		switch string(key) {
//		case "status":
//			status = string(s.Text())
//		default:
//			s.Skip()
//		}
//	}
type Scanner struct {
	r        io.Reader
	buf      []byte
	pos, end int // what of buf is not read yet
	ended    error
	err      error
	// fresh says that an array or object was just opened, so that no comma is
	// due.
	fresh bool
	depth int
	text  []byte // a text that does not lie in buf as it is meant
}

// New returns a Scanner of what r holds.
func New(r io.Reader) *Scanner {
	return &Scanner{r: r, buf: make([]byte, bufferSize)}
}

// Reset makes s read from r, keeping its buffer.
func (s *Scanner) Reset(r io.Reader) {
	*s = Scanner{r: r, buf: s.buf, text: s.text[:0]}
}

// Err returns what was wrong, nil for nothing. An error of the reader is
// wrapped; an end too soon is io.ErrUnexpectedEOF.
func (s *Scanner) Err() error { return s.err }

// Fields opens an object and goes through its keys. The loop must read the
// value of each, or Skip it, and not end before. A key's bytes are good until
// something else is read.
func (s *Scanner) Fields() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for more := s.open('{') && s.next('}'); more; more = s.next('}') {
			key := s.key()
			if s.err != nil || !yield(key) {
				return
			}
		}
	}
}

// key reads a key and the colon behind it.
func (s *Scanner) key() []byte {
	key := s.Text()
	if s.pos < s.end && s.buf[s.pos] == ':' {
		s.pos++
		return key
	}
	// Looking further may move the buffer that key lies in.
	s.text = append(s.text[:0], key...)
	if s.err == nil && s.peek() != ':' {
		s.fail("a colon behind a key")
		return nil
	}
	s.pos++
	return s.text
}

// Elements opens an array and goes through its elements. The loop must read
// each, or Skip it, and not end before.
func (s *Scanner) Elements() iter.Seq[int] {
	return func(yield func(int) bool) {
		i := 0
		for more := s.open('[') && s.next(']'); more; more = s.next(']') {
			if !yield(i) {
				return
			}
			i++
		}
	}
}

// Next returns the first byte of what comes next, and 0 at the end.
func (s *Scanner) Next() byte {
	if s.err != nil {
		return 0
	}
	return s.peek()
}

// End says whether nothing but blanks follows.
func (s *Scanner) End() bool {
	if s.err == nil && s.peek() != 0 {
		s.fail("the end")
	}
	return s.err == nil
}

func (s *Scanner) open(bracket byte) bool {
	if s.err != nil {
		return false
	}
	if s.peek() != bracket {
		s.fail(string(rune(bracket)))
		return false
	}
	if s.depth++; s.depth > maxDepth {
		s.refuse(fmt.Errorf("is nested more than %d deep", maxDepth))
		return false
	}
	s.pos++
	s.fresh = true
	return true
}

// next goes on to the next element, or closes what was opened.
func (s *Scanner) next(bracket byte) bool {
	if s.err != nil {
		return false
	}
	c := s.peek()
	switch {
	case c == bracket:
		s.pos++
		s.depth--
		s.fresh = false
		return false
	case s.fresh:
		s.fresh = false
		return true
	case c == ',':
		s.pos++
		if s.peek() == bracket {
			s.fail("a value behind a comma")
			return false
		}
		return true
	}
	s.fail("a comma or " + string(rune(bracket)))
	return false
}

// peek returns the next byte that is no blank, and 0 at the end.
func (s *Scanner) peek() byte {
	for {
		for s.pos < s.end {
			c := s.buf[s.pos]
			if c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
				return c
			}
			s.pos++
		}
		if !s.fill() {
			return 0
		}
	}
}

// fill reads on, keeping what is not read yet. It says whether there is more.
func (s *Scanner) fill() bool {
	if s.ended != nil {
		return false
	}
	if s.pos > 0 {
		s.end = copy(s.buf, s.buf[s.pos:s.end])
		s.pos = 0
	}
	if s.end == len(s.buf) {
		return false
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		s.ended = err
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	s.ended = io.ErrNoProgress
	return false
}

// window returns what is not read yet: n bytes if there are as many.
func (s *Scanner) window(n int) []byte {
	for s.end-s.pos < n && s.fill() {
	}
	return s.buf[s.pos:s.end]
}

// Text reads a text. The bytes are good until the next call.
func (s *Scanner) Text() []byte {
	if s.err != nil {
		return nil
	}
	if s.peek() != '"' {
		s.fail("a text")
		return nil
	}
	s.pos++
	// Nearly all texts lie in the buffer, and mean what they are.
	rest := s.buf[s.pos:s.end]
	if n := bytes.IndexByte(rest, '"'); n >= 0 && bytes.IndexByte(rest[:n], '\\') < 0 {
		s.pos += n + 1
		return rest[:n]
	}
	return s.longText()
}

// longText reads on in a text that has escapes or crosses the buffer's end.
func (s *Scanner) longText() []byte {
	s.text = s.text[:0]
	for {
		rest := s.buf[s.pos:s.end]
		n := bytes.IndexAny(rest, `"\`)
		if n < 0 {
			n = len(rest)
		}
		s.text = append(s.text, rest[:n]...)
		s.pos += n
		switch {
		case len(s.text) > maxText:
			s.refuse(fmt.Errorf("has a text of more than %d bytes", maxText))
			return nil
		case s.pos == s.end:
			if !s.fill() {
				s.fail("the end of a text")
				return nil
			}
		case s.buf[s.pos] == '"':
			s.pos++
			return s.text
		default:
			s.escape()
			if s.err != nil {
				return nil
			}
		}
	}
}

// escape reads what begins with a backslash.
func (s *Scanner) escape() {
	b := s.window(12) // two \uXXXX
	if len(b) < 2 {
		s.fail("the rest of an escape")
		return
	}
	if b[1] == 'u' {
		s.unicode(b)
		return
	}
	i := bytes.IndexByte([]byte(`"\/bfnrt`), b[1])
	if i < 0 {
		s.fail("an escape that JSON has")
		return
	}
	s.text = append(s.text, "\"\\/\b\f\n\r\t"[i])
	s.pos += 2
}

// unicode reads \uXXXX, or two of them that are one character.
func (s *Scanner) unicode(b []byte) {
	r, ok := hex4(b)
	if !ok {
		s.fail("four hexadecimal digits")
		return
	}
	used := 6
	if utf16.IsSurrogate(r) {
		second, ok := hex4(b[used:])
		if r = utf16.DecodeRune(r, second); ok && r != utf8.RuneError {
			used += 6
		} else {
			r = utf8.RuneError
		}
	}
	s.text = utf8.AppendRune(s.text, r)
	s.pos += used
}

// hex4 reads the character at the front of b.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// fail ends the scan because want did not come.
func (s *Scanner) fail(want string) {
	if s.err != nil {
		return
	}
	switch {
	case s.pos < s.end:
		s.err = fmt.Errorf("the answer has %q where %s must be", s.buf[s.pos], want)
	case s.ended == nil || errors.Is(s.ended, io.EOF):
		s.err = fmt.Errorf("the answer ends where %s must be: %w", want, io.ErrUnexpectedEOF)
	default:
		s.err = s.ended
	}
}

func (s *Scanner) refuse(err error) {
	if s.err == nil {
		s.err = fmt.Errorf("the answer %w", err)
	}
}
