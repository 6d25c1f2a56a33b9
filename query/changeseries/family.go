package changeseries

import (
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"

	"github.com/tidemark/tidemark/annotate"
)

// The names of the change series.
const (
	Change       = "tidemark_change"
	LastChange   = "tidemark_last_change_timestamp_seconds"
	VersionInfo  = "tidemark_version_info"
	ChangesTotal = "tidemark_changes_total"
)

// family is the series of one name.
type family struct {
	name string
	// labels are those that its series may have, sorted.
	labels []string
	typ    model.MetricType
	help   string
}

// families are all there are. The bits of a familySet are their indexes.
var families = [...]family{
	inChange: {
		Change, []string{"environment", "id", "kind", "service", "status", "version", "who"},
		model.MetricTypeGauge, "1 while the change lasts; an instant change is 1 for one lookback.",
	},
	inLastChange: {
		LastChange, []string{"environment", "kind", "service"},
		model.MetricTypeGauge, "The start of the newest change that had begun, in Unix seconds.",
	},
	inVersionInfo: {
		VersionInfo, []string{"environment", "service", "version"},
		model.MetricTypeGauge, "1 for the version that ran: that of the newest deploy that had succeeded.",
	},
	inChangesTotal: {
		ChangesTotal, []string{"environment", "kind", "service", "status"},
		model.MetricTypeCounter, "How many changes had begun.",
	},
}

const (
	inChange = iota
	inLastChange
	inVersionInfo
	inChangesTotal
)

// familySet holds some of the families, a bit for each.
type familySet uint8

func (s familySet) has(i int) bool { return s&(1<<i) != 0 }

// matching returns the families that could have a series which the matchers
// select. It does not allocate: most selects are for samples, and end here.
func matching(matchers []*labels.Matcher) familySet {
	var set familySet
	for i := range families {
		if families[i].couldMatch(matchers) {
			set |= 1 << i
		}
	}
	return set
}

func (f *family) couldMatch(matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		switch {
		case m.Name == model.MetricNameLabel:
			if !m.Matches(f.name) {
				return false
			}
		case !slices.Contains(f.labels, m.Name) && !m.Matches(""):
			return false
		}
	}
	return true
}

// selects reports whether the matchers select the series of f for s. They are
// known not to exclude the family.
func (f *family) selects(matchers []*labels.Matcher, s annotate.Span) bool {
	for _, m := range matchers {
		if slices.Contains(f.labels, m.Name) && !m.Matches(labelOf(s, m.Name)) {
			return false
		}
	}
	return true
}

// identity returns s with only those fields that are labels of f, so that all
// changes behind one series have the same.
func (f *family) identity(s annotate.Span) annotate.Span {
	id := annotate.Span{Service: s.Service, Environment: s.Environment}
	switch f.name {
	case Change:
		id = s
		id.Start, id.End = 0, 0
	case LastChange:
		id.Kind = s.Kind
	case VersionInfo:
		id.Version = s.Version
	case ChangesTotal:
		id.Kind, id.Status = s.Kind, s.Status
	}
	return id
}

// labelSet returns the labels of the series of f for s; empty ones are left out.
func (f *family) labelSet(b *labels.ScratchBuilder, s annotate.Span) labels.Labels {
	b.Reset()
	b.Add(model.MetricNameLabel, f.name)
	for _, name := range f.labels {
		if v := labelOf(s, name); v != "" {
			b.Add(name, v)
		}
	}
	return b.Labels()
}

// labelOf returns what s has for the label with the name given.
func labelOf(s annotate.Span, name string) string {
	switch name {
	case "environment":
		return s.Environment
	case "id":
		return s.ID
	case "kind":
		return s.Kind
	case "service":
		return s.Service
	case "status":
		return string(s.Status)
	case "version":
		return s.Version
	case "who":
		return s.Who
	}
	return ""
}

// Metadata describes the change series, by name.
func Metadata() map[string]metadata.Metadata {
	md := make(map[string]metadata.Metadata, len(families))
	for _, f := range families {
		md[f.name] = metadata.Metadata{Type: f.typ, Help: f.help}
	}
	return md
}
