// Package ofrep serves the evaluation of flags: OpenFeature's remote evaluation
// protocol, with its events, and the endpoints that GO Feature Flag's own
// providers ask its relay for. It reads immutable sets of flags and never alters,
// stores or waits for anything.
package ofrep
