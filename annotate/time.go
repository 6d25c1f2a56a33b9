package annotate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Time is a point in time as a sender writes it: RFC 3339, or Unix seconds or
// milliseconds as a number. It is kept in UTC with millisecond precision. The
// zero Time is one that was not given.
type Time struct{ time.Time }

// At returns t as a Time.
func At(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{t.UTC().Truncate(time.Millisecond)}
}

// secondsBelow is the number from which on a Unix time is read as
// milliseconds: as seconds it is the year 5138, as milliseconds 1973.
const secondsBelow = 1e11

// ParseTime reads a time as people and programs write it: RFC 3339, Unix
// seconds (also with a fraction), or Unix milliseconds.
func ParseTime(s string) (Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		if t.IsZero() {
			// An unset time of Go's would otherwise pass for one not given.
			return Time{}, fmt.Errorf("%q is the year 1, an unset time; leave it out, or write the time that is meant, such as 2026-01-02T15:04:05Z in RFC 3339", s)
		}
		return At(t), nil
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(n) || math.Abs(n) > 1e15 {
		return Time{}, fmt.Errorf("%q is not a time; write RFC 3339 such as 2026-01-02T15:04:05Z, or Unix seconds or milliseconds", s)
	}
	if math.Abs(n) < secondsBelow {
		n *= 1000
	}
	return Time{time.UnixMilli(int64(math.Round(n))).UTC()}, nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		*t = Time{}
		return nil
	}
	s := string(b)
	switch {
	case b[0] != '"':
	case bytes.IndexByte(b, '\\') < 0: // as every time that is one
		s = s[1 : len(s)-1]
	default:
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	}
	parsed, err := ParseTime(s)
	if err != nil {
		return err
	}
	*t = parsed
	return nil
}

// timeFormat is RFC 3339 with exactly three decimals, so that times of one
// answer line up and sort as text.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) { return t.AppendJSON(nil), nil }

// AppendJSON appends t to b as MarshalJSON writes it.
func (t Time) AppendJSON(b []byte) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, timeFormat)
	return append(b, '"')
}
