package metrics

import (
	"slices"
	"strconv"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// autoLegend lets Grafana name a series by the labels in which it differs from
// the others of the panel.
const autoLegend = "__auto"

const metricName = "__name__"

// legend names series.
type legend struct {
	auto  bool
	parts []legendPart // nil for all labels
	expr  string
}

// legendPart is a text as it is, or the name of a label.
type legendPart struct{ text, label string }

// parseLegend reads a legend such as "{{service}} on {{ instance }}". expr
// names what has no labels.
func parseLegend(format, expr string) legend {
	l := legend{auto: format == autoLegend, expr: expr}
	if l.auto || format == "" {
		return l
	}
	for {
		text, rest, found := strings.Cut(format, "{{")
		label, behind, closed := strings.Cut(rest, "}}")
		if !found || !closed {
			l.parts = append(l.parts, legendPart{text: format})
			return l
		}
		l.parts = append(l.parts, legendPart{text: text, label: strings.TrimSpace(label)})
		format = behind
	}
}

// name returns the name of a series; empty for Grafana to find one.
func (l legend) name(labels data.Labels) string {
	switch {
	case l.parts != nil:
		return l.filled(labels)
	case len(labels) == 0:
		return l.expr
	case l.auto:
		return ""
	}
	return selectorOf(labels)
}

func (l legend) filled(labels data.Labels) string {
	var b strings.Builder
	for _, p := range l.parts {
		b.WriteString(p.text)
		if p.label != "" {
			b.WriteString(labels[p.label])
		}
	}
	return b.String()
}

// selectorOf writes labels as PromQL selects them.
func selectorOf(labels data.Labels) string {
	var few [16]string // as many as most series have, without a place on the heap
	names := few[:0]
	for name := range labels {
		if name != metricName {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return labels[metricName]
	}
	slices.Sort(names)
	var short [256]byte
	b := append(short[:0], labels[metricName]...)
	for i, name := range names {
		if i == 0 {
			b = append(b, '{')
		} else {
			b = append(b, ", "...)
		}
		b = append(b, name...)
		b = append(b, '=')
		b = appendQuoted(b, labels[name])
	}
	return string(append(b, '}'))
}

// appendQuoted is strconv.AppendQuote, and quick with what most values are.
func appendQuoted(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return strconv.AppendQuote(b, text)
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}
