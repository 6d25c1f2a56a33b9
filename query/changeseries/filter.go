package changeseries

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/tidemark/tidemark/annotate"
)

// maxFilterValues bounds what is handed to the log to look up. Past it, as for
// matchers that the log cannot answer, the changes are matched here.
const maxFilterValues = 200

// filter returns the part of the matchers that the log can answer from an index.
// It reports false where they contradict each other and select nothing.
func (f *family) filter(matchers []*labels.Matcher) (annotate.SpanFilter, bool) {
	var filter annotate.SpanFilter
	for _, m := range matchers {
		list := f.filterList(&filter, m.Name)
		if list == nil {
			continue
		}
		values := valuesOf(m)
		if len(values) == 0 || len(values) > maxFilterValues {
			continue
		}
		if *list != nil {
			values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !slices.Contains(*list, v) })
			if len(values) == 0 {
				return filter, false
			}
		}
		*list = values
	}
	return filter, true
}

// filterList returns the list of filter for the label with the name given, or
// nil where the log has none for f.
func (f *family) filterList(filter *annotate.SpanFilter, name string) *[]string {
	if !slices.Contains(f.labels, name) {
		return nil
	}
	switch name {
	case "environment":
		return &filter.Environments
	case "flag":
		return &filter.Flags
	case "id":
		return &filter.IDs
	case "kind":
		return &filter.Kinds
	case "service":
		return &filter.Services
	case "status":
		return &filter.Statuses
	case "version":
		if f.name == VersionInfo {
			return nil // which version ran is known only from all of them
		}
		return &filter.Versions
	}
	return nil
}

// valuesOf returns the values that m matches where it lists them, none of them
// empty, and nil otherwise.
func valuesOf(m *labels.Matcher) []string {
	var values []string
	switch m.Type {
	case labels.MatchEqual:
		values = []string{m.Value}
	case labels.MatchRegexp:
		values = m.SetMatches()
	}
	if slices.Contains(values, "") {
		return nil
	}
	return values
}
