package metrics

import (
	"errors"
	"io"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/metrics/promjson"
)

// jsonAnswer reads the JSON of Prometheus' API into an answer.
type jsonAnswer struct {
	*answer
	scan *promjson.Scanner

	status, resultType string
	refusal            struct{ kind, message string }
}

func readJSON(body io.Reader, into *answer) error {
	a := jsonAnswer{answer: into, scan: promjson.New(body)}
	for key := range a.scan.Fields() {
		switch string(key) {
		case "status":
			a.status = string(a.scan.Text())
		case "data":
			a.data()
		case "warnings":
			a.remarks(data.NoticeSeverityWarning)
		case "infos":
			a.remarks(data.NoticeSeverityInfo)
		case "errorType":
			a.refusal.kind = string(a.scan.Text())
		case "error":
			a.refusal.message = string(a.scan.Text())
		default:
			a.scan.Skip()
		}
	}
	a.scan.End()
	switch err := a.scan.Err(); {
	case err != nil:
		return unreadable(err)
	case a.status != "success" && a.refusal.message != "":
		return backend.DownstreamError(errors.New(a.refusal.message))
	case a.status != "success":
		return backend.DownstreamErrorf("the server's answer has the status %q and no error", a.status)
	}
	return nil
}

func (a *jsonAnswer) data() {
	if a.scan.Next() == 'n' { // null, beside an error
		a.scan.Skip()
		return
	}
	for key := range a.scan.Fields() {
		switch string(key) {
		case "resultType":
			a.resultType = string(a.scan.Text())
		case "result":
			a.result()
		default:
			a.scan.Skip()
		}
	}
}

// result reads series, or what is one time with one value.
func (a *jsonAnswer) result() {
	var ms int64
	for i := range a.scan.Elements() {
		switch {
		case a.scan.Next() == '{':
			a.series()
		case i == 0:
			ms = a.scan.Millis()
		default:
			a.lone(ms, string(a.scan.Text()))
		}
	}
}

// series reads one series and hands it on.
func (a *jsonAnswer) series() {
	if a.full() {
		a.scan.Skip()
		return
	}
	var (
		labels data.Labels
		whole  = true
		s      = a.scan
		most   = a.budget.samples
		now    = series{times: a.current.times[:0], values: a.current.values[:0]}
	)
	a.cells.reset()
	for key := range s.Fields() {
		switch string(key) {
		case "metric":
			labels = a.names.labels(s)
		case "value":
			t, v := s.Sample()
			now.times, now.values = append(now.times, t), append(now.values, v)
		case "values":
			var all bool
			now.times, now.values, all = s.Samples(now.times, now.values, most-a.cells.len())
			whole = whole && all
		case "histogram":
			whole = a.cells.read(s, most-len(now.values)) && whole
		case "histograms":
			for range s.Elements() {
				whole = a.cells.read(s, most-len(now.values)) && whole
			}
		default:
			s.Skip()
		}
	}
	if s.Err() != nil {
		return
	}
	a.current = now
	a.add(labels, whole)
}

// lone is a scalar, or a text.
func (a *jsonAnswer) lone(ms int64, text string) {
	if v, ok := promjson.ParseFloat([]byte(text)); ok && a.resultType != "string" {
		a.shape.add(series{labels: data.Labels{}, times: []int64{ms}, values: []float64{v}})
		return
	}
	frame := data.NewFrame("",
		data.NewField(data.TimeSeriesTimeFieldName, nil, appendTimes(nil, []int64{ms})),
		data.NewField(data.TimeSeriesValueFieldName, nil, []string{text}),
	)
	frame.Meta = &data.FrameMeta{Type: data.FrameTypeTable, PreferredVisualization: data.VisTypeTable}
	a.single = frame
}

// remarks reads a list of texts.
func (a *jsonAnswer) remarks(severity data.NoticeSeverity) {
	if a.scan.Next() == 'n' {
		a.scan.Skip()
		return
	}
	for range a.scan.Elements() {
		if text := a.scan.Text(); a.scan.Err() == nil {
			a.remark(severity, text)
		}
	}
}
