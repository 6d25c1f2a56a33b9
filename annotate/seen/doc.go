// Package seen tells of deploys and restarts that nobody announced, by what is seen to
// run. It does no I/O and knows no samples: whoever watches targets says what each runs.
package seen
