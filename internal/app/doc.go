// Package app puts Tidemark together: it opens the stores, starts what scrapes
// and what serves, reloads the configuration, and stops it all in order.
//
// It never does the work itself: each part is a package of its own.
package app
