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
	// timesID is the same for series with the same times, as far as whoever
	// reads them knows; 0 for not at all.
	timesID int
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
	// meta is that of all frames but the first, which has one to be written to.
	meta *data.FrameMeta
}

// line is what a series takes besides its values, as one piece of memory.
type line struct {
	frame  data.Frame
	fields [2]*data.Field
	config data.FieldConfig
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
	if len(m.made) < 2 {
		m.meta = &data.FrameMeta{Type: m.frameType, TypeVersion: data.FrameTypeVersion{0, 1}}
	}
	name := m.legend.name(s.labels)
	value := data.NewField(data.TimeSeriesValueFieldName, s.labels, s.values)
	l := &line{fields: [2]*data.Field{m.clock.field(s), value}}
	if name != "" {
		l.config.DisplayNameFromDS = name
		value.Config = &l.config
	}
	l.frame = data.Frame{Name: name, Fields: l.fields[:], Meta: m.meta}
	m.made = append(m.made, &l.frame)
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
	times   []int64
	timesID int
	field   *data.Field
}

// field returns a field of the times of s.
func (c *clock) field(s series) *data.Field {
	for i := len(c.dials) - 1; i >= 0; i-- {
		d := &c.dials[i]
		if s.timesID != 0 && s.timesID == d.timesID {
			return d.field
		}
		if slices.Equal(s.times, d.times) {
			d.timesID = s.timesID
			return d.field
		}
	}
	c.stamp = appendTimes(c.stamp[:0], s.times)
	field := data.NewField(data.TimeSeriesTimeFieldName, nil, c.stamp)
	if c.step > 0 {
		field.Config = &data.FieldConfig{Interval: float64(c.step.Milliseconds())}
	}
	if len(c.dials) == maxDials {
		c.dials = slices.Delete(c.dials, 0, 1)
	}
	c.dials = append(c.dials, dial{slices.Clone(s.times), s.timesID, field})
	return field
}

func appendTimes(to []time.Time, ms []int64) []time.Time {
	to = slices.Grow(to, len(ms))
	for _, t := range ms {
		to = append(to, time.UnixMilli(t).UTC())
	}
	return to
}
