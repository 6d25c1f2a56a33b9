package config

import (
	"fmt"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/tidemark/tidemark/query/watch"
)

// Versions is the section versions: by which series it is seen what runs.
type Versions struct {
	Enabled  bool
	Settings watch.Settings
}

func defaultVersions() Versions { return Versions{Enabled: true, Settings: watch.DefaultSettings()} }

func (v *Versions) fields() map[string]read {
	s := &v.Settings
	return map[string]read{
		"enabled":            boolean(&v.Enabled),
		"metrics":            text(into(&s.Metrics, checkMetrics)),
		"version_labels":     words(&s.Version, checkLabelName),
		"commit_labels":      words(&s.Commit, checkLabelName),
		"service_labels":     words(&s.Service, checkLabelName),
		"environment_labels": words(&s.Environment, checkLabelName),
		"environment":        text(into(&s.DefaultEnvironment, checkEnvironment)),
	}
}

// checkMetrics refuses what is no expression for names, or is one for all: every series
// would be read again and again.
func checkMetrics(expr string) error {
	m, err := labels.NewMatcher(labels.MatchRegexp, model.MetricNameLabel, expr)
	if err != nil {
		return fmt.Errorf("is %s, and must be a regular expression for names of metrics, such as .+_build_info|target_info: %w", quoted(expr), err)
	}
	if expr == "" || m.Matches("some_metric_of_no_version") {
		return fmt.Errorf("is %s, which is every metric: say which have the version in a label, such as .+_build_info|target_info", quoted(expr))
	}
	return nil
}

func checkLabelName(name string) error {
	if !model.UTF8Validation.IsValidLabelName(name) {
		return fmt.Errorf("is %s, and must be the name of a label, such as version", quoted(name))
	}
	return nil
}

// Watched are the settings of what is watched; nil for nothing.
func (v Versions) Watched() *watch.Settings {
	if !v.Enabled {
		return nil
	}
	return &v.Settings
}
