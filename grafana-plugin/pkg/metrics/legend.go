package metrics

import (
	"sort"
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
	names := make([]string, 0, len(labels))
	for name := range labels {
		if name != metricName {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var b strings.Builder
	b.WriteString(labels[metricName])
	if len(names) == 0 {
		return b.String()
	}
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(strconv.Quote(labels[name]))
	}
	b.WriteByte('}')
	return b.String()
}
