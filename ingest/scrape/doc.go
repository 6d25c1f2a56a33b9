// Package scrape fetches samples from targets, with Prometheus' own service
// discovery and scrape manager.
//
// It never keeps samples itself: they go to the store that it is given.
package scrape
