package table

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// JSON writes v as JSON on one line. Characters that a terminal would obey or
// hide are escaped, for a terminal may be where the line goes.
func JSON(w io.Writer, v any) error { return encode(w, v, "") }

// Indented writes v as JSON on several lines, for a person to read.
func Indented(w io.Writer, v any) error { return encode(w, v, "  ") }

func encode(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	out := make([]byte, 0, b.Len())
	for rest := bytes.TrimSuffix(b.Bytes(), []byte("\n")); len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if isHostile(r) && r != '\n' { // of which indenting makes some between the strings
			out = fmt.Appendf(out, `\u%04x`, r) // in JSON they only occur in strings
		} else {
			out = append(out, rest[:size]...)
		}
		rest = rest[size:]
	}
	_, err := w.Write(append(out, '\n'))
	return err
}
