package changelog

import "github.com/tidemark/tidemark/annotate"

// spanClasses are the longest that a change of each class but the last one
// lasts, in milliseconds. A change that overlaps a time started at most that
// long before it, so that an overlap search reads a bounded stretch of starts
// for each class, and of those that last for more than a month, which are few, all.
var spanClasses = [...]int64{hourMS, dayMS, 30 * dayMS}

const (
	hourMS = 3_600_000
	dayMS  = 24 * hourMS
)

// classOf returns the class of a change from start to end.
func classOf(start, end int64) int {
	if end != annotate.Ongoing {
		for class, longest := range spanClasses {
			if end-start <= longest {
				return class
			}
		}
	}
	return len(spanClasses)
}

// overlap is a search for the changes that overlap the time from from to to,
// both included, in Unix milliseconds.
type overlap struct{ from, to int64 }

// recent adds to w the condition for those that started within the hour before
// from or later, however long they last.
func (o overlap) recent(w *where) {
	w.and("start_ms <= ?", o.to)
	if o.bounded() {
		w.and("start_ms >= ? AND end_ms >= ?", o.from-hourMS, o.from)
	}
}

// older returns, for each class of changes that can have started earlier than
// that and still overlap, the condition for those that do.
func (o overlap) older() []*where {
	if !o.bounded() {
		return nil
	}
	var classes []*where
	for class := 1; class <= len(spanClasses); class++ {
		w := &where{}
		w.and("class > 0 AND class = ?", class) // the first in the index's own words, or SQLite would not see that it will do
		w.and("start_ms <= ? AND end_ms >= ?", min(o.to, o.from-hourMS-1), o.from)
		if class < len(spanClasses) {
			w.and("start_ms >= ?", o.from-spanClasses[class])
		}
		classes = append(classes, w)
	}
	return classes
}

// bounded reports whether the search has an earliest time at all.
func (o overlap) bounded() bool { return o.from > earliestMS }

// earliestMS is before every time that a change can have.
const earliestMS = -1 << 53
