package changes

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// marker is what is drawn at one place of a panel: one mark, or several that
// could not be told apart there.
type marker struct {
	marks []*mark // oldest start first
	start time.Time
	// end is start for a line, and later for a region.
	end   time.Time
	count int // changes
}

// canvas is what markers are drawn on.
type canvas struct {
	span
	// markers is how many there is room for.
	markers int
	now     time.Time
}

// The room that markers have on a panel.
const (
	// markerWidth is the width of one, in data points.
	markerWidth = 8
	minMarkers  = 20
)

func newCanvas(s span, width int64, now time.Time) canvas {
	return canvas{span: s, markers: max(minMarkers, int(width/markerWidth)), now: now}
}

// cluster puts marks, oldest start first, into as many markers as there is
// room for. The places do not depend on where the time range begins, so that
// markers stay together from one refresh to the next.
func (c canvas) cluster(marks []*mark) []marker {
	// A time range touches at most two places more than fit into it.
	width := roundUp(c.length() / time.Duration(c.markers-2))
	// A region is seen as one from half of a marker's width on. Where there are
	// too many, only the longer ones are, and in the end none: lines alone have
	// a place each.
	shortest := width / 2
	found := c.clusterAt(marks, width, shortest)
	for len(found) > c.markers && shortest <= math.MaxInt64/2 {
		shortest *= 2
		found = c.clusterAt(marks, width, shortest)
	}
	return found
}

// clusterAt is cluster with places of a given width, and regions of a given
// length or longer. Lines are one marker where they begin in the same place,
// and regions where they end in the same place as well.
func (c canvas) clusterAt(marks []*mark, width, shortest time.Duration) []marker {
	var found []marker
	place := time.Time{}
	line := -1                    // the marker of the place's lines
	var regions map[time.Time]int // the markers of the place's regions, by where they end
	for _, m := range marks {
		from := later(m.Start, c.from) // where it comes into view
		if at := from.Truncate(width); !at.Equal(place) {
			place, line, regions = at, -1, nil
		}
		end, isRegion := c.region(m, shortest)
		if !isRegion {
			if line < 0 {
				line = len(found)
				found = append(found, marker{start: from, end: from})
			}
			found[line].add(m)
			continue
		}
		at, known := regions[end.Truncate(width)]
		if !known {
			at = len(found)
			if regions == nil {
				regions = make(map[time.Time]int)
			}
			regions[end.Truncate(width)] = at
			found = append(found, marker{start: m.Start, end: end})
		}
		found[at].add(m)
		found[at].end = later(found[at].end, end)
	}
	return found
}

// region returns the end of m where it is one change that lasts for the
// shortest length of a region or longer.
func (c canvas) region(m *mark, shortest time.Duration) (time.Time, bool) {
	if m.Count > 1 {
		return time.Time{}, false
	}
	end := m.end(c.now)
	if m.End == nil && end.After(c.to) {
		end = c.to
	}
	return end, end.Sub(m.Start) >= max(shortest, 1)
}

func (m *marker) add(mk *mark) {
	m.marks = append(m.marks, mk)
	m.count += mk.Count
}

func (m *marker) isRegion() bool { return m.end.After(m.start) }

// worst returns the mark that decides how m is drawn: the gravest, and of
// several that of the group with the most changes.
func (m *marker) worst() *mark {
	if len(m.marks) == 1 {
		return m.marks[0]
	}
	worst := slices.MaxFunc(m.marks, func(a, b *mark) int { return cmp.Compare(a.gravity(), b.gravity()) })
	counts, most := make(map[string]int), 0
	for _, mk := range m.marks {
		if mk.gravity() != worst.gravity() {
			continue
		}
		counts[mk.Kind] += mk.Count
		if counts[mk.Kind] > most {
			most, worst = counts[mk.Kind], mk
		}
	}
	return worst
}

// failures is how many of m's changes failed.
func (m *marker) failures() int {
	n := 0
	for _, mk := range m.marks {
		if mk.Status == failed {
			n += mk.Count
		}
	}
	return n
}

// roundUp returns the next length of time that people read well, so that
// places rarely move when a time range is changed a little.
func roundUp(d time.Duration) time.Duration {
	for _, step := range [...]time.Duration{
		100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 3 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour, 6 * time.Hour, 8 * time.Hour, 12 * time.Hour,
	} {
		if step >= d {
			return step
		}
	}
	const day = 24 * time.Hour
	return (d + day - 1) / day * day
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
