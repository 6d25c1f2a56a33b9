package config

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/alecthomas/units"
	promconfig "github.com/prometheus/prometheus/config"
)

// Check reads the configuration file at path as a start would, and writes to w
// what it amounts to. It returns what Load returns.
func Check(w io.Writer, path string) error {
	c, err := Load(path)
	if err != nil {
		return err
	}
	if err := c.AddEmbeddedJobs("localhost"); err != nil {
		return err
	}
	jobs, err := c.Prometheus.GetScrapeConfigs()
	if err != nil {
		return fmt.Errorf("reading scrape_config_files: %w", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s is valid\n\n%d jobs:\n", path, len(jobs))
	for _, job := range jobs {
		fmt.Fprintf(&b, "  %-24s every %s%s\n", job.JobName, job.ScrapeInterval, describeDiscovery(job))
	}
	p := c.Prometheus
	fmt.Fprintf(&b, "\nlimits of a scrape: %s, %d samples, %d labels, %d targets a job (0 is none)\n",
		p.GlobalConfig.BodySizeLimit, p.GlobalConfig.SampleLimit, p.GlobalConfig.LabelLimit, p.GlobalConfig.TargetLimit)
	fmt.Fprintf(&b, "samples may come late by %s\n", time.Duration(p.StorageConfig.TSDBConfig.OutOfOrderTimeWindow)*time.Millisecond)
	l := c.Ingest.Limits()
	fmt.Fprintf(&b, "limits of a push: %s, %d samples, %d labels, %d at once\n",
		units.Base2Bytes(l.MaxBody), l.MaxSamples, l.MaxLabels, l.MaxConcurrent)
	fmt.Fprintf(&b, "remote write to %d places, remote read from %d\n", len(p.RemoteWriteConfigs), len(p.RemoteReadConfigs))
	fmt.Fprintf(&b, "callers without credentials: %s; users with a role: %d\n", c.Auth.Anonymous, len(c.Auth.Users))
	fmt.Fprintf(&b, "deploy targets: %d; freezes: %d\n", len(c.Deploys.Targets), len(c.Deploys.Freezes))
	for _, h := range c.Hooks.list {
		fmt.Fprintf(&b, "hook: /hooks/%s takes what %s sends\n", h.hook.Name(), h.hook.Sender())
	}
	for _, note := range c.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// describeDiscovery says how a job finds its targets.
func describeDiscovery(job *promconfig.ScrapeConfig) string {
	var kinds []string
	for _, d := range job.ServiceDiscoveryConfigs {
		kinds = append(kinds, d.Name())
	}
	if len(kinds) == 0 {
		return ", which finds no targets"
	}
	return ", targets by " + strings.Join(kinds, ", ")
}
