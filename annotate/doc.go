// Package annotate holds the record of what changed: the change, its parts,
// what a sender may report, and what a reader may ask. It does no I/O; each
// package below it is one way to get changes in or to keep them.
//
// It never knows about samples: what needs both sides lives in package query.
package annotate
