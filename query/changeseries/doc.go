// Package changeseries shows the change log as series beside the samples, so
// that PromQL can ask for both at once.
//
// It never stores anything: each select reads the log anew, and one that cannot
// match a change does not reach the log at all.
package changeseries
