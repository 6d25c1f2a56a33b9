// Package columns reads, from a stream, the answers that Tidemark writes in
// columns: all values of a series, then all its times. Their format is described
// in query/promapi/columns/columns.proto. No more of an answer is held than a
// buffer and what the caller keeps, whatever lengths and counts it claims.
package columns
