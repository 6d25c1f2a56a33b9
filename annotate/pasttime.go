package annotate

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// localLayouts are the times without a zone that people write. They count in
// the zone of those who write them.
var localLayouts = [...]string{
	"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05",
}

// clockLayouts are the times of today.
var clockLayouts = [...]string{"15:04", "15:04:05"}

// ParsePastTime reads a time as people write it: what ParseTime reads; a span
// such as "10m ago", "2 days ago" or "1h30m ago", counted from now; a date with
// or without a time of day, and a time of today, both in now's zone; and "now",
// "today" and "yesterday", which begin at midnight.
func ParsePastTime(s string, now time.Time) (Time, error) {
	s = strings.TrimSpace(s)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch s {
	case "now":
		return At(now), nil
	case "today":
		return At(midnight), nil
	case "yesterday":
		return At(midnight.AddDate(0, 0, -1)), nil
	}
	if span, ok := strings.CutSuffix(s, " ago"); ok {
		d, err := parseSpan(span)
		if err != nil {
			return Time{}, fmt.Errorf("%q is not a time: %w", s, err)
		}
		return At(now.Add(-d)), nil
	}
	for _, layout := range localLayouts {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil && !t.IsZero() {
			return At(t), nil
		}
	}
	for _, layout := range clockLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return At(time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location())), nil
		}
	}
	t, err := ParseTime(s)
	if err != nil {
		return Time{}, fmt.Errorf("%w, or \"10m ago\", \"2006-01-02 15:04\" or \"15:04\" in your own zone", err)
	}
	return t, nil
}

// maxSpan bounds how far back a span may reach, so that none overflows.
const maxSpan = 36500 * 24 * time.Hour

// parseSpan reads numbers with units, such as 90s, 1h30m, or 2 days.
func parseSpan(s string) (time.Duration, error) {
	errSpan := errors.New("write the span as 90s, 10m, 2h, 3d or 1w, or as 10 minutes")
	var total float64
	rest := strings.TrimSpace(s)
	if rest == "" {
		return 0, errSpan
	}
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789."))
		n, err := strconv.ParseFloat(rest[:digits], 64)
		if err != nil {
			return 0, errSpan
		}
		rest = strings.TrimLeft(rest[digits:], " ")
		letters := strings.IndexAny(rest, " 0123456789.")
		if letters < 0 {
			letters = len(rest)
		}
		unit := unitOf(rest[:letters])
		if unit == 0 {
			return 0, errSpan
		}
		total += n * float64(unit)
		rest = strings.TrimLeft(rest[letters:], " ")
	}
	if total > float64(maxSpan) {
		return 0, errSpan
	}
	return time.Duration(total), nil
}

// unitOf returns how long the unit named is, and 0 for what is none.
func unitOf(name string) time.Duration {
	switch name {
	case "ms":
		return time.Millisecond
	case "s", "sec", "secs", "second", "seconds":
		return time.Second
	case "m", "min", "mins", "minute", "minutes":
		return time.Minute
	case "h", "hour", "hours":
		return time.Hour
	case "d", "day", "days":
		return 24 * time.Hour
	case "w", "week", "weeks":
		return 7 * 24 * time.Hour
	}
	return 0
}
