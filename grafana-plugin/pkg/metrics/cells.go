package metrics

import (
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/metrics/promjson"
)

// heatmapCells is the type of a frame with a row for each cell of a heatmap.
const heatmapCells data.FrameType = "heatmap-cells"

// cells are the buckets of a native histogram through time, a row for each.
type cells struct {
	times            []int64 // the end of the cell, Unix milliseconds
	low, high, count []float64
	// layout is which bounds belong to the bucket: 0 the upper, 1 the lower, 2
	// neither, 3 both.
	layout []int8
}

func (c *cells) reset() {
	c.times, c.low, c.high, c.count, c.layout = c.times[:0], c.low[:0], c.high[:0], c.count[:0], c.layout[:0]
}

// read appends the histogram [seconds, {"buckets": [...]}]. It says whether
// all of it was taken: no more than most cells are.
func (c *cells) read(s *promjson.Scanner, most int) bool {
	var ms int64
	whole := true
	for i := range s.Elements() {
		switch i {
		case 0:
			ms = s.Millis()
		case 1:
			whole = c.buckets(s, ms, most)
		default:
			s.Skip()
		}
	}
	return whole
}

// buckets reads the object of one histogram, whose count and sum nobody draws.
func (c *cells) buckets(s *promjson.Scanner, ms int64, most int) bool {
	whole := true
	for key := range s.Fields() {
		if string(key) != "buckets" {
			s.Skip()
			continue
		}
		for range s.Elements() {
			if c.len() >= most {
				whole = false
				s.Skip()
				continue
			}
			c.bucket(s, ms)
		}
	}
	return whole
}

// bucket reads [layout, "low", "high", "count"].
func (c *cells) bucket(s *promjson.Scanner, ms int64) {
	var low, high, count float64
	var layout int8
	for i := range s.Elements() {
		switch i {
		case 0:
			layout = int8(s.Number())
		case 1:
			low = s.Float()
		case 2:
			high = s.Float()
		case 3:
			count = s.Float()
		default:
			s.Skip()
		}
	}
	c.times = append(c.times, ms)
	c.low, c.high, c.count = append(c.low, low), append(c.high, high), append(c.count, count)
	c.layout = append(c.layout, layout)
}

// frame returns the cells as a heatmap.
func (c *cells) frame(name string, labels data.Labels, interval float64) *data.Frame {
	end := data.NewField("xMax", nil, appendTimes(nil, c.times))
	if interval > 0 {
		end.Config = &data.FieldConfig{Interval: interval}
	}
	count := data.NewField("count", labels, c.count)
	if name != "" {
		count.Config = &data.FieldConfig{DisplayNameFromDS: name}
	}
	frame := data.NewFrame(name,
		end,
		data.NewField("yMin", nil, c.low),
		data.NewField("yMax", nil, c.high),
		count,
		data.NewField("yLayout", nil, c.layout),
	)
	frame.Meta = &data.FrameMeta{Type: heatmapCells}
	return frame
}

func (c *cells) len() int { return len(c.times) }
