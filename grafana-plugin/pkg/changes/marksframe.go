package changes

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// maxTags is how many services a cluster names in its tags.
const maxTags = 5

// markColumns are the fields of the frame that Grafana draws.
type markColumns struct {
	time, timeEnd                      []time.Time
	title, text                        []string
	tags                               []json.RawMessage
	isRegion                           []bool
	color                              []string
	id                                 []int64
	kind, service, environment, status []string
	count                              []int64
	ids                                []string
}

// draw returns the frame that Grafana draws for marks on q's panel. omitted is
// how many changes the server left out.
func (l *Log) draw(q query, omitted int, marks []*mark) *data.Frame {
	now := l.now()
	markers := newCanvas(q.span, q.width, now).cluster(marks)
	c := newMarkColumns(len(markers))
	for i := range markers {
		c.add(&markers[i], l.link, now)
	}
	f := c.frame()
	f.Meta = &data.FrameMeta{DataTopic: data.DataTopicAnnotations}
	if omitted > 0 {
		f.AppendNotices(data.Notice{
			Severity: data.NoticeSeverityWarning,
			Text:     fmt.Sprintf("%d changes of this time range are not drawn: there are too many. Choose a shorter time, or fewer kinds.", omitted),
			Link:     l.link.list(q.span, ""),
		})
	}
	return f
}

func newMarkColumns(n int) *markColumns {
	texts := func() []string { return make([]string, 0, n) }
	return &markColumns{
		time: make([]time.Time, 0, n), timeEnd: make([]time.Time, 0, n),
		title: texts(), text: texts(), tags: make([]json.RawMessage, 0, n),
		isRegion: make([]bool, 0, n), color: texts(), id: make([]int64, n),
		kind: texts(), service: texts(), environment: texts(), status: texts(),
		count: make([]int64, 0, n), ids: texts(),
	}
}

func (c *markColumns) add(m *marker, link linker, now time.Time) {
	worst := m.worst()
	title, text := m.hover(link, now)
	c.time = append(c.time, m.start)
	c.timeEnd = append(c.timeEnd, m.end)
	c.title = append(c.title, title)
	c.text = append(c.text, text)
	c.tags = append(c.tags, m.tags(worst))
	c.isRegion = append(c.isRegion, m.isRegion())
	c.color = append(c.color, colourOf(worst.Kind, worst.Status))
	c.kind = append(c.kind, m.same(func(mk *mark) string { return mk.Kind }))
	c.service = append(c.service, m.service())
	c.environment = append(c.environment, m.same(func(mk *mark) string { return mk.Environment }))
	c.status = append(c.status, worst.Status)
	c.count = append(c.count, int64(m.count))
	c.ids = append(c.ids, m.newest().Change.ID)
}

// newest returns the mark with the newest change.
func (m *marker) newest() *mark {
	return slices.MaxFunc(m.marks, func(a, b *mark) int { return a.Change.Start.Compare(b.Change.Start) })
}

// tags are the kinds, services and environments of m, and how it ended, as a
// JSON list.
func (m *marker) tags(worst *mark) json.RawMessage {
	tags := make([]string, 0, 4)
	for _, of := range []func(*mark) string{
		func(mk *mark) string { return mk.Kind },
		func(mk *mark) string { return mk.Service },
		func(mk *mark) string { return mk.Environment },
	} {
		had := len(tags)
		for _, mk := range m.marks {
			if tag := of(mk); tag != "" && len(tags)-had < maxTags && !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
		}
	}
	tags = append(tags, worst.Status)
	b, err := json.Marshal(tags)
	if err != nil { // strings can always be written
		return json.RawMessage("[]")
	}
	return b
}

// frame returns the columns with the names that Grafana looks for, and after
// them what the front end uses itself.
func (c *markColumns) frame() *data.Frame {
	return data.NewFrame("changes",
		data.NewField("time", nil, c.time),
		data.NewField("timeEnd", nil, c.timeEnd),
		data.NewField("title", nil, c.title),
		data.NewField("text", nil, c.text),
		data.NewField("tags", nil, c.tags),
		data.NewField("isRegion", nil, c.isRegion),
		data.NewField("color", nil, c.color),
		data.NewField("id", nil, c.id), // 0: not one of Grafana's own, nothing to edit
		data.NewField("kind", nil, c.kind),
		data.NewField("service", nil, c.service),
		data.NewField("environment", nil, c.environment),
		data.NewField("status", nil, c.status),
		data.NewField("count", nil, c.count),
		data.NewField("ids", nil, c.ids),
	)
}
