package intake

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// relative is a distance from now, as in -1d, now-90min or now+1h.
var relative = regexp.MustCompile(`^(?:now)?([+-])(\d{1,6})([a-z]+)$`)

// units are Graphite's, by the letters that they begin with.
var units = []struct {
	prefix string
	unit   time.Duration
}{
	{"s", time.Second}, {"min", time.Minute}, {"mon", 30 * 24 * time.Hour}, {"h", time.Hour},
	{"d", 24 * time.Hour}, {"w", 7 * 24 * time.Hour}, {"y", 365 * 24 * time.Hour},
}

// GraphiteTime reads the forms of Graphite's times that programs write (graphite-web,
// webapp/graphite/render/attime.py), in UTC: now, a distance from it such as -1d or
// -90min, Unix seconds, YYYYMMDD, or HH:MM_YYYYMMDD.
func GraphiteTime(text string, now time.Time) (time.Time, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "now" {
		return now, nil
	}
	if m := relative.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return time.Time{}, fmt.Errorf("must be a time: %w", err)
		}
		for _, u := range units {
			if strings.HasPrefix(m[3], u.prefix) {
				if n > int(100*365*24*time.Hour/u.unit) {
					break // beyond all times
				}
				if m[1] == "-" {
					n = -n
				}
				return now.Add(time.Duration(n) * u.unit), nil
			}
		}
	}
	for _, layout := range []string{"20060102", "15:04_20060102"} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 1900 {
			return t, nil
		}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 && n < 1e11 {
		return time.Unix(n, 0), nil
	}
	return time.Time{}, fmt.Errorf("must be a time as Graphite writes it: now, -1d, -90min, Unix seconds, 20260131 or 14:30_20260131")
}
