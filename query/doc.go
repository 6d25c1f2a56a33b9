// Package query answers questions: Prometheus' HTTP API over samples and, as
// series beside them, over changes.
//
// It never records anything: samples come in through package ingest, changes
// through package annotate.
package query
