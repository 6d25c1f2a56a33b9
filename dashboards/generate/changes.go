package main

import "strings"

// changesDashboard is about how the work flows: how often, who, how long, and how
// much of it fails.
func changesDashboard() *dashboard {
	d := newDashboard("tidemark-changes", "Changes",
		"How often the running system changes, who changes it, how long that takes and how much of it fails.",
		"now-30d",
		labelValues("service", "Service", "The service that changed.", "service", "tidemark_changes_total").orAll(),
		environmentVariable(),
		labelValues("kind", "Kind", "The kind of change, for the list and the last change.", "kind", "tidemark_changes_total").orAll())

	const its = `service=~"$service", environment=~"$environment"`
	place := filter{Services: []string{"$service"}, Environments: []string{"$environment"}}
	ofKind, deploys := place, place
	ofKind.Kinds, deploys.Kinds = []string{"$kind"}, []string{"deploy"}
	began := func(more string) string {
		return `increase(tidemark_changes_total{` + and(more, its) + `}[$__range])`
	}
	// At the start of a day, what began from then until a day later: a bar that
	// stands on its own day, and today's so far.
	aDay := func(more string) string {
		return `increase(tidemark_changes_total{` + and(more, its) + `}[1d] offset -1d) > 0`
	}
	failed := func(by string) string {
		return strings.NewReplacer("BY", by, "FAILED", began(`kind="deploy", status="failed"`), "ALL", began(`kind="deploy"`)).
			Replace("(sum BY(FAILED) or 0 * sum BY(ALL)) / (sum BY(ALL) > 0)")
	}

	d.row(3, lastChange("Last change", ofKind))
	d.row(3,
		stat(10, "Deploys", "Deploys that began in the time range.", count).
			now("", "sum("+began(`kind="deploy"`)+") or vector(0)").decimals(0),
		stat(11, "Deploys a day", "Deploys that began in the time range, for each day of it.", count).
			now("", "(sum("+began(`kind="deploy"`)+") or vector(0)) * 86400 / $__range_s").decimals(1),
		stat(12, "Failed deploys", "Share of deploys that failed.", share).
			now("", failed("")).decimals(0).thresholds("green", at{0.15, "orange"}, at{0.3, "red"}).nothing("none"),
		stat(13, "Flag flips", "Flag flips that began in the time range.", count).
			now("", "sum("+began(`kind="flag"`)+") or vector(0)").decimals(0),
		stat(14, "Incidents", "Incidents that began in the time range.", count).
			now("", "sum("+began(`kind="incident"`)+") or vector(0)").decimals(0).
			thresholds("green", at{1, "orange"}),
		stat(15, "Going on", "Changes that run at the end of the time range.", count).
			now("", `count(tidemark_change{status="running", `+its+`}) or vector(0)`).thresholds("text", at{1, "blue"}),
	)
	d.row(9,
		timeseries(20, "Deploys a day", "Deploys that began on each day (UTC), by what became of them. Many small ones are safer than few big ones.", count).
			promql("{{status}}", "sum by (status) ("+aDay(`kind="deploy"`)+")").
			days().decimals(0).
			colored("succeeded", "green").colored("failed", "red").colored("running", "blue").
			colored("cancelled", grey).colored("lost", "#5a5a5a").nothing("No deploy in this time range"),
		timeseries(21, "Other changes a day", "All else that began on each day (UTC), by kind.", count).
			promql("{{kind}}", "sum by (kind) ("+aDay(`kind!="deploy"`)+")").
			days().decimals(0).
			colored("flag", "purple").colored("config", "orange").colored("incident", "red").
			colored("maintenance", "yellow").colored("drill", "light-yellow").colored("restart", "blue").nothing("None in this time range"),
	)
	d.row(9,
		timeseries(30, "How long deploys took", "A point for each deploy of the time range that has ended.", millis).
			ask(target{QueryType: "changes", Filter: &deploys, As: "table", Limit: 2000}).
			transform("filterFieldsByName", map[string]any{"include": map[string]any{"names": []string{"start", "duration"}}}).
			transform("sortBy", map[string]any{"fields": map[string]any{}, "sort": []map[string]any{{"field": "start", "desc": false}}}).
			points().plainLegend().nothing("No deploy in this time range"),
		table(31, "Who", "Who changed what how often. They are the ones who can help.").
			ask(target{QueryType: "changes", Filter: &ofKind, As: "table", Limit: 2000}).
			transform("groupBy", map[string]any{"fields": map[string]any{
				"who":  map[string]any{"operation": "groupby", "aggregations": []string{}},
				"kind": map[string]any{"operation": "groupby", "aggregations": []string{}},
				"id":   map[string]any{"operation": "aggregate", "aggregations": []string{"count"}},
			}}).
			transform("organize", map[string]any{
				"excludeByName": map[string]bool{}, "indexByName": map[string]int{"who": 0, "kind": 1, "id (count)": 2},
				"renameByName": map[string]string{"id (count)": "changes"},
			}).
			transform("sortBy", map[string]any{"fields": map[string]any{}, "sort": []map[string]any{{"field": "changes", "desc": true}}}).
			override("kind", coloredText(), property{"custom.width", 115}).
			override("changes", property{"unit", count}, property{"custom.width", 95}).
			nothing("No change in this time range"),
		bargauge(32, "Deploys by service", "Deploys that began in the time range, of the ten services that had most.", count).
			now("{{service}}", "sort_desc(topk(10, sum by (service) ("+began(`kind="deploy"`)+") > 0))").decimals(0).
			nothing("No deploy in this time range"),
		bargauge(33, "Failed deploys by service", "Share of deploys that failed, of the services that had any.", share).
			now("{{service}}", "sort_desc(topk(10, "+failed("by (service) ")+" > 0))").bounded().decimals(0).
			thresholds("orange", at{0.3, "red"}).nothing("None failed"),
	)
	d.row(12, changesTable(40, "Changes", "All changes of the time range, newest first.", ofKind, 1000, "previous version", "from").
		nothing("No change in this time range"))
	return d
}
