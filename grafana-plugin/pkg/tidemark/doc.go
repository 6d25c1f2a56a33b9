// Package tidemark asks a Tidemark server over HTTP. It turns what can go
// wrong into sentences for the person before a panel, and lets no secret into
// them.
package tidemark
