package table

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Clean returns s with what a terminal would obey or hide made visible as
// U+FFFD: control characters, and those that turn the direction of writing.
// Line breaks and tabs become blanks.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case isHostile(r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// CleanText does what Clean does with each line of a text.
func CleanText(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

func isHostile(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// cells returns how many cells of a terminal r takes.
func cells(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

func textWidth(s string) int {
	n := 0
	for _, r := range s {
		n += cells(r)
	}
	return n
}

// cut returns s in at most limit cells; an ellipsis stands for what it left out.
func cut(s string, limit int) string {
	if textWidth(s) <= limit {
		return s
	}
	if limit <= 0 {
		return ""
	}
	n := 0
	for i, r := range s {
		if n+cells(r) > limit-1 {
			return s[:i] + "…"
		}
		n += cells(r)
	}
	return s
}
