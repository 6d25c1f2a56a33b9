// Package promjson reads the JSON of Prometheus' API from a stream, without
// ever holding more of it than one token. It is made for results of millions of
// samples, whose texts it parses in place.
package promjson
