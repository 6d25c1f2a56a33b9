package auth

// Code says why a request was refused.
type Code string

// The codes of an Error.
const (
	// Unauthenticated is a caller who showed no credentials, or wrong ones.
	Unauthenticated Code = "unauthenticated"
	// Forbidden is a known caller whose role does not suffice, or a request
	// that another web site made through the caller's browser.
	Forbidden Code = "forbidden"
	// Malformed is a header that cannot be taken as it is.
	Malformed Code = "malformed"
)

// Error is a refusal, with a message for a person: what was missing, and what
// would be right. It never repeats a secret.
type Error struct {
	Code    Code
	Message string
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

func refuse(code Code, message string) *Error { return &Error{Code: code, Message: message} }
