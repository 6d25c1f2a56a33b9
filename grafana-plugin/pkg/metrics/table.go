package metrics

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// bucketLabel is the upper bound of a classic histogram's bucket.
const bucketLabel = "le"

// table makes one frame of all series: a row for each sample, a column for
// each label.
type table struct {
	valueName string
	times     []time.Time
	values    []float64
	rows      []labelled
}

// labelled are the labels of so many rows.
type labelled struct {
	labels data.Labels
	count  int
}

func newTable(r request) *table {
	name := data.TimeSeriesValueFieldName
	if r.Tables > 1 {
		name += " #" + r.refID // as dashboards with several tables expect it
	}
	return &table{valueName: name}
}

// weight counts the cells of a row.
func (t *table) weight(labels data.Labels) int { return 2 + len(labels) }
func (t *table) kind() data.FrameType          { return data.FrameTypeTable }

func (t *table) add(s series) {
	t.times = appendTimes(t.times, s.times)
	t.values = append(t.values, s.values...)
	t.rows = append(t.rows, labelled{s.labels, len(s.values)})
}

func (t *table) frames() data.Frames {
	if len(t.values) == 0 {
		return nil
	}
	frame := data.NewFrame("", data.NewField(data.TimeSeriesTimeFieldName, nil, t.times))
	for _, name := range t.labelNames() {
		frame.Fields = append(frame.Fields, t.column(name))
	}
	frame.Fields = append(frame.Fields, data.NewField(t.valueName, nil, t.values))
	frame.Meta = &data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable}
	return data.Frames{frame}
}

func (t *table) labelNames() []string {
	seen := map[string]bool{}
	var names []string
	for _, r := range t.rows {
		for name := range r.labels {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// column returns the values of one label. Bounds of buckets are numbers, so
// that they sort as such.
func (t *table) column(name string) *data.Field {
	var field *data.Field
	if name == bucketLabel {
		field = data.NewField(name, nil, expand(t.rows, func(l data.Labels) float64 { return bound(l[name]) }))
	} else {
		field = data.NewField(name, nil, expand(t.rows, func(l data.Labels) string { return l[name] }))
	}
	return field.SetConfig((&data.FieldConfig{}).SetFilterable(true))
}

// expand repeats what value says of each series for each of its rows.
func expand[T any](rows []labelled, value func(data.Labels) T) []T {
	var column []T
	for _, r := range rows {
		v := value(r.labels)
		for range r.count {
			column = append(column, v)
		}
	}
	return column
}

// bound reads the upper bound of a bucket; NaN for none.
func bound(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}
