package main

// itselfDashboard is about Tidemark: whether it scrapes, keeps, answers and logs
// as it should.
func itselfDashboard() *dashboard {
	d := newDashboard("tidemark-itself", "Tidemark itself",
		"Whether Tidemark scrapes what it should, keeps what it gets, answers quickly and writes its change log. The metrics are its own.",
		"now-6h",
		labelValues("instance", "Tidemark", "The Tidemark, as its target is named.", "instance", "tidemark_build_info"))

	const on = `instance="$instance"`
	of := func(metric string) string { return metric + "{" + on + "}" }
	rate := func(metric string) string { return "rate(" + of(metric) + "[$__rate_interval])" }

	d.row(3, lastChange("Last change", filter{}))
	d.row(3,
		stat(10, "Version", "The version that runs.", words).
			now("{{version}}", of("tidemark_build_info")).option("textMode", "name"),
		stat(11, "Up for", "How long it has been running.", lasting).
			now("", "time() - "+of("tidemark_start_time_seconds")).decimals(0).thresholds("orange", at{600, "text"}),
		stat(12, "Configuration", "Whether the last reload of the configuration file was taken over.", words).
			now("", of("tidemark_config_last_reload_successful")).
			mapped([]mapping{{"value", map[string]any{
				"0": map[string]any{"text": "refused", "color": "red", "index": 0},
				"1": map[string]any{"text": "in force", "color": "green", "index": 1},
			}}}),
		stat(13, "Targets down", "Scrape targets of any job that could not be scraped the last time.", count).
			now("", `count(up == 0) or vector(0)`).thresholds("green", at{1, "red"}),
		stat(14, "Series", "Series that got samples in the last hours, held in memory.", count).
			now("", of("prometheus_tsdb_head_series")),
		stat(15, "Samples", "Samples taken in.", perSecond).
			now("", "sum("+rate("prometheus_tsdb_head_samples_appended_total")+")"),
		stat(16, "On disk", "Bytes of samples on disk: blocks, write-ahead log and newest chunks.", byteSize).
			now("", of("prometheus_tsdb_storage_blocks_bytes")+" + "+of("prometheus_tsdb_wal_storage_size_bytes")+" + "+of("prometheus_tsdb_head_chunks_storage_size_bytes")),
		stat(17, "Lost writes, 24 h", "Commits of the change log that failed and writes that were refused because too many waited. Nothing of them was acknowledged.", count).
			now("", `increase(`+of("tidemark_changelog_commit_failures_total")+`[1d]) + increase(`+of("tidemark_changelog_queue_full_total")+`[1d])`).
			decimals(0).thresholds("green", at{1, "red"}),
	)
	d.row(8,
		timeseries(20, "Scraped targets", "Targets that could be scraped, for each job.", count).
			promql("{{job}}", `sum by (job) (up)`).decimals(0),
		timeseries(21, "How long scrapes take", "The slowest target of each job.", seconds).
			promql("{{job}}", `max by (job) (scrape_duration_seconds)`),
		timeseries(22, "Scrapes refused", "Samples and scrapes that a limit or a wrong time kept out.", perSecond).
			promql("too many samples", rate("prometheus_target_scrapes_exceeded_sample_limit_total")).
			promql("too large", rate("prometheus_target_scrapes_exceeded_body_size_limit_total")).
			promql("twice at one time", rate("prometheus_target_scrapes_sample_duplicate_timestamp_total")).
			promql("out of order", rate("prometheus_target_scrapes_sample_out_of_order_total")).
			promql("out of bounds", rate("prometheus_target_scrapes_sample_out_of_bounds_total")),
	)
	d.row(8,
		timeseries(30, "Samples taken in", "Samples appended, by type.", perSecond).
			promql("{{type}}", rate("prometheus_tsdb_head_samples_appended_total")),
		timeseries(31, "Series", "Series in memory. Steps after a deploy are series that the deploy brought.", count).
			promql("in memory", of("prometheus_tsdb_head_series")).
			promql("of them stale", of("prometheus_tsdb_head_stale_series")),
		timeseries(32, "Series that come and go", "New and removed series. Many new ones all the time cost memory: some label has too many values.", perSecond).
			promql("new", rate("prometheus_tsdb_head_series_created_total")).
			promql("removed", rate("prometheus_tsdb_head_series_removed_total")).
			below("^removed$"),
	)
	d.row(8,
		timeseries(40, "How long queries take", "Of Prometheus' API, as its callers see it: half of the requests, the slowest 5 %, the slowest 1 %.", seconds).
			promql("median", apiLatency("0.5", on)).
			promql("95th percentile", apiLatency("0.95", on)).
			promql("99th percentile", apiLatency("0.99", on)).limit(1),
		timeseries(41, "Queries", "Queries that run at once, and how many may.", count).
			promql("running", of("prometheus_engine_queries")).
			promql("at most", of("prometheus_engine_queries_concurrent_max")).
			colored("at most", "orange"),
		timeseries(42, "Samples read by queries", "Samples that queries looked at.", perSecond).
			promql("samples", rate("prometheus_engine_query_samples_total")).
			promql("selectors of the change log", rate("tidemark_change_series_selects_total")),
	)
	d.row(8,
		timeseries(50, "Reports of changes", "What came in for the change log, by what became of it.", perSecond).
			promql("{{result}}", rate("tidemark_changelog_reports_total")),
		timeseries(51, "How long commits take", "A commit of the change log, the sync to disk included: half of them, the slowest 5 %, the slowest 1 %.", seconds).
			promql("median", commitTime("0.5", on)).
			promql("95th percentile", commitTime("0.95", on)).
			promql("99th percentile", commitTime("0.99", on)).limit(0.1).nothing("No change was written"),
		timeseries(52, "Waiting writes", "Writes of the change log that wait, and how many share a commit.", count).
			promql("waiting", of("tidemark_changelog_queue_length")).
			promql("in one commit", rate("tidemark_changelog_commit_group_size_sum")+" / ("+rate("tidemark_changelog_commit_group_size_count")+" > 0)"),
	)
	d.row(8,
		timeseries(60, "HTTP requests", "Requests that it answers, by route.", requests).
			promql("{{method}} {{route}}", "sum by (method, route) ("+rate("tidemark_http_requests_total")+") > 0"),
		timeseries(61, "HTTP errors", "Requests that it could not answer, that met a limit, or whose credentials were wrong.", requests).
			promql("{{code}}", `sum by (code) (rate(tidemark_http_requests_total{code=~"5..", `+on+`}[$__rate_interval]))`).
			promql("limit: {{limit}}", rate("tidemark_http_limited_total")).
			promql("credentials: {{reason}}", rate("tidemark_auth_failures_total")),
		timeseries(62, "Near its limits", "Requests being worked on, as a share of how many may be.", share).
			promql("{{limit}}", of("tidemark_http_inside")+" / "+of("tidemark_http_inside_max")).
			bounded().limit(0.8),
	)
	d.row(8,
		timeseries(70, "Processor time", "Processors that it keeps busy.", count).
			promql("processors", rate("process_cpu_seconds_total")+` and on (instance, job) `+of("tidemark_build_info")),
		timeseries(71, "Memory", "What it holds of the machine's memory, and what of it is Go's heap.", byteSize).
			promql("resident", of("process_resident_memory_bytes")+` and on (instance, job) `+of("tidemark_build_info")).
			promql("heap in use", of("go_memstats_heap_inuse_bytes")+` and on (instance, job) `+of("tidemark_build_info")),
		timeseries(72, "Storage at work", "Time that the sample store spent on compacting and on cutting its write-ahead log.", share).
			promql("compacting", rate("prometheus_tsdb_compaction_duration_seconds_sum")).
			promql("cutting the log", rate("prometheus_tsdb_wal_truncate_duration_seconds_sum")),
	)
	return d
}

// commitTime is a quantile of how long the change log's commits took, in seconds.
func commitTime(quantile, selector string) string {
	return `histogram_quantile(` + quantile + `, sum by (le) (rate(tidemark_changelog_commit_duration_seconds_bucket{` + selector + `}[$__rate_interval])))`
}

// apiLatency is a quantile of how long Prometheus' API took to answer, in seconds.
func apiLatency(quantile, selector string) string {
	return `histogram_quantile(` + quantile + `, sum by (le) (rate(tidemark_http_request_duration_seconds_bucket{route="/api/v1/*", ` + selector + `}[$__rate_interval])))`
}
