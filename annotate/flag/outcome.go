package flag

import (
	"sync/atomic"

	"github.com/VictoriaMetrics/metrics"
	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
)

// outcome is one of the answers that a flag can give. It is made with the first
// evaluation that comes to it, and all others share it.
type outcome struct {
	value       any
	variant     string
	reason      Reason
	err         *EvaluationError
	details     flag.ResolutionDetails
	trackEvents bool
	version     string

	// encoded is the answer as it is written, made when it is first asked for.
	encoded atomic.Pointer[Encoded]

	// counter is found with the first evaluation that has this outcome.
	counter atomic.Pointer[metrics.Counter]
}

// newOutcome returns the outcome for what the library answered for a flag, of
// which it takes some details from the definition, whatever the steps say.
func newOutcome(original *flag.InternalFlag, value any, details flag.ResolutionDetails) *outcome {
	o := &outcome{
		reason:      reasonOf(details.Reason),
		details:     details,
		trackEvents: original.IsTrackEvents(),
		version:     original.GetVersion(),
	}
	switch {
	case details.ErrorCode == flag.ErrorFlagConfiguration:
		o.err = &EvaluationError{Code: CodeGeneral, Message: details.ErrorMessage}
	case details.ErrorCode != "":
		o.err = &EvaluationError{Code: details.ErrorCode, Message: details.ErrorMessage}
	case details.Reason != flag.ReasonDisabled:
		o.variant, o.value = details.Variant, value
	}
	return o
}

// result returns the outcome as what the flag answered.
func (o *outcome) result(key string) Result {
	return Result{
		Key:      key,
		Value:    o.value,
		Variant:  o.variant,
		Reason:   o.reason,
		Err:      o.err,
		Metadata: o.details.Metadata,
		outcome:  o,
	}
}
