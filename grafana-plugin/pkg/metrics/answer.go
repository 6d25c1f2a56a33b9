package metrics

import (
	"io"
	"math"
	"mime"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/metrics/columns"
)

// acceptAnswers asks for columns where the server has them; Prometheus' JSON is
// read as well.
const acceptAnswers = columns.MediaType + ", application/json;q=0.9"

// The bounds of the notices of one answer.
const (
	maxNotices     = 20
	maxNoticeBytes = 1000
)

// answer makes frames of what a server answers to a query, series by series.
type answer struct {
	names   interner
	budget  budget
	shape   shaper
	request request

	current series // its slices are used again for each series
	cells   cells
	heat    data.Frames // of native histograms
	single  *data.Frame // of a text or a scalar
	notices []data.Notice
}

func newAnswer(maxPoints int, shape shaper, r request) *answer {
	return &answer{names: interner{}, budget: newBudget(maxPoints), shape: shape, request: r}
}

// read reads body, which is of the type that its Content-Type says, to its end.
// Its errors are backend.DownstreamError's.
func (a *answer) read(body io.Reader, contentType string) error {
	var err error
	if mediaType, _, _ := mime.ParseMediaType(contentType); mediaType == columns.MediaType {
		err = readColumns(body, a)
	} else {
		err = readJSON(body, a)
	}
	if err != nil {
		return err
	}
	return a.verdict()
}

// unreadable says that the answer is broken, and what of it.
func unreadable(err error) error {
	if backend.IsDownstreamError(err) {
		return err // of the way to the server
	}
	return backend.DownstreamErrorf("the server's answer cannot be read: %w", err)
}

// verdict returns what is wrong with an answer that could be read.
func (a *answer) verdict() error {
	switch {
	case a.budget.spent() && a.request.ByRule:
		return backend.DownstreamErrorf("%s", a.budget.cut())
	case len(a.heat) > 0 && a.request.ByRule:
		return backend.DownstreamErrorf("the result holds native histograms, and a rule needs numbers; take histogram_quantile, histogram_count or histogram_sum of them")
	}
	return nil
}

// full reports whether the next series is left out, and counts it then.
func (a *answer) full() bool {
	if a.budget.spent() {
		a.budget.left++
		return true
	}
	return false
}

// add hands on the series in current, with its labels, and the histograms of it
// in cells, if the budget allows. It must be whole for that.
func (a *answer) add(labels data.Labels, whole bool) {
	a.current.labels = labels
	cost := len(a.current.values)*a.shape.weight(labels) + a.cells.len()
	if !whole {
		cost = math.MaxInt
	}
	if !a.budget.take(labels, cost) {
		return
	}
	if len(a.current.values) > 0 || a.cells.len() == 0 {
		a.shape.add(a.current)
	}
	if a.cells.len() > 0 {
		a.heat = append(a.heat, a.cells.frame(a.request.legend.name(labels), labels, a.interval()))
	}
}

// interval is how far cells lie apart, in milliseconds.
func (a *answer) interval() float64 { return float64(a.request.step.Milliseconds()) }

// remark keeps a text for the person who looks at the panel.
func (a *answer) remark(severity data.NoticeSeverity, text []byte) {
	if len(a.notices) < maxNotices {
		a.notices = append(a.notices, data.Notice{Severity: severity, Text: string(text[:min(len(text), maxNoticeBytes)])})
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
