package main

import (
	"fmt"
	"strings"
)

// The metrics of HTTP servers come under several names: OpenTelemetry's, as
// classic and as native histograms, and the two that Prometheus' users took up.
// Each expression here asks for all of them and takes, for each service, the
// first that is there. A series that does not exist costs next to nothing.

// otel is the duration of requests as OpenTelemetry names it; usual is what most
// others call it.
const (
	otel  = "http_server_request_duration_seconds"
	usual = "http_request_duration_seconds"
)

// statusLabels are the labels that hold the status of a response, beside
// OpenTelemetry's http_response_status_code.
var statusLabels = [...]string{"code", "status", "status_code"}

// requestRate is the requests a second of the series that selector selects, by
// the labels in by.
func requestRate(by, selector string) string {
	return strings.Join([]string{
		fmt.Sprintf("sum by (%s) (rate(%s_count{%s}[$__rate_interval]))", by, otel, selector),
		fmt.Sprintf("histogram_count(sum by (%s) (rate(%s{%s}[$__rate_interval])))", by, otel, selector),
		fmt.Sprintf("sum by (%s) (rate(http_requests_total{%s}[$__rate_interval]))", by, selector),
		fmt.Sprintf("sum by (%s) (rate(%s_count{%s}[$__rate_interval]))", by, usual, selector),
	}, "\nor ")
}

// requestRateByStatus is requestRate of the responses whose status matches a
// pattern.
func requestRateByStatus(by, selector, pattern string) string {
	status := func(label string) string { return and(label+"=~\""+pattern+"\"", selector) }
	anyStatus := func(metric string) string {
		var rates []string
		for _, label := range statusLabels {
			rates = append(rates, fmt.Sprintf("rate(%s{%s}[$__rate_interval])", metric, status(label)))
		}
		return strings.Join(rates, " or ")
	}
	return strings.Join([]string{
		fmt.Sprintf("sum by (%s) (rate(%s_count{%s}[$__rate_interval]))", by, otel, status("http_response_status_code")),
		fmt.Sprintf("histogram_count(sum by (%s) (rate(%s{%s}[$__rate_interval])))", by, otel, status("http_response_status_code")),
		fmt.Sprintf("sum by (%s) (%s)", by, anyStatus("http_requests_total")),
		fmt.Sprintf("sum by (%s) (%s)", by, anyStatus(usual+"_count")),
	}, "\nor ")
}

// errorShare is the share of requests that the server failed to answer; 0 where
// there are requests and none of them failed.
func errorShare(by, selector string) string {
	all := requestRate(by, selector)
	return fmt.Sprintf("(\n%s\nor 0 * (\n%s\n))\n/ (\n%s\n)", requestRateByStatus(by, selector, "5.."), all, all)
}

// errorShareOfAll is the share of the requests of all series together, each group
// of by counted under the name that it uses.
func errorShareOfAll(by, selector string) string {
	all := requestRate(by, selector)
	return fmt.Sprintf("sum(\n%s\nor 0 * (\n%s\n))\n/ sum(\n%s\n)", requestRateByStatus(by, selector, "5.."), all, all)
}

// latency is a quantile of how long requests took, in seconds.
func latency(quantile, by, selector string) string {
	return strings.Join([]string{
		fmt.Sprintf("histogram_quantile(%s, sum by (%s) (rate(%s_bucket{%s}[$__rate_interval])))", quantile, and(by, "le"), otel, selector),
		fmt.Sprintf("histogram_quantile(%s, sum by (%s) (rate(%s{%s}[$__rate_interval])))", quantile, by, otel, selector),
		fmt.Sprintf("histogram_quantile(%s, sum by (%s) (rate(%s_bucket{%s}[$__rate_interval])))", quantile, and(by, "le"), usual, selector),
	}, "\nor ")
}

// and joins what is there of two lists.
func and(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ", " + b
}
