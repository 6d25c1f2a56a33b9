// Package runlog keeps what a deploy prints: bounded, without secrets, and
// readable while it grows.
package runlog
