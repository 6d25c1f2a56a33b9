package metrics

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/metrics/promjson"
)

// exemplarFrame is the name by which Grafana knows a frame of exemplars.
const exemplarFrame = "exemplar"

// exemplars asks for the exemplars of the time range. That they cannot be had
// is no reason to show no graph: a notice says so.
func (q *Querier) exemplars(ctx context.Context, r request) (data.Frames, error) {
	thin := newThinner(r.from, r.to)
	if err := q.readExemplars(ctx, r, thin); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		frame := newExemplarFrame()
		frame.AppendNotices(data.Notice{Severity: data.NoticeSeverityWarning, Text: "the exemplars are missing: " + err.Error()})
		return data.Frames{frame}, nil
	}
	if thin.seen == 0 {
		return nil, nil
	}
	return data.Frames{thin.frame()}, nil
}

func (q *Querier) readExemplars(ctx context.Context, r request, thin *thinner) error {
	done, err := q.enter(ctx)
	if err != nil {
		return err
	}
	defer done()
	form := url.Values{"query": {r.Expr}, "start": {seconds(r.from)}, "end": {seconds(r.to)}}
	body, _, err := q.server.PostForm(ctx, exemplarEndpoint, form, "application/json")
	if err != nil {
		return err
	}
	defer body.Close()
	return thin.read(body)
}

// exemplar is one observation, with the labels of its series and its own.
type exemplar struct {
	ms     int64
	value  float64
	series data.Labels
	own    data.Labels
}

// label returns one of the labels; its own come first.
func (e exemplar) label(name string) string {
	if value, ok := e.own[name]; ok {
		return value
	}
	return e.series[name]
}

// How many exemplars are shown: so many slices of the time range, and so many
// of each.
const (
	thinnerSlices = 100
	perSlice      = 5
)

// thinner keeps a bounded number of exemplars, spread over the time range: the
// highest of each slice, for those are what people look for in a latency.
type thinner struct {
	from, length int64 // Unix milliseconds, and of a slice
	slices       [thinnerSlices][]exemplar
	seen         int
	names        interner
}

func newThinner(from, to time.Time) *thinner {
	return &thinner{
		from: from.UnixMilli(), length: max((to.UnixMilli()-from.UnixMilli())/thinnerSlices+1, 1),
		names: interner{},
	}
}

// read reads an answer of query_exemplars.
func (t *thinner) read(body io.Reader) error {
	s := promjson.New(body)
	for key := range s.Fields() {
		if string(key) != "data" || s.Next() != '[' {
			s.Skip()
			continue
		}
		for range s.Elements() {
			t.series(s)
		}
	}
	s.End()
	if err := s.Err(); err != nil {
		return backend.DownstreamErrorf("the server's answer cannot be read: %w", err)
	}
	return nil
}

func (t *thinner) series(s *promjson.Scanner) {
	var labels data.Labels
	for key := range s.Fields() {
		switch string(key) {
		case "seriesLabels":
			labels = t.names.labels(s)
		case "exemplars":
			for range s.Elements() {
				t.add(readExemplar(s, labels))
			}
		default:
			s.Skip()
		}
	}
}

func readExemplar(s *promjson.Scanner, series data.Labels) exemplar {
	e := exemplar{series: series}
	for key := range s.Fields() {
		switch string(key) {
		case "labels":
			e.own = interner{}.labels(s) // trace ids are each there once
		case "value":
			e.value = s.Float()
		case "timestamp":
			e.ms = s.Millis()
		default:
			s.Skip()
		}
	}
	return e
}

// add keeps e if it is among the highest of its slice.
func (t *thinner) add(e exemplar) {
	t.seen++
	i := min(max((e.ms-t.from)/t.length, 0), thinnerSlices-1)
	slice := t.slices[i]
	if len(slice) < perSlice {
		t.slices[i] = append(slice, e)
		return
	}
	lowest := 0
	for j := range slice {
		if slice[j].value < slice[lowest].value {
			lowest = j
		}
	}
	if e.value > slice[lowest].value {
		slice[lowest] = e
	}
}

func newExemplarFrame() *data.Frame {
	frame := data.NewFrame(exemplarFrame)
	frame.Meta = &data.FrameMeta{DataTopic: data.DataTopicAnnotations}
	return frame
}

// frame returns what was kept, oldest first, with a column for each label.
func (t *thinner) frame() *data.Frame {
	kept := slices.Concat(t.slices[:]...)
	slices.SortStableFunc(kept, func(a, b exemplar) int { return int(min(max(a.ms-b.ms, -1), 1)) })
	var (
		times  []int64
		values []float64
	)
	for _, e := range kept {
		times, values = append(times, e.ms), append(values, e.value)
	}
	frame := newExemplarFrame()
	frame.Fields = append(frame.Fields,
		data.NewField(data.TimeSeriesTimeFieldName, nil, appendTimes(nil, times)),
		data.NewField(data.TimeSeriesValueFieldName, nil, values))
	for _, name := range labelsOf(kept) {
		column := make([]string, len(kept))
		for i, e := range kept {
			column[i] = e.label(name)
		}
		frame.Fields = append(frame.Fields, data.NewField(name, nil, column))
	}
	if len(kept) < t.seen {
		frame.AppendNotices(data.Notice{
			Severity: data.NoticeSeverityInfo,
			Text:     fmt.Sprintf("%s of %s exemplars are shown: the highest of each time", grouped(len(kept)), grouped(t.seen)),
		})
	}
	return frame
}

func labelsOf(exemplars []exemplar) []string {
	names := map[string]bool{}
	for _, e := range exemplars {
		for name := range e.series {
			names[name] = true
		}
		for name := range e.own {
			names[name] = true
		}
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	return sorted
}
