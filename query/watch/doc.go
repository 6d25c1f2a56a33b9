// Package watch looks at which versions the targets run, and has the change log know of
// the deploys and restarts that it sees. It never writes a sample.
package watch
