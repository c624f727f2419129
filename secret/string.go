package secret

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const hidden = "[hidden]"

// String is text that must not be printed. Its zero value is the empty text.
//
// The text stands behind a pointer: package fmt calls no methods on values in
// unexported fields, and must find an address there, not the text.
type String struct{ text *string }

// New hides the text.
func New(text string) String { return String{text: &text} }

// Reveal gives the text: call it where the text leaves the house for the
// system it is meant for, and nowhere else.
func (s String) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsEmpty tells whether there is nothing to hide.
func (s String) IsEmpty() bool { return s.Reveal() == "" }

// Equal compares in a time that does not depend on where the texts differ.
func (s String) Equal(other String) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String hides the text.
func (s String) String() string { return hidden }

// GoString hides the text.
func (s String) GoString() string { return hidden }

// Format hides the text for every verb, also for those that fit no string.
func (s String) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, hidden) }

// LogValue hides the text in logs.
func (s String) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the text from JSON keys, XML and the like.
func (s String) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON hides the text.
func (s String) MarshalJSON() ([]byte, error) { return json.Marshal(hidden) }

// UnmarshalText takes the text from flags, the environment and JSON. What a
// String printed is refused: it would replace a secret by its own mask.
func (s *String) UnmarshalText(text []byte) error {
	if string(text) == hidden {
		return errors.New("a masked secret was given in place of the secret")
	}
	*s = New(string(text))
	return nil
}
