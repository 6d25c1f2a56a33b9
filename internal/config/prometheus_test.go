package config_test

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/stretchr/testify/require"

	_ "github.com/tidemark/tidemark/ingest/scrape" // the service discoveries
	"github.com/tidemark/tidemark/internal/config"
)

func TestDefaultsOfPrometheusSections(t *testing.T) {
	const jobs = "scrape_configs: [{job_name: a}, {job_name: b, sample_limit: 7}, {job_name: c, sample_limit: 0}]\n"
	f := func(yaml string, global, a, b, c uint) {
		t.Helper()
		p := parse(t, yaml).Prometheus
		got := []uint{p.GlobalConfig.SampleLimit}
		for _, job := range p.ScrapeConfigs {
			got = append(got, job.SampleLimit)
		}
		require.Equal(t, []uint{global, a, b, c}, got)
	}
	const finite = config.DefaultSampleLimit
	f(jobs, finite, finite, 7, 0)
	f(jobs+"global: {scrape_interval: 15s}", finite, finite, 7, 0)
	f(jobs+"global:", finite, finite, 7, 0)
	f(jobs+"global: {sample_limit: 0}", 0, 0, 7, 0)
	f(jobs+"global: {sample_limit: 5}", 5, 5, 7, 5) // a job's 0 is global's, as with Prometheus
	f("global: {sample_limit: 0, scrape_interval: 15s}\nscrape_configs: [{job_name: a}, {job_name: b}, {job_name: c}]", 0, 0, 0, 0)
	f("scrape_configs:\n- &a {job_name: a, sample_limit: 0}\n- {<<: *a, job_name: b}\n- {job_name: c}", finite, 0, 0, finite)

	p := parse(t, jobs).Prometheus
	require.Equal(t, config.DefaultBodySizeLimit, p.GlobalConfig.BodySizeLimit)
	require.Equal(t, (30 * time.Minute).Milliseconds(), p.StorageConfig.TSDBConfig.OutOfOrderTimeWindow)
	require.EqualValues(t, 100_000, p.StorageConfig.ExemplarsConfig.MaxExemplars)
	for _, job := range p.ScrapeConfigs {
		require.EqualValues(t, config.DefaultLabelLimit, job.LabelLimit)
		require.EqualValues(t, config.DefaultTargetLimit, job.TargetLimit)
		require.EqualValues(t, config.DefaultLabelNameLengthLimit, job.LabelNameLengthLimit)
		require.EqualValues(t, config.DefaultLabelValueLengthLimit, job.LabelValueLengthLimit)
	}
	require.Zero(t, promconfig.DefaultGlobalConfig.SampleLimit, "Prometheus' own defaults are as they were")
}

func TestEmbeddedJobs(t *testing.T) {
	type job struct {
		name, target string
		every        model.Duration
	}
	f := func(yaml string, notes int, want ...job) {
		t.Helper()
		cfg := parse(t, yaml)
		require.NoError(t, cfg.AddEmbeddedJobs("here:9797"))
		jobs, err := cfg.Prometheus.GetScrapeConfigs()
		require.NoError(t, err)
		var got []job
		for _, j := range jobs {
			target := ""
			if groups := j.ServiceDiscoveryConfigs; len(groups) > 0 {
				target = strings.Join(strings.Fields(describe(t, j)), " ")
			}
			got = append(got, job{j.JobName, target, j.ScrapeInterval})
			require.LessOrEqual(t, j.ScrapeTimeout, j.ScrapeInterval)
			require.NotEmpty(t, j.ScrapeProtocols)
		}
		require.Equal(t, want, got)
		require.Len(t, cfg.Notes, notes)
	}
	const often = model.Duration(10 * time.Second)
	self := job{"tidemark", config.SelfHost, often}
	node := job{"node", config.NodeHost, often}
	f("", 0, self, node)
	f("host: {enabled: false}", 0, self)
	f("host: {job_name: machine}", 0, self, job{"machine", config.NodeHost, often})
	f("global: {scrape_interval: 5s}", 0,
		job{"tidemark", config.SelfHost, model.Duration(5 * time.Second)}, job{"node", config.NodeHost, model.Duration(5 * time.Second)})
	f("scrape_configs: [{job_name: node}]", 1, job{"node", "", model.Duration(time.Minute)}, self)
}

// describe returns the target of a job, whose instance label must be right.
func describe(t *testing.T, job *promconfig.ScrapeConfig) string {
	t.Helper()
	text := promconfig.Config{ScrapeConfigs: []*promconfig.ScrapeConfig{job}}.String()
	require.Contains(t, text, "instance: here:9797")
	_, after, found := strings.Cut(text, "- targets:\n")
	require.True(t, found, text)
	target, _, _ := strings.Cut(after, "\n")
	return strings.TrimPrefix(strings.TrimSpace(target), "- ")
}

func TestEmbeddedJobsHeedScrapeConfigFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "jobs.yml"), []byte("scrape_configs: [{job_name: node}]"), 0o600))
	cfg, err := config.Parse([]byte("scrape_config_files: [jobs.yml]"), "tidemark.yml", dir)
	require.NoError(t, err)
	require.NoError(t, cfg.AddEmbeddedJobs("here"))
	require.Len(t, cfg.Notes, 1)
	jobs, err := cfg.Prometheus.GetScrapeConfigs()
	require.NoError(t, err)
	require.Len(t, jobs, 2)
	require.EqualValues(t, config.DefaultSampleLimit, jobs[1].SampleLimit)
}

// prometheusModule is where Prometheus' own files are.
func prometheusModule(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/prometheus/prometheus").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// Whatever Prometheus reads, Tidemark reads too, and to the same effect but for
// the defaults. Whatever Prometheus refuses, Tidemark refuses.
func TestReadsWhatPrometheusReads(t *testing.T) {
	dir := prometheusModule(t)
	var all []string
	for _, pattern := range []string{"documentation/examples/prometheus*.yml", "config/testdata/*.yml"} {
		all = append(all, files(t, filepath.Join(dir, pattern))...)
	}
	read := 0
	for _, file := range all {
		want, refused := promconfig.LoadFile(file, false, slog.New(slog.DiscardHandler))
		got, err := config.Load(file)
		if refused != nil {
			require.Error(t, err, "%s: Prometheus says %v", file, refused)
			continue
		}
		require.NoError(t, err, file)
		require.Equal(t, withoutDefaults(want), withoutDefaults(got.Prometheus), file)
		read++
	}
	require.Greater(t, read, 20)
}

// withoutDefaults writes c out without what the defaults of Tidemark set.
func withoutDefaults(c *promconfig.Config) string {
	var kept []string
	for line := range strings.Lines(c.String()) {
		if !strings.Contains(line, "_limit: ") && !strings.Contains(line, "out_of_order_time_window: ") &&
			!strings.Contains(line, "exemplars:") && !strings.Contains(line, "max_exemplars:") &&
			!strings.Contains(line, "storage:") && !strings.Contains(line, "outofordertimewindow:") &&
			!strings.Contains(line, "tsdb:") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func TestCheck(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, config.Check(&out, "testdata/valid/everything.yml"))
	for _, says := range []string{"is valid", "4 jobs", "web", "machine", "every 30s", "1MiB", "callers without credentials: none"} {
		require.Contains(t, out.String(), says)
	}
	out.Reset()
	require.ErrorContains(t, config.Check(&out, "testdata/invalid/several.yml"), "testdata/invalid/several.yml:7: ingest.max_labels")
	require.Empty(t, out.String())
}
