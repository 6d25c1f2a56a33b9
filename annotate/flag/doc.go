// Package flag holds the rules of feature flags: what a definition may be, what
// the controls do to it, and what it answers for whom. It does no I/O; each
// package below it is one way to get flags in, to keep them or to serve them.
//
// Definitions are GO Feature Flag's, and so are the answers, to the bucket. They
// are compiled with the types, the merging and the query languages of its own
// library, so that an evaluation only picks an answer that is there; a property
// test holds each answer with all its details against InternalFlag.Value. There
// are two differences, both where the library's own answer is an accident: percentages that it adds
// up to 99.999 or 100 in the random order of a map have 100, and the one bucket in
// 100,000 that rounding leaves to nobody has the last variation.
package flag
