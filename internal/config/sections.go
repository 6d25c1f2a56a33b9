package config

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/tidemark/tidemark/annotate/changelog"
	"github.com/tidemark/tidemark/ingest/host"
	"github.com/tidemark/tidemark/ingest/push"
)

// Host is the section host: the metrics of the machine that Tidemark runs on.
type Host struct {
	Enabled bool
	// JobName is the job label of these metrics.
	JobName string
	// Collectors replaces node_exporter's default set; nil keeps it.
	Collectors []string
	// Enable and Disable are added to the set and taken from it.
	Enable, Disable []string
	// Flags are node_exporter's own, by name without dashes.
	Flags map[string]string
}

func defaultHost() Host { return Host{Enabled: true, JobName: "node"} }

func (h *Host) fields() map[string]read {
	return map[string]read{
		"enabled":    boolean(&h.Enabled),
		"job_name":   text(into(&h.JobName, checkJobName)),
		"collectors": words(&h.Collectors, checkCollector),
		"enable":     words(&h.Enable, checkCollector),
		"disable":    words(&h.Disable, checkCollector),
		"options":    pairs(h.addFlag),
	}
}

func (h *Host) addFlag(name, value string) error {
	if err := host.ValidateFlags(map[string]string{name: value}); err != nil && host.Available {
		return err
	}
	if h.Flags == nil {
		h.Flags = map[string]string{}
	}
	h.Flags[name] = value
	return nil
}

func checkJobName(name string) error {
	switch {
	case name == "" || !model.LabelValue(name).IsValid():
		return fmt.Errorf("is %s, and must be a label's value, such as node", quoted(name))
	case name == selfJob:
		return fmt.Errorf("is %q, which is the job of Tidemark's own metrics: take another, such as node", name)
	}
	return nil
}

func checkCollector(name string) error {
	if all := host.Known(); host.Available && !slices.Contains(all, name) {
		return fmt.Errorf("unknown collector %s; %s", quoted(name), known(name, all))
	}
	return nil
}

// Options are what a host.Collector needs of this section.
func (h Host) Options(logger *slog.Logger) host.Options {
	return host.Options{Collectors: h.Collectors, Enable: h.Enable, Disable: h.Disable, Flags: h.Flags, Logger: logger}
}

// Changes is the section changes: the change log.
type Changes struct {
	// MaxPerRequest is how many changes one request may report.
	MaxPerRequest int
	// JoinWithin is how far apart two sources may tell of the same deploy, for it to be
	// one change.
	JoinWithin time.Duration
	Series     ChangeSeries
}

// ChangeSeries bounds what a query may see of the changes as series.
type ChangeSeries struct {
	// MaxChanges is how many changes one selector may select.
	MaxChanges int
	// MaxGroups is how many combinations of kind, service and environment one
	// selector may select.
	MaxGroups int
}

func defaultChanges() Changes {
	return Changes{MaxPerRequest: 1000, JoinWithin: changelog.DefaultJoinWithin, Series: ChangeSeries{MaxChanges: 10_000, MaxGroups: 10_000}}
}

func (c *Changes) fields() map[string]read {
	return map[string]read{
		"max_per_request": number(&c.MaxPerRequest, 100_000),
		"join_within":     duration(&c.JoinWithin, time.Second, 24*time.Hour),
		"series": object(map[string]read{
			"max_changes": number(&c.Series.MaxChanges, 1_000_000),
			"max_groups":  number(&c.Series.MaxGroups, 1_000_000),
		}),
	}
}

// oneOf accepts the words given, of which there are two at least.
func oneOf(words ...string) func(string) error {
	return func(value string) error {
		if slices.Contains(words, value) {
			return nil
		}
		last := len(words) - 1
		return fmt.Errorf("is %s, and must be %s or %s", quoted(value), strings.Join(words[:last], ", "), words[last])
	}
}

// Ingest is the section ingest: what may be pushed.
type Ingest struct{ limits push.Limits }

func defaultIngest() Ingest { return Ingest{push.DefaultLimits()} }

// Limits are the limits of what is pushed.
func (i Ingest) Limits() push.Limits { return i.limits }

func (i *Ingest) fields() map[string]read {
	l := &i.limits
	return map[string]read{
		"max_samples_per_request": number(&l.MaxSamples, 100_000_000),
		"max_labels":              number(&l.MaxLabels, 10_000),
		"max_label_name_length":   number(&l.MaxLabelName, 1<<20),
		"max_label_value_length":  number(&l.MaxLabelValue, 1<<20),
		"max_concurrent":          number(&l.MaxConcurrent, 10_000),
		"max_body_size":           size(&l.MaxBody, 1<<10, 1<<30),
	}
}
