// Package settings reads what an administrator set up for a data source, and
// says in a sentence what of it cannot be used.
package settings
