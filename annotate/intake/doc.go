// Package intake makes changes of what other tools report in their own formats, a file
// for each format. It does no I/O.
package intake
