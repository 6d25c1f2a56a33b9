// Package heapfloor lets a process whose heap is small collect its garbage as
// seldom as one whose heap is larger.
//
// Go collects when the heap has doubled. That of an idle plugin is a few
// megabytes, and one dashboard is twenty: it would be collected several times
// while its panels are drawn, for most of what drawing them takes.
package heapfloor

import "runtime"

// Dashboards is what the frames of two large dashboards take, of two million
// samples each.
const Dashboards = 48 << 20

// Raise makes a collection wait for bytes of garbage more than it would, and
// returns what ends that. So much more memory is taken at most, however large
// the heap becomes, which a higher GOGC would multiply. It reserves addresses
// that nothing is ever written to; no memory is spent on them.
func Raise(bytes int) (release func()) {
	reserved := make([]byte, bytes)
	return func() { runtime.KeepAlive(reserved) }
}
