package metrics

import (
	"errors"
	"fmt"
	"io"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/tidemark/tidemark/grafana-plugin/pkg/metrics/columns"
)

// columnsAnswer reads an answer in columns into an answer.
type columnsAnswer struct {
	*answer
	scan *columns.Scanner

	resultType uint64
	// promised is how many series there must be, if counted, and seen how many
	// there were.
	promised, seen uint64
	counted        bool

	timesID int // of the times that were read last
	labels  labelPairs
}

func readColumns(body io.Reader, into *answer) error {
	a := columnsAnswer{answer: into, scan: columns.New(body), labels: labelPairs{names: into.names}}
	for field := range a.scan.Fields() {
		switch field {
		case columns.ResultType:
			a.resultType = a.scan.Number()
		case columns.SeriesCount:
			a.promised, a.counted = a.scan.Number(), true
		case columns.Warnings:
			a.text(data.NoticeSeverityWarning)
		case columns.Infos:
			a.text(data.NoticeSeverityInfo)
		case columns.Series:
			a.seen++
			a.series()
		}
	}
	switch {
	case a.resultType != columns.Matrix && a.resultType != columns.Vector:
		a.scan.Refuse(fmt.Errorf("has a result of the unknown type %d", a.resultType))
	case !a.counted:
		a.scan.Refuse(errors.New("does not say how many series it has"))
	case a.seen != a.promised:
		a.scan.Refuse(fmt.Errorf("has %d series where %d must be", a.seen, a.promised))
	}
	if err := a.scan.Err(); err != nil {
		return unreadable(err)
	}
	return nil
}

func (a *columnsAnswer) text(severity data.NoticeSeverity) {
	if text := a.scan.Text(); a.scan.Err() == nil {
		a.remark(severity, text)
	}
}

// series reads one series and hands it on. Of one that does not fit into the
// budget no more is read than shows that.
func (a *columnsAnswer) series() {
	if a.full() {
		return
	}
	var (
		s      = a.scan
		labels = &a.labels
		values = a.current.values[:0]
		times  = a.current.times // of the series before, which mostly has the same
		timed  = 0
		whole  = true
	)
	labels.reset()
	for field := range s.Fields() {
		switch field {
		case columns.Labels:
			labels.add(s.Text())
			whole = labels.size <= a.budget.labelBytes
		case columns.Values:
			if whole = s.Count() <= int64(a.budget.samples-len(values)); whole {
				values = s.Values(values)
			}
		case columns.Times:
			var same bool
			timed = len(values)
			if times, same = s.Times(times, timed); !same {
				a.timesID++
			}
		}
		if !whole {
			break
		}
	}
	switch {
	case whole && labels.half:
		s.Refuse(fmt.Errorf("has the label %q without a value", labels.name))
	case whole && timed != len(values):
		s.Refuse(fmt.Errorf("has %d values with %d times", len(values), timed))
	case timed == 0:
		times = times[:0]
		a.timesID++
	}
	if s.Err() != nil {
		return
	}
	a.current = series{times: times, values: values, timesID: a.timesID}
	a.add(labels.labels, whole)
}

// maxBefore is how many texts of a series are compared with the series before.
const maxBefore = 64

// labelPairs are labels that come as a name, its value, the next name, and so on.
type labelPairs struct {
	names  interner
	labels data.Labels
	name   string
	half   bool // the value of name is still to come
	size   int  // of all texts
	count  int  // of texts
	// before are the texts of the series before. Most are there again, in the
	// same place.
	before []string
}

// reset begins with another series.
func (p *labelPairs) reset() {
	p.labels = data.Labels{}
	p.half, p.size, p.count = false, 0, 0
}

func (p *labelPairs) add(b []byte) {
	text := p.text(b)
	p.size += len(text)
	if p.half {
		p.labels[p.name] = text
	} else {
		p.name = text
	}
	p.half = !p.half
}

func (p *labelPairs) text(b []byte) string {
	i := p.count
	p.count++
	switch {
	case i == maxBefore:
		p.count = i
		return p.names.text(b)
	case i == len(p.before):
		p.before = append(p.before, "")
	case p.before[i] == string(b):
		return p.before[i]
	}
	p.before[i] = p.names.text(b)
	return p.before[i]
}
