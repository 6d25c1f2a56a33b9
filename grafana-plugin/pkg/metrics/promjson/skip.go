package promjson

import "bytes"

// Skip reads over one value of any kind. Of what lies in it only texts and
// brackets are looked at.
func (s *Scanner) Skip() {
	if s.err != nil {
		return
	}
	switch s.peek() {
	case '{', '[':
		s.skipNested()
	case '"':
		s.pos++
		s.skipText()
	case 0:
		s.fail("a value")
	default:
		s.skipWord()
	}
}

// skipWord reads over a number, true, false or null.
func (s *Scanner) skipWord() {
	for read := 0; ; read++ {
		if s.pos == s.end && !s.fill() {
			return // the end of all
		}
		switch s.buf[s.pos] {
		case ',', ']', '}', ' ', '\n', '\t', '\r':
			if read == 0 {
				s.fail("a value")
			}
			return
		}
		s.pos++
	}
}

// skipText reads over a text whose opening quote is behind.
func (s *Scanner) skipText() {
	for {
		rest := s.buf[s.pos:s.end]
		n := bytes.IndexByte(rest, '"')
		if n < 0 {
			n = len(rest)
		}
		if escape := bytes.IndexByte(rest[:n], '\\'); escape >= 0 {
			s.pos += escape
			if len(s.window(2)) < 2 {
				s.pos = s.end
				s.fail("the end of a text")
				return
			}
			s.pos += 2
			continue
		}
		if n < len(rest) {
			s.pos += n + 1
			return
		}
		s.pos = s.end
		if !s.fill() {
			s.fail("the end of a text")
			return
		}
	}
}

// skipNested reads over an array or object. It must be well nested, and its
// texts must end; the order of commas and colons in it is nobody's concern.
func (s *Scanner) skipNested() {
	var closing [maxDepth]byte
	depth := 0
	for {
		if s.pos == s.end && !s.fill() {
			s.fail("the end of what was opened")
			return
		}
		switch c := s.buf[s.pos]; c {
		case '{', '[':
			if depth == maxDepth-s.depth {
				s.fail("something that is not nested as deep")
				return
			}
			closing[depth] = c + 2 // in ASCII, ] and } are two behind [ and {
			depth++
			s.pos++
		case '}', ']':
			if depth--; closing[depth] != c {
				s.fail(string(rune(closing[depth])))
				return
			}
			s.pos++
			if depth == 0 {
				s.fresh = false
				return
			}
		case '"':
			s.pos++
			if s.skipText(); s.err != nil {
				return
			}
		default:
			s.pos++
		}
	}
}
