package changeseries

import "github.com/prometheus/prometheus/storage"

const (
	// maxSpacing is how far apart, in milliseconds, the samples of a series that
	// does not change are at the most. Every lookback of at least as long sees
	// one at any time.
	maxSpacing = 60_000
	// minEncodedSpacing is the least where all samples are written out.
	minEncodedSpacing = 15_000
)

// window is the time that a select is for, and what is known of how its series
// will be read. Times and lengths are in milliseconds.
type window struct {
	// from and to are both included.
	from, to int64
	// spacing is how far apart the samples of a series that does not change are.
	spacing int64
	// step and rng are the step of the query and the range of the selector, or 0.
	step, rng int64
	// function is the one around the selector, or empty.
	function string
	// encoded is true where all samples are written out, instead of looked up
	// by an engine.
	encoded bool
}

// newWindow returns what hints, which may be nil, say of a select by a querier
// of the time from from to to.
func newWindow(from, to int64, hints *storage.SelectHints) window {
	w := window{from: from, to: to, spacing: maxSpacing}
	if hints != nil {
		w.from, w.to = hints.Start, hints.End
		w.step, w.rng, w.function = hints.Step, hints.Range, hints.Func
	}
	switch {
	case w.rng > 0:
		// Functions such as irate want two samples in each range.
		w.spacing = min(w.spacing, w.rng/2)
	case w.step == 0 && w.to-w.from >= 0:
		// One evaluation: the window is its lookback.
		w.spacing = min(w.spacing, w.to-w.from+1)
	}
	w.spacing = max(w.spacing, 1)
	return w
}

// encode prepares w for series whose samples are all written out. Even who only
// lists them gets samples: without any, remote read would lose the series.
func (w *window) encode() {
	w.encoded = true
	if w.listing() {
		w.function = ""
	}
	w.spacing = max(w.spacing, minEncodedSpacing)
}

// listing reports whether only the names of the series are asked for.
func (w *window) listing() bool { return w.function == "series" }
