// Package supervise runs a deploy's local command so that it outlives the server
// that asked for it: in a process of its own, which watches the command and leaves
// in the run's folder how it ended.
package supervise
