package main

import (
	"errors"
)

// The exit codes of the commands' own failures.
const (
	codeFailed = 1
	codeUsage  = 2
)

// exitError ends the process with a code of its own.
type exitError struct {
	code int
	// err is told; nil when all was said.
	err error
}

// Error implements error.
func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

// Unwrap returns what is told.
func (e *exitError) Unwrap() error { return e.err }

// exitCode tells err on stderr, and returns the code to end with.
func exitCode(err error, io streams) int {
	if err == nil {
		return 0
	}
	code := codeFailed
	if exit, ok := errors.AsType[*exitError](err); ok {
		code, err = exit.code, exit.err
	}
	if err != nil {
		io.warn(err.Error())
	}
	return code
}
