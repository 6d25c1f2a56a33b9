// Package client talks to a Tidemark server's own API: it records, corrects,
// reads and follows changes, and keeps on disk what a server could not take.
//
// It never prints, and never retries a report by itself: what it could not
// deliver is its caller's to know.
package client
