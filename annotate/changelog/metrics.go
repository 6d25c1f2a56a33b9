package changelog

import "github.com/VictoriaMetrics/metrics"

// The metrics of a Log.
const (
	// Reports that were taken in, by what came of them: created, updated,
	// unchanged (a retry), or refused as invalid.
	metricReports = "tidemark_changelog_reports_total"
	// Transactions that were committed, each with the calls that waited for it.
	metricCommits = "tidemark_changelog_commits_total"
	// How long a transaction took until it was on the disk.
	metricCommitDuration = "tidemark_changelog_commit_duration_seconds"
	// How many calls shared a transaction.
	metricGroupSize = "tidemark_changelog_commit_group_size"
	// How many calls wait to be written.
	metricQueueLength = "tidemark_changelog_queue_length"
	// Commits, or single reports, that the storage refused: a full or failing
	// disk. Nothing of them was acknowledged.
	metricCommitFailures = "tidemark_changelog_commit_failures_total"
	// Calls that were refused because too many waited already.
	metricQueueFull = "tidemark_changelog_queue_full_total"
)

// logMetrics are what a log says of itself.
type logMetrics struct {
	set                                  *metrics.Set
	created, updated, unchanged, refused *metrics.Counter
	commits, failed, queueFull           *metrics.Counter
	took, group                          *metrics.PrometheusHistogram
}

func newLogMetrics(set *metrics.Set, queued func() float64) *logMetrics {
	set.NewGauge(metricQueueLength, queued)
	reports := func(result string) *metrics.Counter {
		return set.GetOrCreateCounter(metricReports + `{result="` + result + `"}`)
	}
	return &logMetrics{
		set:       set,
		created:   reports("created"),
		updated:   reports("updated"),
		unchanged: reports("unchanged"),
		refused:   reports("refused"),
		commits:   set.GetOrCreateCounter(metricCommits),
		failed:    set.GetOrCreateCounter(metricCommitFailures),
		queueFull: set.GetOrCreateCounter(metricQueueFull),
		// With le buckets, which histogram_quantile reads; the library's own
		// vmrange buckets it does not.
		took:  set.GetOrCreatePrometheusHistogramExt(metricCommitDuration, []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}),
		group: set.GetOrCreatePrometheusHistogramExt(metricGroupSize, []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, maxGroup}),
	}
}

// close takes the gauge, which reads the log's queue, out of the set.
func (m *logMetrics) close() { m.set.UnregisterMetric(metricQueueLength) }
