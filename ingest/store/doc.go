// Package store keeps samples in Prometheus' TSDB.
//
// It never decides what is scraped or who may write.
package store
