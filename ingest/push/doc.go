// Package push bounds what others may send: the samples of one request, the
// labels of a series, the bytes of a body, the requests at once.
//
// It never speaks a protocol itself: remote write and OTLP are Prometheus' own
// receivers, which this package stands before and behind.
package push
