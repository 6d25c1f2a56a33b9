// Package runlog keeps what a deploy prints: a file that only grows, has an end to
// how long it may get, shows no secret, and is text that a terminal may show.
package runlog
