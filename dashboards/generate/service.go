package main

// serviceDashboard is about one service: requests, errors and durations, with the
// versions that they happened under.
func serviceDashboard() *dashboard {
	d := newDashboard("tidemark-service", "Service",
		"One service: how many requests it answers, how many it fails, how long they take, and which versions ran meanwhile.",
		"now-6h", labelVariable(),
		labelValues("service", "Service", "The service, as its samples and its changes name it.", "$label", ""),
		environmentVariable())

	const (
		its     = `$label="$service", environment=~"$environment"`
		changes = `service="$service", environment=~"$environment"`
	)
	of := filter{Services: []string{"$service"}, Environments: []string{"$environment"}}
	noHTTP := "No HTTP metrics of this service. Perhaps another label names it?"

	d.row(3, lastChange("Last change of $service", of))
	d.row(3,
		stat(10, "Version", "The version that runs in each environment: that of the newest deploy that succeeded.", words).
			now("{{version}} {{environment}}", `tidemark_version_info{`+changes+`}`).
			option("textMode", "name").nothing("not known"),
		stat(11, "Instances up", "Targets of the service that could be scraped the last time.", count).
			now("", `sum(up{`+its+`})`).thresholds("red", at{1, "green"}).nothing("not scraped"),
		stat(12, "Requests", "HTTP requests that it answers.", requests).
			now("", requestRate("", its)).nothing("none"),
		stat(13, "Error share", "Share of HTTP requests that ended with a 5xx status.", share).
			now("", errorShare("", its)).thresholds("green", at{0.01, "orange"}, at{0.05, "red"}).nothing("none"),
		stat(14, "95th percentile", "How long the slowest 5 % of HTTP requests took at least.", seconds).
			now("", latency("0.95", "", its)).thresholds("green", at{0.5, "orange"}, at{1, "red"}).nothing("none"),
		stat(15, "Deploys", "Deploys that began in the time range.", count).
			now("", `sum(increase(tidemark_changes_total{kind="deploy", `+changes+`}[$__range])) or vector(0)`).decimals(0),
	)
	d.row(9,
		timeseries(20, "Requests by status", "HTTP requests that it answers, by the class of the response's status.", requests).
			promql("1xx to 3xx", requestRateByStatus("", its, "[123]..")).
			promql("4xx", requestRateByStatus("", its, "4..")).
			promql("5xx", requestRateByStatus("", its, "5..")).
			colored("1xx to 3xx", "green").colored("4xx", "yellow").colored("5xx", "red").
			stacked().nothing(noHTTP),
		timeseries(21, "Error share", "Share of HTTP requests that ended with a 5xx status. Above the dashed line is more than 1 %.", share).
			promql("5xx", errorShare("", its)).
			colored("5xx", "red").limit(0.01).nothing(noHTTP),
		timeseries(22, "Latency", "How long HTTP requests took: half of them, the slowest 5 %, the slowest 1 %.", seconds).
			promql("median", latency("0.5", "", its)).
			promql("95th percentile", latency("0.95", "", its)).
			promql("99th percentile", latency("0.99", "", its)).
			limit(1).nothing(noHTTP),
	)
	d.row(5, stateTimeline(30, "Versions", "The version that ran in each environment: that of the newest deploy that had succeeded.").
		ask(target{QueryType: "timeline", Of: "versions", Filter: &of}).
		mapped(byLastCharacter(0)).nothing("No deploy has named a version"))
	d.row(8,
		timeseries(40, "Error share by version", "Share of HTTP requests that ended with a 5xx status, by the version that they happened under. Where the samples do not say their environment, choose one for it to be exact.", share).
			promql("{{version}} {{environment}}", errorShareByVersion(changes, its)).
			limit(0.01).nothing("Neither requests nor versions in this time range"),
		timeseries(41, "Processor time", "Processors that each instance keeps busy.", count).
			promql("{{instance}}", `rate(process_cpu_seconds_total{`+its+`}[$__rate_interval])`).nothing("The service does not tell"),
		timeseries(42, "Memory", "Memory that each instance holds.", byteSize).
			promql("{{instance}}", `process_resident_memory_bytes{`+its+`}`).nothing("The service does not tell"),
	)
	d.row(5, stateTimeline(31, "Flags", "The value of each feature flag of the service.").
		ask(target{QueryType: "timeline", Of: "flags", Filter: &of}).
		mapped(flagValues()).nothing("No flag of this service has changed"))
	d.row(8, changesTable(50, "Changes of the service", "All changes of the time range, newest first.", of, 200, "service", "previous version", "from").
		nothing("No change in this time range"))
	return d
}

// errorShareByVersion is the error share in each environment, under the version
// that ran there; where the samples have no environment, under each version.
func errorShareByVersion(changes, its string) string {
	return "max by (version, environment) (tidemark_version_info{" + changes + "})\n* on (environment) group_left () (\n" + errorShare("environment", its) + "\n)\n" +
		"or on ()\nmax by (version) (tidemark_version_info{" + changes + "})\n* on () group_left () (\n" + errorShare("", its) + "\n)"
}
