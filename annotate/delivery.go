package annotate

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"strings"
)

// Delivery is what a hook was sent and did not understand. It is kept until somebody has
// it read again, or drops it.
type Delivery struct {
	// ID counts upward, and is given by the log.
	ID   int64
	Hook string
	// Time is when it came.
	Time Time
	// Header are the headers that say what it is, by their names in small letters; never any
	// that could hold a secret.
	Header map[string]string
	Body   []byte
	// Why says what was not understood.
	Why string
}

// The most that is kept of the deliveries of one hook.
const (
	MaxDeliveries    = 1000
	MaxDeliveryBytes = 32 << 20 // their bodies, together
)

// Digest is equal for the deliveries that say the same, such as a retry.
func (d Delivery) Digest() []byte {
	header := maps.Clone(d.Header)
	maps.DeleteFunc(header, func(name, _ string) bool {
		return strings.Contains(name, "delivery") || name == "user-agent" || name == "idempotency-key"
	})
	sum := sha256.New()
	if encoded, err := json.Marshal(header); err == nil { // in the order of the names
		sum.Write(encoded)
	}
	sum.Write(d.Body)
	return sum.Sum(nil)
}
