package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Unverified is a delivery that does not show that it comes from who knows the hook's
// secret. It says why, and never what would have been right.
type Unverified struct{ Why string }

// Error implements error.
func (u *Unverified) Error() string { return u.Why }

// proof is one way in which a delivery shows that its sender knows the secret.
type proof struct {
	// what names it, such as "the header X-Hub-Signature-256".
	what string
	// there reports whether a delivery has it.
	there func(Delivery) bool
	// check says what is wrong with it, "" for nothing.
	check func(d Delivery, secret string) string
}

// Verify returns an Unverified error unless the delivery proves, in the sender's own way
// and over the body as it came, that its sender knows one of the secrets. It looks at
// nothing else of the body.
func (h *Hook) Verify(d Delivery, secrets []string) error {
	var ways []string
	for _, p := range h.sender.proofs {
		if !p.there(d) {
			ways = append(ways, p.what)
			continue
		}
		why := "the hook has no secret"
		for _, secret := range secrets {
			if secret == "" {
				continue
			}
			if why = p.check(d, secret); why == "" {
				return nil
			}
		}
		return &Unverified{why}
	}
	return &Unverified{fmt.Sprintf("the delivery is not signed: it must have %s; set the secret at the sender", strings.Join(ways, " or "))}
}

// Signed returns an Unverified error where the headers and the URL of a delivery say
// already that it proves nothing, so that nobody need read its body.
func (h *Hook) Signed(d Delivery) error {
	if slices.ContainsFunc(h.sender.proofs, func(p proof) bool { return p.there(d) }) {
		return nil
	}
	return h.Verify(d, nil)
}

// Another's secret and another's body look alike.
const (
	wrongSignature = "the signature is not that of this body with the hook's secret"
	wrongSecret    = "the secret is not the hook's"
)

// same compares in a time that depends on neither.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// header is a proof that is in a header.
func header(name string, check func(d Delivery, value, secret string) string) proof {
	return proof{
		what:  "the header " + name,
		there: func(d Delivery) bool { return d.Header.Get(name) != "" },
		check: func(d Delivery, secret string) string { return check(d, d.Header.Get(name), secret) },
	}
}

// secretIn is the secret itself, in a header of its own.
func secretIn(name string) proof {
	return header(name, func(_ Delivery, value, secret string) string {
		if !same(value, secret) {
			return wrongSecret
		}
		return ""
	})
}

// bearer is the secret itself: as Authorization: Bearer, as the password of Basic, or as
// the parameter token of the URL, for senders that can set no header.
func bearer() proof {
	given := func(d Delivery) string {
		if d.Header.Get("Authorization") == "" {
			return d.Query.Get("token")
		}
		scheme, value, _ := strings.Cut(d.Header.Get("Authorization"), " ")
		value = strings.TrimSpace(value)
		if strings.EqualFold(scheme, "Basic") {
			decoded, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				return ""
			}
			_, value, _ = strings.Cut(string(decoded), ":")
			return value
		}
		if !strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(d.Header.Get("Authorization")) // as it is, which some senders can only
		}
		return value
	}
	return proof{
		what:  "the secret as Authorization: Bearer SECRET, as the password of Basic authentication, or as ?token=SECRET in its URL",
		there: func(d Delivery) bool { return given(d) != "" },
		check: func(d Delivery, secret string) string {
			if !same(given(d), secret) {
				return wrongSecret
			}
			return ""
		},
	}
}

// sum is an HMAC (RFC 2104) of the parts, one after the other.
func sum(h func() hash.Hash, secret string, parts ...string) []byte {
	mac := hmac.New(h, []byte(secret))
	for _, part := range parts {
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}

// hashes are those of which a signature may be, by what is before it.
var hashes = map[string]func() hash.Hash{"sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}

// signed is an HMAC over the body in a header, in hex. What is before it (such as v1=) is
// prefix; with an empty prefix it may be the name of its hash, such as sha512=, and is
// SHA-256 otherwise.
func signed(name, prefix string) proof {
	return header(name, func(d Delivery, value, secret string) string {
		value, ok := strings.CutPrefix(strings.TrimSpace(value), prefix)
		if !ok {
			return fmt.Sprintf("the header %s must begin with %s", name, prefix)
		}
		by := sha256.New
		if named, rest, ok := strings.Cut(value, "="); ok && prefix == "" {
			if by, ok = hashes[strings.ToLower(named)]; !ok {
				return fmt.Sprintf("the header %s must be a signature in hex, by sha256, sha384 or sha512", name)
			}
			value = rest
		}
		return signature(value, sum(by, secret, string(d.Body)))
	})
}

// signature compares a signature in hex with what it must be.
func signature(value string, must []byte) string {
	given, err := hex.DecodeString(value)
	if err != nil || !hmac.Equal(given, must) {
		return wrongSignature
	}
	return ""
}

// maxAge is how old a signature may be whose sender signs the time, and how far ahead
// its clock.
const maxAge = 5 * time.Minute

// fresh says what is wrong with the time of a signature, in Unix seconds.
func fresh(d Delivery, seconds string) string {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return "the time of the signature must be in Unix seconds"
	}
	signedAt := time.Unix(n, 0)
	age := d.Arrived.Sub(signedAt)
	switch {
	case age > maxAge:
		return fmt.Sprintf("it was signed %s ago, and is refused after %s, as somebody may be replaying it", age.Round(time.Second), maxAge)
	case age < -maxAge:
		return fmt.Sprintf("it was signed %s ahead of Tidemark's clock: set one of the clocks right", (-age).Round(time.Second))
	}
	return ""
}

// minKey is how short a key may be, in bytes: none is a signature that anybody can make.
const minKey = 8

// standardWebhooks is the signature of https://www.standardwebhooks.com: an HMAC-SHA256
// over id, time and body in base64, by a secret that is whsec_ and base64. Of several
// signatures in the header, any may be right.
func standardWebhooks() proof {
	return header("webhook-signature", func(d Delivery, value, secret string) string {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			key = []byte(secret)
		}
		if len(key) < minKey {
			return "the hook's secret is too short for this signature: it must be whsec_ and the base64 of at least 8 bytes"
		}
		at := d.Header.Get("webhook-timestamp")
		must := sum(sha256.New, string(key), d.Header.Get("webhook-id"), ".", at, ".", string(d.Body))
		for _, one := range strings.Fields(value) {
			encoded, ok := strings.CutPrefix(one, "v1,")
			given, err := base64.StdEncoding.DecodeString(encoded)
			if ok && err == nil && hmac.Equal(given, must) {
				return fresh(d, at) // only what is signed says when
			}
		}
		return wrongSignature
	})
}
