// Package metrics answers PromQL: it fills in Grafana's macros, chooses the
// step, asks the server, and turns the answer into frames while it arrives,
// never holding more samples of it than is allowed.
package metrics
