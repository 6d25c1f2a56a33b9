// Package spool keeps reports on disk until a server took them, so that a
// change is not forgotten because its server could not be reached.
//
// It never writes a token or password, and never drops a report silently: what
// it cannot keep is an error, and what a server refused is set aside.
package spool
