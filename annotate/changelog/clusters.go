package changelog

import (
	"cmp"
	"slices"

	"github.com/tidemark/tidemark/annotate"
)

// occurrence is what clustering needs of a change. Times are in Unix milliseconds.
type occurrence struct {
	num, group int64
	start, end int64
	failed     bool
}

// within reports whether o lasts no longer than ms.
func (o occurrence) within(ms int64) bool {
	return o.end != annotate.Ongoing && o.end-o.start <= ms
}

// cluster is one or several occurrences of a group: the newest of them, and
// around it the earliest start and the latest end.
type cluster struct {
	newest     occurrence
	start, end int64
	count      int
}

// merge adds to c what other stands for.
func (c *cluster) merge(other cluster) {
	if byAge(c.newest, other.newest) < 0 {
		c.newest = other.newest
	}
	c.start, c.end = min(c.start, other.start), max(c.end, other.end)
	c.count += other.count
}

// byAge orders occurrences from the oldest start to the newest. Of equal starts
// the one that the log heard of last is the newest.
func byAge(a, b occurrence) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.num, b.num))
}

// byWorth puts first what is kept longest: failed ones, and then the newest.
func byWorth(a, b cluster) int {
	if a.newest.failed != b.newest.failed {
		if a.newest.failed {
			return -1
		}
		return 1
	}
	return byAge(b.newest, a.newest)
}

// bucket is where short occurrences of a group are one cluster: the number of a
// stretch as long as the resolution, counted from the Unix epoch.
type bucket struct{ group, number int64 }

// clusters gathers occurrences, in any order, into no more clusters than its
// limit. It holds no more of them than that at any time, however many
// occurrences there are: a part of them that needs a coarser resolution means
// that all of them do. Only at the coarsest, where a longer stretch would join
// no more, it holds a few of each group, and twice the limit of long ones.
type clusters struct {
	resolution, coarsest int64
	limit                int

	short   map[bucket]*cluster // what lasts no longer than the resolution
	spare   map[bucket]*cluster // an empty one, for the next resolution
	long    []cluster           // of one occurrence each
	omitted int                 // occurrences that were in long
}

// newClusters returns clusters for occurrences that overlap a time of the length
// given, in milliseconds.
func newClusters(resolution, length int64, limit int) *clusters {
	return &clusters{
		resolution: resolution, coarsest: length, limit: limit,
		short: map[bucket]*cluster{}, spare: map[bucket]*cluster{},
	}
}

// add takes one occurrence in.
func (c *clusters) add(o occurrence) {
	c.put(cluster{newest: o, start: o.start, end: o.end, count: 1})
	for len(c.short)+len(c.long) > c.limit && c.resolution < c.coarsest {
		c.double()
	}
	if len(c.long) > 2*c.limit {
		c.shorten()
	}
}

// put adds a cluster of one occurrence.
func (c *clusters) put(one cluster) {
	if !one.newest.within(c.resolution) {
		c.long = append(c.long, one)
		return
	}
	b := bucket{one.newest.group, floorDiv(one.start, c.resolution)}
	if joined, ok := c.short[b]; ok {
		joined.merge(one)
		return
	}
	first := one // on the heap, unlike those that join
	c.short[b] = &first
}

// double doubles the resolution: two buckets become one, and some of the long
// ones short.
func (c *clusters) double() {
	c.resolution *= 2
	for b, s := range c.short {
		b.number = floorDiv(b.number, 2)
		if joined, ok := c.spare[b]; ok {
			joined.merge(*s)
		} else {
			c.spare[b] = s
		}
	}
	clear(c.short)
	c.short, c.spare = c.spare, c.short
	long := c.long
	c.long = long[:0]
	for _, l := range long {
		c.put(l)
	}
}

// shorten omits the long ones that no longer can be among the answer's.
func (c *clusters) shorten() {
	slices.SortFunc(c.long, byWorth)
	c.omitted += len(c.long) - c.limit
	c.long = c.long[:c.limit]
}

// all returns the clusters, oldest start first, and how many occurrences are in
// none of them.
func (c *clusters) all() (list []cluster, omitted int) {
	list = slices.Clone(c.long)
	for _, s := range c.short {
		list = append(list, *s)
	}
	omitted = c.omitted
	if len(list) > c.limit {
		slices.SortFunc(list, byWorth)
		for _, left := range list[c.limit:] {
			omitted += left.count
		}
		list = list[:c.limit]
	}
	slices.SortFunc(list, func(a, b cluster) int {
		return cmp.Or(cmp.Compare(a.start, b.start), byAge(a.newest, b.newest))
	})
	return list, omitted
}

// floorDiv returns a/b rounded down; b is positive.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
