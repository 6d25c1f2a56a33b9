// Package host collects the metrics of the machine it runs on, with
// node_exporter's own collectors in process: the names that every host
// dashboard already uses.
//
// It never keeps a sample, and never listens: the scraper fetches from it as
// from any other target.
package host
