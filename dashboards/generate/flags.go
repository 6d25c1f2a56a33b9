package main

// flagsDashboard shows which feature flags have which value, and since when.
func flagsDashboard() *dashboard {
	d := newDashboard("tidemark-flags", "Flags",
		"Feature flags: what they are now, what they were, and who flipped them.",
		"now-7d",
		labelValues("service", "Service", "The service that the flag is of.", "service", "tidemark_changes_total").orAll(),
		environmentVariable(),
		labelValues("flag", "Flag", "The flag of which shares and evaluations are shown.", "flag",
			`tidemark_flag_state{service=~"$service", environment=~"$environment"}`).orAll(),
		textVariable("text", "Containing", "Words that the flag's key, title or value must contain."))

	const (
		its         = `kind="flag", service=~"$service", environment=~"$environment"`
		evaluations = `feature_flag_evaluations_total{feature_flag_key=~"$flag", environment=~"$environment"}[$__rate_interval]`
	)
	of := filter{Services: []string{"$service"}, Environments: []string{"$environment"}, Text: "$text"}
	flips := of
	flips.Kinds = []string{"flag"}

	d.row(3, lastChange("Last flip", flips))
	d.row(3,
		stat(10, "Flips", "Flag flips that began in the time range.", count).
			now("", `sum(increase(tidemark_changes_total{`+its+`}[$__range])) or vector(0)`).decimals(0),
		stat(11, "Flips, 24 h", "Flag flips that began in the last 24 hours.", count).
			now("", `sum(increase(tidemark_changes_total{`+its+`}[1d])) or vector(0)`).decimals(0),
		stat(12, "Since the last flip", "Time since the newest flip.", lasting).
			now("", `time() - max(tidemark_last_change_timestamp_seconds{`+its+`})`).decimals(0).nothing("none yet"),
		stat(13, "Failed flips", "Flips of the time range that did not take effect.", count).
			now("", `sum(increase(tidemark_changes_total{status="failed", `+its+`}[$__range])) or vector(0)`).decimals(0).
			thresholds("green", at{1, "red"}),
	)
	d.row(10, stateTimeline(20, "Values through time", "The value of each flag. Green is on, grey is off; other values have a colour of their own.").
		ask(target{QueryType: "timeline", Of: "flags", Filter: &of}).
		mapped(flagValues()).nothing("No flag has changed yet"))
	d.row(9, timeseries(50, "Shares through time", "The share that each flag gave each of its variations: a ramp shows as a ramp.", share).
		promql("{{flag}}: {{variation}} {{environment}} {{service}}", `tidemark_flag_state{flag=~"$flag", service=~"$service", environment=~"$environment"}`).
		stepped().bounded().legend("lastNotNull").nothing("No flag has changed yet"))
	d.row(8,
		timeseries(51, "Evaluations by variation", "How often each variation was answered. Of a ramp, it follows the share.", perSecond).
			promql("{{feature_flag_key}}: {{feature_flag_result_variant}}",
				`sum by (feature_flag_key, feature_flag_result_variant) (rate(`+evaluations+`))`).
			nothing("No flag was evaluated in this time range"),
		timeseries(52, "Evaluations by reason", "Why flags answered as they did: by a targeting rule, a split, the default, because they are disabled, or with an error.", perSecond).
			promql("{{feature_flag_result_reason}}", `sum by (feature_flag_result_reason) (rate(`+evaluations+`))`).
			stacked().nothing("No flag was evaluated in this time range"),
	)
	d.row(9,
		table(30, "Values now", "What each flag is now, since when, and who flipped it.").
			ask(target{QueryType: "flags", Filter: &of}).
			override("id", append(pageOfChange(), property{"custom.width", 75})...).
			override("environment", property{"custom.width", 120}).
			override("who", property{"custom.width", 130}).
			override("value", coloredText(), property{"mappings", flagValues()}).
			override("since", property{"unit", ago}).
			override("service", property{"links", []link{serviceLink("${__value.raw:percentencode}")}}).
			nothing("No flag has changed yet").wide(14),
		timeseries(31, "Flips a day", "Flag flips that began on each day (UTC), by service.", count).
			promql("{{service}}", `sum by (service) (increase(tidemark_changes_total{`+its+`}[1d] offset -1d) > 0)`).
			days().decimals(0).nothing("No flip in this time range"),
	)
	d.row(10, changesTable(40, "Flips", "All flips of the time range, newest first.", flips, 1000, "kind", "version", "previous version", "duration").
		nothing("No flip in this time range"))
	return d
}
