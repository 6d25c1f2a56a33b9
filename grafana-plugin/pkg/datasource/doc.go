// Package datasource is one configured Tidemark as Grafana sees it: it hands
// queries to what answers them, and itself answers the settings page and the
// editors.
package datasource
