package metrics

import (
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// series is one series of an answer while it is read.
type series struct {
	labels data.Labels
	times  []int64 // Unix milliseconds
	values []float64
}

// shaper makes frames of series, in one form.
type shaper interface {
	// weight is what a sample of a series with these labels costs of the
	// samples that a result may hold.
	weight(labels data.Labels) int
	// add takes a series, whose slices it must not keep.
	add(series)
	// frames returns the frames of all that was added, and nothing for nothing.
	frames() data.Frames
	// kind is the type of the frames.
	kind() data.FrameType
}

// multi makes a frame of each series.
type multi struct {
	frameType data.FrameType
	legend    legend
	clock     clock
	made      data.Frames
}

func newOverTime(r request) *multi {
	return &multi{frameType: data.FrameTypeTimeSeriesMulti, legend: r.legend, clock: clock{step: r.step}}
}

func newAtOnce(r request) *multi {
	return &multi{frameType: data.FrameTypeNumericMulti, legend: r.legend}
}

func (m *multi) weight(data.Labels) int { return 1 }
func (m *multi) kind() data.FrameType   { return m.frameType }
func (m *multi) frames() data.Frames    { return m.made }

func (m *multi) add(s series) {
	name := m.legend.name(s.labels)
	value := data.NewField(data.TimeSeriesValueFieldName, s.labels, s.values)
	if name != "" {
		value.Config = &data.FieldConfig{DisplayNameFromDS: name}
	}
	frame := data.NewFrame(name, m.clock.field(s.times), value)
	frame.Meta = &data.FrameMeta{Type: m.frameType, TypeVersion: data.FrameTypeVersion{0, 1}}
	m.made = append(m.made, frame)
}

// maxDials is how many different fields of times are kept to be shared.
const maxDials = 4

// clock makes fields of times. The series of a range query mostly have a
// sample at each step: they share one field then, which is three quarters of
// what a sample takes.
type clock struct {
	step  time.Duration // 0 for a single time
	dials []dial        // newest last
	stamp []time.Time
}

// dial are times, and the field of them.
type dial struct {
	times []int64
	field *data.Field
}

func (c *clock) field(times []int64) *data.Field {
	for _, d := range slices.Backward(c.dials) {
		if slices.Equal(times, d.times) {
			return d.field
		}
	}
	c.stamp = appendTimes(c.stamp[:0], times)
	field := data.NewField(data.TimeSeriesTimeFieldName, nil, c.stamp)
	if c.step > 0 {
		field.Config = &data.FieldConfig{Interval: float64(c.step.Milliseconds())}
	}
	if len(c.dials) == maxDials {
		c.dials = slices.Delete(c.dials, 0, 1)
	}
	c.dials = append(c.dials, dial{slices.Clone(times), field})
	return field
}

func appendTimes(to []time.Time, ms []int64) []time.Time {
	to = slices.Grow(to, len(ms))
	for _, t := range ms {
		to = append(to, time.UnixMilli(t).UTC())
	}
	return to
}
