package changelog

import "github.com/VictoriaMetrics/metrics"

// logMetrics are what the log says of itself.
type logMetrics struct {
	created   *metrics.Counter
	updated   *metrics.Counter
	unchanged *metrics.Counter
	refused   *metrics.Counter
	failed    *metrics.Counter
	commits   *metrics.Counter
	took      *metrics.Histogram
	group     *metrics.Histogram
}

func newLogMetrics(set *metrics.Set, queued func() float64) *logMetrics {
	set.NewGauge("tidemark_changelog_queue_length", queued)
	return &logMetrics{
		created:   set.NewCounter(`tidemark_changelog_reports_total{result="created"}`),
		updated:   set.NewCounter(`tidemark_changelog_reports_total{result="updated"}`),
		unchanged: set.NewCounter(`tidemark_changelog_reports_total{result="unchanged"}`),
		refused:   set.NewCounter(`tidemark_changelog_reports_total{result="refused"}`),
		failed:    set.NewCounter("tidemark_changelog_commit_failures_total"),
		commits:   set.NewCounter("tidemark_changelog_commits_total"),
		took:      set.NewHistogram("tidemark_changelog_commit_duration_seconds"),
		group:     set.NewHistogram("tidemark_changelog_commit_group_size"),
	}
}
