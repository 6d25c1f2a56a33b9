package changeseries_test

import (
	prommodel "github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/query/changeseries"
)

// model says by brute force what each series is at a time. It is what the
// property tests hold the real thing against.
type model struct {
	spans    []annotate.Span // in the order of their starts
	flips    flips
	now      int64
	lookback int64
}

// at returns the values of the series with the name given at t, by their labels
// without the name.
func (m model) at(name string, t int64) map[string]float64 {
	switch name {
	case changeseries.Change:
		return m.changes(t)
	case changeseries.LastChange:
		return m.lastChange(t)
	case changeseries.VersionInfo:
		return m.versions(t)
	case changeseries.FlagState:
		return m.flagStates(t)
	}
	return m.count(-1<<62, t)
}

func (m model) changes(t int64) map[string]float64 {
	found := map[string]float64{}
	for _, s := range m.spans {
		shows := s.Start <= t && t <= s.End
		switch s.End {
		case annotate.Ongoing:
			shows = s.Start <= m.now && s.Start <= t && t < m.now+m.lookback
		case s.Start:
			shows = s.Start <= t && t < s.Start+m.lookback
		}
		if shows {
			found[key("environment", s.Environment, "id", s.ID, "kind", s.Kind, "service", s.Service,
				"status", string(s.Status), "version", s.Version, "who", s.Who)] = 1
		}
	}
	return found
}

func (m model) lastChange(t int64) map[string]float64 {
	found := map[string]float64{}
	for _, s := range m.spans {
		if s.Start <= t {
			found[key("environment", s.Environment, "kind", s.Kind, "service", s.Service)] = float64(s.Start) / 1e3
		}
	}
	return found
}

func (m model) versions(t int64) map[string]float64 {
	newest := map[[2]string]annotate.Span{}
	for _, s := range m.spans {
		if s.Kind != annotate.KindDeploy || s.Status != annotate.Succeeded || s.Version == "" || s.End > t {
			continue
		}
		place := [2]string{s.Service, s.Environment}
		if old, ok := newest[place]; !ok || s.End >= old.End {
			newest[place] = s
		}
	}
	found := map[string]float64{}
	for _, s := range newest {
		found[key("environment", s.Environment, "service", s.Service, "version", s.Version)] = 1
	}
	return found
}

// count returns how many changes started in (from, to], for each series that had
// begun by to.
func (m model) count(from, to int64) map[string]float64 {
	found := map[string]float64{}
	for _, s := range m.spans {
		if s.Start > to {
			continue
		}
		k := key("environment", s.Environment, "kind", s.Kind, "service", s.Service, "status", string(s.Status))
		if found[k] += 0; s.Start > from {
			found[k]++
		}
	}
	return found
}

// key writes labels, without the empty ones, as the tests compare them.
func key(pairs ...string) string {
	var some []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			some = append(some, pairs[i], pairs[i+1])
		}
	}
	return labels.FromStrings(some...).String()
}

// written writes labels as PromQL does, the name first.
func written(l labels.Labels) string {
	return l.Get(prommodel.MetricNameLabel) + l.DropReserved(func(name string) bool { return name == prommodel.MetricNameLabel }).String()
}
