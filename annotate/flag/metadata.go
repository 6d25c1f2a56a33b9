package flag

import (
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tidemark/tidemark/annotate"
)

// Metadata is what Tidemark reads of a definition's metadata; there may be more.
type Metadata struct {
	// Owner is who can help; Service is what the flag belongs to.
	Owner, Description, Service string
	// Expires is when the flag should be gone; the zero time for never. A day without a time counts to its end.
	Expires time.Time
	// Permanent says that the flag is meant to stay, and never stale.
	Permanent bool
}

// MetadataOf returns the metadata of a definition that Tidemark knows.
func MetadataOf(d Definition) Metadata {
	var m Metadata
	if d.Metadata == nil {
		return m
	}
	all := *d.Metadata
	m.Owner, _ = all["owner"].(string)
	m.Description, _ = all["description"].(string)
	m.Service, _ = all["service"].(string)
	m.Permanent, _ = all["permanent"].(bool)
	if written, ok := all["expires"].(string); ok {
		m.Expires, _ = parseExpires(written)
	}
	return m
}

func parseExpires(written string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, written); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, written); err == nil {
		return t.UTC(), nil
	}
	return time.Time{}, errors.New("is no date; write it as in 2026-12-31, or in RFC 3339")
}

// isLine reports whether a text can stand in a line, as in those of the log.
func isLine(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, unicode.IsControl) < 0
}

// metadata checks what Tidemark reads.
func (v validator) metadata(at string, d Definition) {
	if d.Metadata == nil {
		return
	}
	for name, limit := range map[string]int{"owner": annotate.MaxName, "service": annotate.MaxName, "description": annotate.MaxText} {
		said, ok := (*d.Metadata)[name]
		if !ok {
			continue
		}
		if text, ok := said.(string); !ok {
			v.add(under(at, name), said, "must be a text, and not %s", kindOf(said))
		} else if len(text) > limit {
			v.add(under(at, name), len(text), "is %d bytes long; at most %d are kept", len(text), limit)
		} else if name != "description" && !isLine(text) {
			v.add(under(at, name), text, "must be one line without control characters")
		}
	}
	if said, ok := (*d.Metadata)["permanent"]; ok {
		if _, ok := said.(bool); !ok {
			v.add(under(at, "permanent"), said, "must be true or false, and not %s", kindOf(said))
		}
	}
	if said, ok := (*d.Metadata)["expires"]; ok {
		text, _ := said.(string)
		if _, err := parseExpires(text); err != nil {
			v.add(under(at, "expires"), said, "%v", err)
		}
	}
}
