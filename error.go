package switchboard

import (
	"errors"
	"fmt"
)

// Code classifies an error at the house's border; api maps each to one HTTP status.
type Code string

// The codes. Foreign and missing share CodeNotFound (ROLE-4).
const (
	CodeInvalid      Code = "invalid"      // the input is wrong; Field may name where
	CodeNotFound     Code = "not_found"    // missing, or not for this viewer
	CodeForbidden    Code = "forbidden"    // seen, but this action is not allowed
	CodeConflict     Code = "conflict"     // contradicts what is stored
	CodeUnauthorized Code = "unauthorized" // nobody is signed in
	CodeTooMany      Code = "too_many"     // slow down
	CodeUnavailable  Code = "unavailable"  // nothing was kept; try again
	CodeTooLarge     Code = "too_large"    // over a limit
)

// Error is an error whose Message key may be shown to a person (package i18n holds
// the sentences in both languages); Err is the inner cause, never shown.
type Error struct {
	Code    Code
	Message string            // key of a sentence
	Field   string            // input field, where one is to blame
	Params  map[string]string // values of the sentence's placeholders
	Err     error
}

// Error gives the text for logs.
func (e *Error) Error() string {
	text := string(e.Code) + ": " + e.Message
	if e.Field != "" {
		text += " (" + e.Field + ")"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error whose cause is formatted from the arguments.
func Errorf(code Code, message, format string, args ...any) *Error {
	return &Error{Code: code, Message: message, Err: fmt.Errorf(format, args...)}
}

// Invalid makes an Error that blames one input field.
func Invalid(field, message string) *Error {
	return &Error{Code: CodeInvalid, Message: message, Field: field}
}

// ErrNotFound is what a store answers for missing rows and for rows the viewer may
// not see alike.
var ErrNotFound = &Error{Code: CodeNotFound, Message: "not_found"}

// CodeOf gives the code of err, or "" for an unexpected error.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}
