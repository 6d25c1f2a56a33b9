package changeseries

import (
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
)

// The names of the change series.
const (
	Change       = "tidemark_change"
	LastChange   = "tidemark_last_change_timestamp_seconds"
	VersionInfo  = "tidemark_version_info"
	ChangesTotal = "tidemark_changes_total"
	FlagState    = "tidemark_flag_state"
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
	inFlagState: {
		FlagState, []string{"environment", "flag", "service", "variation"},
		model.MetricTypeGauge, "The share, from 0 to 1, that the flag gave the variation.",
	},
}

const (
	inChange = iota
	inLastChange
	inVersionInfo
	inChangesTotal
	inFlagState
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

// selects reports whether the matchers select the series id of f. They are
// known not to exclude the family.
func (f *family) selects(matchers []*labels.Matcher, id identity) bool {
	for _, m := range matchers {
		if slices.Contains(f.labels, m.Name) && !m.Matches(id.label(m.Name)) {
			return false
		}
	}
	return true
}

// labelSet returns the labels of the series id of f; empty ones are left out.
func (f *family) labelSet(b *labels.ScratchBuilder, id identity) labels.Labels {
	b.Reset()
	b.Add(model.MetricNameLabel, f.name)
	for _, name := range f.labels {
		if v := id.label(name); v != "" {
			b.Add(name, v)
		}
	}
	return b.Labels()
}

// Metadata describes the change series, by name.
func Metadata() map[string]metadata.Metadata {
	md := make(map[string]metadata.Metadata, len(families))
	for _, f := range families {
		md[f.name] = metadata.Metadata{Type: f.typ, Help: f.help}
	}
	return md
}
