package config

import (
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	"go.yaml.in/yaml/v3"
)

// What Tidemark takes for keys of Prometheus' sections that the file leaves
// out, where Prometheus itself takes "no limit" or "off". A key that the file
// has keeps its meaning to the letter: a limit of 0 is none.
const (
	DefaultBodySizeLimit         = 128 * units.MiB
	DefaultSampleLimit           = 1_000_000
	DefaultTargetLimit           = 10_000
	DefaultLabelLimit            = 200
	DefaultLabelNameLengthLimit  = 1024
	DefaultLabelValueLengthLimit = 16 << 10
	// DefaultOutOfOrderWindow is how late a sample may come after newer ones of
	// its series.
	DefaultOutOfOrderWindow = 30 * time.Minute
)

// fillDefaults sets what the file leaves out. Jobs in scrape_config_files take
// the limits from global, as with Prometheus; there a limit of 0 is global's.
func (c *Config) fillDefaults(doc *document) {
	global := &c.Prometheus.GlobalConfig
	jobs := jobNodes(doc)
	for _, limit := range scrapeLimits() {
		if doc.says("global", limit.key) {
			continue
		}
		limit.ofGlobal(global)
		for i, job := range c.Prometheus.ScrapeConfigs {
			if i >= len(jobs) || lookup(jobs[i], limit.key) == nil {
				limit.ofJob(job)
			}
		}
	}
	storage := &c.Prometheus.StorageConfig
	if !doc.says("storage", "tsdb", "out_of_order_time_window") {
		storage.TSDBConfig.OutOfOrderTimeWindow = DefaultOutOfOrderWindow.Milliseconds()
		storage.TSDBConfig.OutOfOrderTimeWindowFlag = model.Duration(DefaultOutOfOrderWindow)
	}
	if storage.ExemplarsConfig == nil {
		exemplars := promconfig.DefaultExemplarsConfig
		storage.ExemplarsConfig = &exemplars
	}
	c.intervalSaid = doc.says("global", "scrape_interval")
}

// scrapeLimit is a limit that global has, and that each job can set for itself.
type scrapeLimit struct {
	key      string
	ofGlobal func(*promconfig.GlobalConfig)
	ofJob    func(*promconfig.ScrapeConfig)
}

func scrapeLimits() []scrapeLimit {
	return []scrapeLimit{
		{
			"body_size_limit",
			func(g *promconfig.GlobalConfig) { g.BodySizeLimit = DefaultBodySizeLimit },
			func(j *promconfig.ScrapeConfig) { j.BodySizeLimit = DefaultBodySizeLimit },
		},
		{
			"sample_limit",
			func(g *promconfig.GlobalConfig) { g.SampleLimit = DefaultSampleLimit },
			func(j *promconfig.ScrapeConfig) { j.SampleLimit = DefaultSampleLimit },
		},
		{
			"target_limit",
			func(g *promconfig.GlobalConfig) { g.TargetLimit = DefaultTargetLimit },
			func(j *promconfig.ScrapeConfig) { j.TargetLimit = DefaultTargetLimit },
		},
		{
			"label_limit",
			func(g *promconfig.GlobalConfig) { g.LabelLimit = DefaultLabelLimit },
			func(j *promconfig.ScrapeConfig) { j.LabelLimit = DefaultLabelLimit },
		},
		{
			"label_name_length_limit",
			func(g *promconfig.GlobalConfig) { g.LabelNameLengthLimit = DefaultLabelNameLengthLimit },
			func(j *promconfig.ScrapeConfig) { j.LabelNameLengthLimit = DefaultLabelNameLengthLimit },
		},
		{
			"label_value_length_limit",
			func(g *promconfig.GlobalConfig) { g.LabelValueLengthLimit = DefaultLabelValueLengthLimit },
			func(j *promconfig.ScrapeConfig) { j.LabelValueLengthLimit = DefaultLabelValueLengthLimit },
		},
	}
}

// says reports whether the file gives a value at path, which begins with one of
// Prometheus' sections.
func (d *document) says(path ...string) bool {
	for _, s := range d.prometheus {
		if s.key.Value != path[0] {
			continue
		}
		n := s.value
		for _, key := range path[1:] {
			if n = lookup(n, key); n == nil {
				return false
			}
		}
		return !isNull(resolve(n))
	}
	return false
}

// jobNodes are the entries of scrape_configs.
func jobNodes(d *document) []*yaml.Node {
	for _, s := range d.prometheus {
		if s.key.Value == "scrape_configs" {
			return resolve(s.value).Content
		}
	}
	return nil
}

// lookup returns the value of key in the mapping n, also where it came there by
// a merge; nil where it has none.
func lookup(n *yaml.Node, key string) *yaml.Node { return lookupWithin(n, key, 16) }

// lookupWithin bounds the depth of merges, which can name each other in a circle.
func lookupWithin(n *yaml.Node, key string, depth int) *yaml.Node {
	n = resolve(n)
	if depth == 0 || n.Kind != yaml.MappingNode {
		return nil
	}
	var merged *yaml.Node
	for i := 0; i < len(n.Content); i += 2 {
		switch name := resolve(n.Content[i]); {
		case name.ShortTag() == "!!merge":
			from := resolve(n.Content[i+1])
			sources := []*yaml.Node{from}
			if from.Kind == yaml.SequenceNode {
				sources = from.Content
			}
			for _, source := range sources {
				if merged == nil {
					merged = lookupWithin(source, key, depth-1)
				}
			}
		case name.Value == key:
			return n.Content[i+1]
		}
	}
	return merged
}
