package metrics

import (
	"errors"
	"io"
	"math"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/metrics/promjson"
)

// The bounds of the notices of one answer.
const (
	maxNotices     = 20
	maxNoticeBytes = 1000
)

// answer reads what Prometheus' API answers to a query, and makes frames of
// it series by series.
type answer struct {
	scan    *promjson.Scanner
	names   interner
	budget  budget
	shape   shaper
	request request

	current series // its slices are used again for each series
	cells   cells
	heat    data.Frames // of native histograms
	single  *data.Frame // of a text or a scalar
	notices []data.Notice

	status, resultType string
	refusal            struct{ kind, message string }
}

func newAnswer(maxPoints int, shape shaper, r request) *answer {
	return &answer{names: interner{}, budget: newBudget(maxPoints), shape: shape, request: r}
}

// read reads body to its end. Its errors are backend.DownstreamError's.
func (a *answer) read(body io.Reader) error {
	a.scan = promjson.New(body)
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
	return a.verdict()
}

// verdict returns what was wrong with the answer.
func (a *answer) verdict() error {
	err := a.scan.Err()
	switch {
	case err != nil && backend.IsDownstreamError(err):
		return err
	case err != nil:
		return backend.DownstreamErrorf("the server's answer cannot be read: %w", err)
	case a.status != "success" && a.refusal.message != "":
		return backend.DownstreamError(errors.New(a.refusal.message))
	case a.status != "success":
		return backend.DownstreamErrorf("the server's answer has the status %q and no error", a.status)
	case a.budget.spent() && a.request.ByRule:
		return backend.DownstreamErrorf("%s", a.budget.cut())
	case len(a.heat) > 0 && a.request.ByRule:
		return backend.DownstreamErrorf("the result holds native histograms, and a rule needs numbers; take histogram_quantile, histogram_count or histogram_sum of them")
	}
	return nil
}

func (a *answer) data() {
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
func (a *answer) result() {
	var ms int64
	for i := range a.scan.Elements() {
		switch {
		case a.scan.Next() == '{':
			a.element()
		case i == 0:
			ms = a.scan.Millis()
		default:
			a.lone(ms, string(a.scan.Text()))
		}
	}
}

// element reads one series and hands it on, if the budget allows.
func (a *answer) element() {
	if a.budget.spent() {
		a.budget.left++
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
	now.labels = labels
	cost := len(now.values)*a.shape.weight(labels) + a.cells.len()
	if !whole {
		cost = math.MaxInt
	}
	if !a.budget.take(labels, cost) {
		return
	}
	if len(now.values) > 0 || a.cells.len() == 0 {
		a.shape.add(now)
	}
	if a.cells.len() > 0 {
		a.heat = append(a.heat, a.cells.frame(a.request.legend.name(labels), labels, a.interval()))
	}
}

// interval is how far cells lie apart, in milliseconds.
func (a *answer) interval() float64 { return float64(a.request.step.Milliseconds()) }

// lone is a scalar, or a text.
func (a *answer) lone(ms int64, text string) {
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

// remarks reads a list of texts for the person who looks at the panel.
func (a *answer) remarks(severity data.NoticeSeverity) {
	if a.scan.Next() == 'n' {
		a.scan.Skip()
		return
	}
	for range a.scan.Elements() {
		text := a.scan.Text()
		if len(a.notices) < maxNotices && a.scan.Err() == nil {
			a.notices = append(a.notices, data.Notice{Severity: severity, Text: string(text[:min(len(text), maxNoticeBytes)])})
		}
	}
}

// frames returns what was read. The first frame tells what was asked, and
// carries the notices; there is one even for nothing.
func (a *answer) frames() data.Frames {
	frames := append(a.shape.frames(), a.heat...)
	if a.single != nil {
		frames = append(frames, a.single)
	}
	if len(frames) == 0 {
		empty := data.NewFrame("")
		empty.Meta = &data.FrameMeta{Type: a.shape.kind(), TypeVersion: data.FrameTypeVersion{0, 1}}
		frames = data.Frames{empty}
	}
	frames[0].Meta.ExecutedQueryString = a.request.executed()
	if a.budget.spent() {
		frames[0].AppendNotices(data.Notice{Severity: data.NoticeSeverityWarning, Text: a.budget.cut()})
	}
	frames[0].AppendNotices(a.notices...)
	return frames
}
