package metrics

import (
	"fmt"
	"strconv"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// The bounds of one result besides that of its samples.
const (
	// maxSeries bounds the series, each of which costs a frame of some
	// kilobytes on the way to Grafana.
	maxSeries = 20_000
	// maxLabelBytes bounds the texts of all labels.
	maxLabelBytes = 32 << 20
)

// budget is what a result may still hold. Series are taken whole or not at
// all: a line that ends early would be taken for one that ended.
type budget struct {
	limit      int // of samples
	samples    int // left
	series     int // left
	labelBytes int // left
	// cause is the bound that a series did not fit into; empty for none.
	cause       string
	shown, left int // series
}

func newBudget(samples int) budget {
	return budget{limit: samples, samples: samples, series: maxSeries, labelBytes: maxLabelBytes}
}

// spent reports whether no further series is taken, because one did not fit.
func (b *budget) spent() bool { return b.cause != "" }

// take takes what a series costs, and reports whether it fits.
func (b *budget) take(labels data.Labels, samples int) bool {
	size := 0
	for name, value := range labels {
		size += len(name) + len(value)
	}
	switch {
	case samples > b.samples:
		b.cause = "one result may hold " + grouped(b.limit) + " samples"
	case b.series == 0:
		b.cause = "one result may hold " + grouped(maxSeries) + " series"
	case size > b.labelBytes:
		b.cause = "the labels of one result may be " + strconv.Itoa(maxLabelBytes>>20) + " MiB"
	default:
		b.samples -= samples
		b.series--
		b.labelBytes -= size
		b.shown++
		return true
	}
	b.left++
	return false
}

// cut says what was left out, and what would help.
func (b *budget) cut() string {
	return fmt.Sprintf("this result is cut: %s of %s series are shown, because %s; select fewer series, or raise the min step",
		grouped(b.shown), grouped(b.shown+b.left), b.cause)
}

// grouped writes n with a comma between thousands.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
