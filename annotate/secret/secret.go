// Package secret holds secrets that configurations name, and shows none.
package secret

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
)

// maxToken is how long a token may be, in bytes.
const maxToken = 64 << 10

// Secret is a token, or what else nobody may see: a value, or a file that holds one and is read anew each time, so
// that whoever rotates it need not tell. However it is printed, it is not shown: what
// it holds is behind a pointer, where package fmt does not follow.
type Secret struct{ from *source }

type source struct{ value, file string }

// Value is a secret that is known.
func Value(value string) Secret { return Secret{&source{value: value}} }

// File is a secret that a file holds, with white space around it left out.
func File(path string) Secret { return Secret{&source{file: path}} }

// IsZero reports whether there is none.
func (s Secret) IsZero() bool { return s.from == nil }

// String shows that there is one.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return "***"
}

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText is String, for JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Read returns the secret as it is now; "" where there is none. Its error never
// holds it.
func (s Secret) Read() (string, error) {
	if s.IsZero() {
		return "", nil
	}
	text, what, err := s.text()
	if err != nil {
		return "", err
	}
	return check(text, what)
}

// maxLines is how many secrets a file may hold.
const maxLines = 10

// ReadLines returns the secrets as they are now, of a file one in each line: the new one
// and the one before it, while it is changed. Its error never holds one.
func (s Secret) ReadLines() ([]string, error) {
	if s.IsZero() {
		return nil, nil
	}
	text, what, err := s.text()
	if err != nil {
		return nil, err
	}
	var all []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if _, err := check(line, what); err != nil {
			return nil, err
		}
		if all = append(all, line); len(all) > maxLines {
			return nil, fmt.Errorf("%s has more than %d lines", what, maxLines)
		}
	}
	if len(all) == 0 {
		return nil, errors.New(what + " is empty")
	}
	return all, nil
}

// text is what s holds, without white space around it, and what to call it.
func (s Secret) text() (text, what string, err error) {
	if s.from.file == "" {
		return s.from.value, "the token", nil
	}
	file, err := os.Open(s.from.file)
	if err != nil {
		return "", "", fmt.Errorf("reading a token: %w", err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxToken+1))
	if err != nil {
		return "", "", fmt.Errorf("reading a token: %w", err)
	}
	return strings.TrimSpace(string(raw)), "the token file " + s.from.file, nil
}

func check(value, what string) (string, error) {
	switch {
	case value == "":
		return "", errors.New(what + " is empty")
	case len(value) > maxToken:
		return "", fmt.Errorf("%s is longer than %d bytes", what, maxToken)
	case strings.IndexFunc(value, unicode.IsControl) >= 0:
		return "", errors.New(what + " must hold one token and nothing else")
	}
	return value, nil
}
