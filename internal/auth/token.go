package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Token is what is known of a token: everything but its secret.
type Token struct {
	// ID is the public part of the secret, by which it is looked up.
	ID string `json:"id"`
	// Name is unique among the tokens, and what writes are attributed to.
	Name    string    `json:"name"`
	Role    Role      `json:"role"`
	Created time.Time `json:"created"`
	// Expires is when the token ends; the zero time for never.
	Expires time.Time `json:"expires,omitzero"`

	// hash is the SHA-256 of the secret part.
	hash [sha256.Size]byte
}

// Expired reports whether the token has ended at now.
func (t Token) Expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

// A token's text is tmk_ID_SECRET: a prefix by which scanners for leaked
// secrets can find it, the id in hexadecimal, and the secret in base64url.
const (
	tokenPrefix = "tmk_"
	idBytes     = 8
	secretBytes = 32
)

// textLength is how long a token's text is.
const textLength = len(tokenPrefix) + 2*idBytes + 1 + (secretBytes*8+5)/6

// newToken returns a new token's text, its id, and the hash to keep.
func newToken() (text, id string, hash [sha256.Size]byte) {
	var raw [idBytes + secretBytes]byte
	rand.Read(raw[:]) // it never fails: it ends the program instead
	id = hex.EncodeToString(raw[:idBytes])
	secret := base64.RawURLEncoding.EncodeToString(raw[idBytes:])
	return tokenPrefix + id + "_" + secret, id, sha256.Sum256([]byte(secret))
}

// splitToken returns the id and the secret part of a token's text, and false
// for what cannot be a token.
func splitToken(text string) (id, secret string, ok bool) {
	if len(text) != textLength || !strings.HasPrefix(text, tokenPrefix) {
		return "", "", false
	}
	return strings.Cut(text[len(tokenPrefix):], "_")
}

// namePattern is what a token may be called: it appears in logs, in the change
// log, and as the source of changes.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)

func validateName(name string) error {
	switch {
	case !namePattern.MatchString(name):
		return fmt.Errorf("%q cannot name a token; use up to 64 letters, digits, '.', '_', '@' and '-', beginning with a letter or digit", name)
	case name == localName || name == anonymousName:
		return fmt.Errorf("%q cannot name a token; callers without one are called so", name)
	}
	return nil
}
