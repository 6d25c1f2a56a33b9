// Package federate serves /federate: the newest sample of each series asked
// for, in the exposition formats, for another Prometheus to scrape.
//
// It never evaluates PromQL beyond selectors.
package federate
