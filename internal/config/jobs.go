package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
)

// The host names under which Tidemark scrapes, within its own process, its own
// metrics and those of the machine. They are no names of any network.
const (
	SelfHost = "tidemark.internal"
	NodeHost = "node.tidemark.internal"
)

// selfJob is the job label of Tidemark's own metrics.
const selfJob = "tidemark"

// embeddedInterval is how often these are scraped, where the file gives no
// global.scrape_interval: often enough for a rate over a minute, and for the
// first samples to be there soon after the start.
const embeddedInterval = 10 * time.Second

// AddEmbeddedJobs adds the jobs of Tidemark's own metrics, and unless the
// section host is switched off, of the machine's. Their targets have the
// instance label given. A job whose name the configuration uses already is
// left out, and c.Notes say so. It returns an error for scrape_config_files
// that cannot be read.
func (c *Config) AddEmbeddedJobs(instance string) error {
	jobs, err := c.Prometheus.GetScrapeConfigs()
	if err != nil {
		return fmt.Errorf("reading scrape_config_files: %w", err)
	}
	embedded := []struct{ name, host string }{{selfJob, SelfHost}}
	if c.Host.Enabled {
		embedded = append(embedded, struct{ name, host string }{c.Host.JobName, NodeHost})
	}
	for _, e := range embedded {
		if slices.ContainsFunc(jobs, func(job *promconfig.ScrapeConfig) bool { return job.JobName == e.name }) {
			c.Notes = append(c.Notes, fmt.Sprintf("the job %q is the file's own, so Tidemark adds none of that name", e.name))
			continue
		}
		job, err := c.embeddedJob(e.name, e.host, instance)
		if err != nil {
			return err
		}
		c.Prometheus.ScrapeConfigs = append(c.Prometheus.ScrapeConfigs, job)
	}
	return nil
}

func (c *Config) embeddedJob(name, host, instance string) (*promconfig.ScrapeConfig, error) {
	job := promconfig.DefaultScrapeConfig
	job.JobName = name
	job.EnableCompression = false // nothing is sent over a network
	for _, limit := range scrapeLimits() {
		limit.ofJob(&job) // global's are meant for other people's targets
	}
	if !c.intervalSaid {
		job.ScrapeInterval = model.Duration(embeddedInterval)
		job.ScrapeTimeout = min(c.Prometheus.GlobalConfig.ScrapeTimeout, job.ScrapeInterval)
	}
	job.ServiceDiscoveryConfigs = discovery.Configs{discovery.StaticConfig{{
		Targets: []model.LabelSet{{model.AddressLabel: model.LabelValue(host)}},
		Labels:  model.LabelSet{model.InstanceLabel: model.LabelValue(instance)},
		Source:  "0",
	}}}
	if err := job.Validate(c.Prometheus.GlobalConfig); err != nil {
		return nil, fmt.Errorf("adding the job %q: %w", name, err)
	}
	return &job, nil
}
