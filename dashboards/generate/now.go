package main

// nowDashboard is the one for the wall: what changed, what goes on, and whether
// people are served.
func nowDashboard() *dashboard {
	d := newDashboard("tidemark-now", "Now",
		"What changed last, what goes on, and how the services and their hosts are doing.",
		"now-3h", environmentVariable(), labelVariable())

	const inEnvironment = `environment=~"$environment"`
	byService := "$label"
	noHTTP := "No HTTP metrics yet: scrape a service that counts its requests"

	d.row(3, lastChange("Last change", filter{Environments: []string{"$environment"}}))
	d.row(3,
		stat(10, "Going on", "Changes that run now.", count).
			now("", `count(tidemark_change{status="running", `+inEnvironment+`}) or vector(0)`).
			thresholds("text", at{1, "blue"}),
		stat(11, "Deploys, 24 h", "Deploys that began in the last 24 hours, exact to the unit.", count).
			now("", `sum(increase(tidemark_changes_total{kind="deploy", `+inEnvironment+`}[1d])) or vector(0)`).decimals(0),
		stat(12, "Failed changes, 24 h", "Changes of any kind that began in the last 24 hours and failed.", count).
			now("", `sum(increase(tidemark_changes_total{status="failed", `+inEnvironment+`}[1d])) or vector(0)`).decimals(0).
			thresholds("green", at{1, "red"}),
		stat(13, "Targets down", "Scrape targets that could not be scraped the last time.", count).
			now("", `count(up == 0) or vector(0)`).
			thresholds("green", at{1, "red"}).
			leads("How scraping goes", "/d/tidemark-itself?${ds:queryparam}&${__url_time_range}"),
		stat(14, "Requests", "HTTP requests that all services answer.", requests).
			now("", "sum(\n"+requestRate(byService, inEnvironment)+"\n)").
			nothing("none"),
		stat(15, "Error share", "Share of all HTTP requests that ended with a 5xx status.", share).
			now("", errorShareOfAll(byService, inEnvironment)).
			thresholds("green", at{0.01, "orange"}, at{0.05, "red"}).
			nothing("none"),
	)
	// The title tells most of them, and the start how long it has gone on.
	without := []string{"previous version", "flag", "from", "to", "version", "duration"}
	d.row(6,
		changesTable(20, "Going on now", "Changes that have begun and not ended: deploys that run, maintenance, incidents.",
			filter{Environments: []string{"$environment"}, Statuses: []string{"running"}}, 50, append(without, "environment", "status")...).
			brief().wide(11).nothing("Nothing goes on"),
		changesTable(21, "Newest changes", "The newest changes of the time range.",
			filter{Environments: []string{"$environment"}}, 20, without...).
			brief().nothing("No change in this time range"),
	)
	d.row(9,
		timeseries(30, "Error share by service", "Share of HTTP requests that ended with a 5xx status. Above the dashed line is more than 1 %.", share).
			promql("{{$label}}", errorShare(byService, inEnvironment)).
			limit(0.01).nothing(noHTTP).value("The service", serviceLink("${__series.name}").URL),
		timeseries(31, "Latency by service, 95th percentile", "How long the slowest 5 % of HTTP requests took at least. The dashed line is at one second.", seconds).
			promql("{{$label}}", latency("0.95", byService, inEnvironment)).
			limit(1).nothing(noHTTP).value("The service", serviceLink("${__series.name}").URL),
	)
	d.row(9,
		timeseries(32, "Requests by service", "HTTP requests that each service answers.", requests).
			promql("{{$label}}", requestRate(byService, inEnvironment)).
			nothing(noHTTP).value("The service", serviceLink("${__series.name}").URL),
		timeseries(33, "Saturation", "How full the fullest host is, for each resource. The dashed line is at 90 %.", share).
			promql("CPU", "max("+cpuBusy("")+")").
			promql("Memory", "max("+memoryUsed("")+")").
			promql("Disk space", "max("+diskUsed("")+")").
			promql("Disk time", `max(rate(node_disk_io_time_seconds_total[$__rate_interval]))`).
			bounded().limit(0.9).legend("lastNotNull", "max").list().leads("The hosts", "/d/tidemark-host?${ds:queryparam}&${__url_time_range}"),
	)
	return d
}
