package flag

import (
	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
	"github.com/thomaspoignant/go-feature-flag/modules/core/model"
)

// Result is what a flag answered to one context.
type Result struct {
	Key string
	// Value is nil where the flag answers none, and the code's default counts.
	// It is shared: nobody may alter it. Numbers are float64.
	Value any
	// Variant is the variation's name; empty where there is none.
	Variant string
	Reason  Reason
	// Err is set where the flag could not be evaluated; Reason is then ReasonError.
	Err *EvaluationError
	// Metadata is the flag's, with "evaluatedRuleName" where a rule with a name
	// decided. It is shared: nobody may alter it.
	Metadata map[string]any

	outcome *outcome
}

// Details returns the result as GO Feature Flag's library has it, with its own
// reasons and error codes. What it points to is shared: nobody may alter it.
func (r Result) Details() flag.ResolutionDetails { return r.outcome.details }

// Relay returns the result as GO Feature Flag's relay proxy answers it. The
// value is fallback where the flag answers none.
func (r Result) Relay(fallback any) model.RawVarResult {
	details := r.Details()
	value := r.Value
	if r.Variant == "" {
		value = fallback
	}
	return model.RawVarResult{
		TrackEvents:   r.outcome.trackEvents,
		VariationType: details.Variant,
		Failed:        details.ErrorCode != "",
		Version:       r.outcome.version,
		Reason:        details.Reason,
		ErrorCode:     details.ErrorCode,
		ErrorDetails:  details.ErrorMessage,
		Value:         value,
		Cacheable:     details.Cacheable,
		Metadata:      details.Metadata,
	}
}

// Reason says why a flag answered as it did. The words are OpenFeature's.
// https://openfeature.dev/specification/types#resolution-reason
type Reason string

// The reasons.
const (
	ReasonStatic         Reason = "STATIC"
	ReasonDefault        Reason = "DEFAULT"
	ReasonTargetingMatch Reason = "TARGETING_MATCH"
	ReasonSplit          Reason = "SPLIT"
	ReasonDisabled       Reason = "DISABLED"
	ReasonUnknown        Reason = "UNKNOWN"
	ReasonError          Reason = "ERROR"
)

// reasonOf returns the library's reason in OpenFeature's words, which have none
// for a rule that splits those whom it catches.
func reasonOf(reason flag.ResolutionReason) Reason {
	if reason == flag.ReasonTargetingMatchSplit {
		return ReasonSplit
	}
	return Reason(reason)
}

// EvaluationError says why a flag could not be evaluated for a context.
type EvaluationError struct {
	// Code is one of OpenFeature's: FLAG_NOT_FOUND, TARGETING_KEY_MISSING,
	// INVALID_CONTEXT, PARSE_ERROR or GENERAL.
	// https://openfeature.dev/specification/types#error-code
	Code string
	// Message is for a person.
	Message string
}

// Error implements error.
func (e *EvaluationError) Error() string { return e.Message }

// The codes of an EvaluationError.
const (
	CodeFlagNotFound        = "FLAG_NOT_FOUND"
	CodeTargetingKeyMissing = "TARGETING_KEY_MISSING"
	CodeInvalidContext      = "INVALID_CONTEXT"
	CodeParseError          = "PARSE_ERROR"
	CodeGeneral             = "GENERAL"
)
