// Package table writes changes for people to read: aligned to the width of
// their terminal, in their own time zone.
//
// It never writes a control character that it was given: a change's text comes
// from others, and must not reach into the reader's terminal.
package table
