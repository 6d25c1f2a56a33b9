package changelog

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/tidemark/tidemark/annotate"
)

// cursor is the last change of a page: the next page has what comes after it.
type cursor struct {
	start int64
	id    string
}

// encode returns c as clients carry it: base64url of the start (8 bytes, big
// endian) and the UUID (16 bytes).
func (c cursor) encode() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(c.start))
	id := uuid.MustParse(c.id)
	return base64.RawURLEncoding.EncodeToString(append(b, id[:]...))
}

// decodeCursor reads what encode wrote, or returns an Invalid error.
func decodeCursor(s string) (cursor, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != 24 {
		return cursor{}, &annotate.Error{Code: annotate.Invalid, Field: "cursor", Value: s, Message: "is not one of ours; take it unchanged from the page before, or leave it out"}
	}
	return cursor{int64(binary.BigEndian.Uint64(b)), uuid.UUID(b[8:]).String()}, nil
}
