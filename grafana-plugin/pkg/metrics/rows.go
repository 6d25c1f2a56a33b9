package metrics

import (
	"cmp"
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// heatmapRows is the type of a frame with a field of counts for each bucket.
const heatmapRows data.FrameType = "heatmap-rows"

// rows makes a heatmap of classic histograms: the series that differ in
// nothing but le are one frame, with a field for each bucket. Prometheus'
// buckets hold all that is below their bound; these hold what is above the
// bound before. Other series stay what they are.
type rows struct {
	groups []*bucketGroup
	byKey  map[string]*bucketGroup
	others *multi
	step   time.Duration
	legend legend
}

// bucketGroup is one histogram.
type bucketGroup struct {
	labels  data.Labels // without le
	buckets []bucket
}

// bucket is the series of one le.
type bucket struct {
	bound  float64
	labels data.Labels
	times  []int64
	values []float64
}

func newRows(r request) *rows {
	return &rows{byKey: map[string]*bucketGroup{}, others: newOverTime(r), step: r.step, legend: r.legend}
}

// weight counts the sample here, and once more in the frame.
func (r *rows) weight(data.Labels) int { return 2 }
func (r *rows) kind() data.FrameType   { return heatmapRows }

func (r *rows) add(s series) {
	if s.labels[bucketLabel] == "" {
		r.others.add(s)
		return
	}
	labels := s.labels.Copy()
	delete(labels, bucketLabel)
	key := selectorOf(labels)
	group := r.byKey[key]
	if group == nil {
		group = &bucketGroup{labels: labels}
		r.byKey[key] = group
		r.groups = append(r.groups, group)
	}
	group.buckets = append(group.buckets, bucket{
		bound: bound(s.labels[bucketLabel]), labels: s.labels,
		times: slices.Clone(s.times), values: slices.Clone(s.values),
	})
}

func (r *rows) frames() data.Frames {
	var frames data.Frames
	for _, g := range r.groups {
		frames = append(frames, g.frame(r.step))
	}
	return append(frames, r.others.frames()...)
}

// frame returns the histogram, lowest bucket first.
func (g *bucketGroup) frame(step time.Duration) *data.Frame {
	slices.SortStableFunc(g.buckets, func(a, b bucket) int { return cmp.Compare(a.bound, b.bound) })
	times := g.times()
	clock := clock{step: step}
	frame := data.NewFrame("", clock.field(series{times: times}))
	if len(g.labels) > 0 {
		frame.Name = selectorOf(g.labels)
	}
	below := make([]float64, len(times)) // the count up to the bound before
	for _, b := range g.buckets {
		le := b.labels[bucketLabel]
		field := data.NewField(le, b.labels, b.apart(times, below))
		field.Config = &data.FieldConfig{DisplayNameFromDS: le}
		frame.Fields = append(frame.Fields, field)
	}
	frame.Meta = &data.FrameMeta{Type: heatmapRows}
	return frame
}

// times returns each time at which a bucket has a sample, in order.
func (g *bucketGroup) times() []int64 {
	all := slices.Clone(g.buckets[0].times)
	for _, b := range g.buckets[1:] {
		if !slices.Equal(b.times, g.buckets[0].times) {
			all = append(all, b.times...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// apart returns what b holds at each time beyond what is below it, which it
// brings up to its own bound. A bucket without a sample holds nothing, and so
// does one that is less than the one below: it was scraped a moment before.
func (b bucket) apart(times []int64, below []float64) []float64 {
	counts := make([]float64, len(times))
	next := 0
	for i, t := range times {
		if next == len(b.times) || b.times[next] != t {
			continue
		}
		if v := b.values[next]; v > below[i] {
			counts[i], below[i] = v-below[i], v
		}
		next++
	}
	return counts
}
