package annotate

import "math"

// Span is what the change series need of a change: its labels and its two
// ends, in Unix milliseconds.
type Span struct {
	ID, Kind, Service, Environment, Version, Who string
	Status                                       Status
	// Start and End are both included. End is Ongoing while the change goes on.
	Start, End int64
}

// Ongoing is the End of a Span that has none yet.
const Ongoing = math.MaxInt64

// SpanFilter selects spans. It is the part of a question that a store can
// answer from an index; nil lists select everything.
type SpanFilter struct {
	IDs, Kinds, Services, Environments, Versions, Statuses []string
	// Flags are the keys of the flags that changes are about.
	Flags []string
}

// Group is what changes are counted by.
type Group struct {
	Kind, Service, Environment string
	Status                     Status
}
