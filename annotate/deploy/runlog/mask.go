package runlog

import (
	"bytes"
	"slices"
	"strings"
)

// masked stands in the place of a secret.
const masked = "***"

// shortest is how short a line of a secret of several lines may be to be masked by
// itself: what is shorter is no secret but a word.
const shortest = 8

// masker replaces secrets in text that comes in pieces. It keeps back what may be the
// beginning of one, and nothing else.
type masker struct {
	secrets [][]byte  // longest first
	begins  [256]bool // the bytes that some secret begins with
	held    []byte
}

// add has secrets masked from now on, whole, and their lines by themselves.
func (m *masker) add(secrets ...string) {
	for _, secret := range secrets {
		secret = strings.TrimSpace(secret)
		parts := []string{secret}
		for line := range strings.Lines(secret) {
			if line = strings.TrimSpace(line); len(line) >= shortest {
				parts = append(parts, line)
			}
		}
		for _, part := range parts {
			known := slices.ContainsFunc(m.secrets, func(s []byte) bool { return string(s) == part })
			if part != "" && !known {
				m.secrets = append(m.secrets, []byte(part))
				m.begins[part[0]] = true
			}
		}
	}
	slices.SortStableFunc(m.secrets, func(a, b []byte) int { return len(b) - len(a) })
}

// mask appends to dst what of p can be shown by now.
func (m *masker) mask(dst, p []byte) []byte { return m.show(dst, p, false) }

// rest appends what was kept back.
func (m *masker) rest(dst []byte) []byte { return m.show(dst, nil, true) }

func (m *masker) show(dst, p []byte, last bool) []byte {
	text := append(m.held, p...)
	m.held = nil
	for i := 0; i < len(text); {
		if !m.begins[text[i]] {
			dst = append(dst, text[i])
			i++
			continue
		}
		if !last && m.mayBegin(text[i:]) {
			m.held = bytes.Clone(text[i:])
			break
		}
		if n := m.length(text[i:]); n > 0 {
			dst = append(dst, masked...)
			i += n
			continue
		}
		dst = append(dst, text[i])
		i++
	}
	return dst
}

// mayBegin reports whether text, to its end, is the beginning of a secret.
func (m *masker) mayBegin(text []byte) bool {
	for _, s := range m.secrets {
		if len(text) < len(s) && bytes.HasPrefix(s, text) {
			return true
		}
	}
	return false
}

// length is how long the secret is that text begins with; 0 for none.
func (m *masker) length(text []byte) int {
	for _, s := range m.secrets {
		if bytes.HasPrefix(text, s) {
			return len(s)
		}
	}
	return 0
}
