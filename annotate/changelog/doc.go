// Package changelog keeps changes in SQLite: each one's newest state, and every
// revision with who and when.
//
// It never decides what a report means for a change: that is annotate's.
package changelog
