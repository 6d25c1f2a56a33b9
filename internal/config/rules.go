package config

import (
	"fmt"
	"log/slog"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
)

// checkRules reads the files that rule_files name, and returns why Prometheus
// would refuse one. A pattern that matches no file is right, as with Prometheus.
func (c *Config) checkRules() error {
	scheme := c.Prometheus.GlobalConfig.MetricNameValidationScheme
	err := rules.ParseFiles(c.Prometheus.RuleFiles, scheme, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	if err != nil {
		return fmt.Errorf("rule_files: %w", err)
	}
	return nil
}

// noteUnused notes the sections that are read and checked, so that a
// prometheus.yml with them is right, but that nothing acts on.
func (c *Config) noteUnused() {
	p := c.Prometheus
	note := func(there bool, section, what string) {
		if there {
			c.Notes = append(c.Notes, fmt.Sprintf("%s: read and checked, but not acted on: %s", section, what))
		}
	}
	note(len(p.RuleFiles) > 0, "rule_files", "no rule is evaluated; leave them with the Prometheus that does")
	note(len(p.AlertingConfig.AlertmanagerConfigs) > 0 || len(p.AlertingConfig.AlertRelabelConfigs) > 0, "alerting", "no alert is sent")
	note(p.TracingConfig.Endpoint != "", "tracing", "no traces are sent")
}
