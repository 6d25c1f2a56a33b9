// Package wrap runs a command as a deploy: it tells a log that the deploy
// begins, runs the command, and tells how it ended. It also finds out from git
// and the CI system what is deployed, and by whom.
//
// It never stops, delays past a bound, or alters what it runs, and never reads
// a variable of the environment that it does not name.
package wrap
