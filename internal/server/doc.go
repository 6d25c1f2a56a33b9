// Package server answers HTTP: it routes, authorizes, bounds and logs every
// request, serves the change log's own endpoints, and mounts Prometheus' API.
//
// It never decides what a change may be or what a query means: the parts that
// it is given do.
package server
