package annotate

import (
	"errors"
	"fmt"
)

// Code says what kind of failure an Error is, for those that branch on it.
type Code string

// The codes of an Error.
const (
	// Invalid is input that can never be taken as it is.
	Invalid Code = "invalid"
	// NotFound is an id that the log does not have.
	NotFound Code = "not_found"
	// Conflict is input that contradicts what the log has.
	Conflict Code = "conflict"
	// Held is what somebody keeps from being done now.
	Held Code = "held"
	// TooMany is a limit that was reached.
	TooMany Code = "too_many"
	// Unavailable is a log that cannot answer or keep anything now.
	Unavailable Code = "unavailable"
)

// Error is a failure with a message for a person: what was wrong, and what
// would be right.
type Error struct {
	Code Code
	// Field names what was wrong, as the sender wrote it ("start",
	// "labels.team", "links[2].href"); empty where no field is to blame.
	Field   string
	Message string
	// Value is what was found in Field, for the one who has to find it.
	Value any
	Err   error
}

// Error implements error.
func (e *Error) Error() string {
	msg := e.Message
	if e.Field != "" {
		msg = e.Field + ": " + msg
	}
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first Error in err's chain, or "".
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

func invalid(field string, value any, format string, args ...any) *Error {
	return &Error{Code: Invalid, Field: field, Value: value, Message: fmt.Sprintf(format, args...)}
}
