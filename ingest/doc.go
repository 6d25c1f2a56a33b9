// Package ingest is how samples get in: scraped from targets, gathered from
// the host, or pushed by others, and the store that they all go to.
//
// It never knows about changes: what needs both sides lives in package query.
package ingest
