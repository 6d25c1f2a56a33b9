// Package columns writes what a query came to in columns: all values of a
// series, then all its times. It is for readers of millions of samples, to which
// the text of JSON is most of their work; columns.proto describes the format.
//
// It never answers what it cannot write to the last bit: that stays JSON.
package columns
