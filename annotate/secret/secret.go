package driver

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

// Secret is a token: a value, or a file that holds one and is read anew each time, so
// that whoever rotates it need not tell. However it is printed, it is not shown: what
// it holds is behind a pointer, where package fmt does not follow.
type Secret struct{ from *source }

type source struct{ value, file string }

// SecretValue is a secret that is known.
func SecretValue(value string) Secret { return Secret{&source{value: value}} }

// SecretFile is a secret that a file holds, with white space around it left out.
func SecretFile(path string) Secret { return Secret{&source{file: path}} }

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
	switch {
	case s.IsZero():
		return "", nil
	case s.from.file == "":
		return checkSecret(s.from.value, "the token")
	}
	file, err := os.Open(s.from.file)
	if err != nil {
		return "", fmt.Errorf("reading a token: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxToken+1))
	if err != nil {
		return "", fmt.Errorf("reading a token: %w", err)
	}
	return checkSecret(strings.TrimSpace(string(text)), "the token file "+s.from.file)
}

func checkSecret(value, what string) (string, error) {
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
