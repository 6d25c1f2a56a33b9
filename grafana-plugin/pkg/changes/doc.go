// Package changes answers what Grafana asks of the change log: the changes to
// draw on a panel, tables, the last change, the state of flags, timelines, and
// the live stream. It only ever reads.
package changes
