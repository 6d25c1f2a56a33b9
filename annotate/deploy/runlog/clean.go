package runlog

import "unicode/utf8"

// cleaner makes plain text of what programs print: UTF-8 without control characters
// and escape sequences (ECMA-48), with lines that end in LF. It goes on where the
// last piece ended.
type cleaner struct {
	partial []byte // the beginning of a character
	state   escape
	cr      bool // the last was a carriage return, for which a line feed was written
}

// escape is where in an escape sequence the text is.
type escape int

const (
	plain   escape = iota
	escaped        // behind ESC
	control        // in a control sequence, ESC [ …, which a letter ends
	command        // in a command string, ESC ] …, which BEL or ESC \ ends
)

// clean appends p to dst as plain text.
func (c *cleaner) clean(dst, p []byte) []byte {
	if len(c.partial) > 0 {
		p = append(c.partial, p...)
		c.partial = nil
	}
	for len(p) > 0 {
		if !utf8.FullRune(p) {
			c.partial = append([]byte(nil), p...)
			break
		}
		r, size := utf8.DecodeRune(p)
		p = p[size:]
		dst = c.one(dst, r)
	}
	return dst
}

// one appends one character.
func (c *cleaner) one(dst []byte, r rune) []byte {
	afterCR := c.cr
	c.cr = false
	switch {
	case r == '\n' || r == '\r':
		c.state = plain // a sequence that nothing ended must not swallow the rest
		c.cr = r == '\r'
		if r == '\n' && afterCR {
			return dst
		}
		return append(dst, '\n')
	case r == '\x1b':
		c.state = escaped
	case c.state == escaped:
		switch r {
		case '[':
			c.state = control
		case ']', 'P', 'X', '^', '_':
			c.state = command
		default:
			c.state = plain
		}
	case c.state == control:
		if r >= '@' && r <= '~' {
			c.state = plain
		}
	case c.state == command:
		if r == '\a' {
			c.state = plain
		}
	case r == '\t' || r >= ' ' && r != '\x7f' && (r < '\u0080' || r > '\u009f'):
		return utf8.AppendRune(dst, r)
	}
	return dst
}

// rest appends what was left of a character that never came.
func (c *cleaner) rest(dst []byte) []byte {
	if len(c.partial) > 0 {
		dst = utf8.AppendRune(dst, utf8.RuneError)
		c.partial = nil
	}
	return dst
}
