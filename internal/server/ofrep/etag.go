package ofrep

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// digestBytes is how much of a SHA-256 names a content: enough that nobody finds
// two with the same.
const digestBytes = 16

type digest [digestBytes]byte

func digestOf(content []byte) digest {
	sum := sha256.Sum256(content)
	return digest(sum[:digestBytes])
}

// text is d as it stands in headers and events.
func (d digest) text() string { return base64.RawURLEncoding.EncodeToString(d[:]) }

// etag is d as a strong entity tag.
func (d digest) etag() string { return `"` + d.text() + `"` }

// matches reports whether the values of If-None-Match name etag. Tags are compared
// weakly, as this header has it; one without its quotes is taken as meant, since
// OFREP's own examples have none.
func matches(ifNoneMatch []string, etag string) bool {
	for _, value := range ifNoneMatch {
		for tag := range strings.SplitSeq(value, ",") {
			tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
			if tag == "*" || tag == etag || tag != "" && tag == strings.Trim(etag, `"`) {
				return true
			}
		}
	}
	return false
}
