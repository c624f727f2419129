package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"switchboard"
	"switchboard/i18n"
)

// maxDepth bounds how deep a body nests; the deepest one of the contract has four.
const maxDepth = 16

// checkBody says what is wrong with a JSON body for a type of the contract: text that
// is not UTF-8 or holds NUL, unknown fields, missing ones, values outside of a list.
func checkBody(raw []byte, shape any) error {
	if !utf8.Valid(raw) || tooDeep(raw) {
		return errMalformed
	}
	value := reflect.New(reflect.TypeOf(shape))
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(value.Interface()); err != nil {
		return decodeError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errMalformed
	}
	var given map[string]json.RawMessage
	if json.Unmarshal(raw, &given) != nil || given == nil {
		return errMalformed
	}
	if field := missingField(given, value.Elem().Type()); field != "" {
		return invalid(field)
	}
	if field, ok := checkValue(value.Elem(), ""); !ok {
		return invalid(field)
	}
	return nil
}

func invalid(field string) error { return switchboard.Invalid(field, string(i18n.Invalid)) }

// decodeError names the field to blame where the decoder does.
func decodeError(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return invalid(wrong.Field)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return switchboard.Invalid(cut(strings.Trim(name, `"`), 100), string(i18n.UnknownField))
	}
	return errMalformed
}

// tooDeep counts brackets outside of strings, before anything is built from them.
func tooDeep(raw []byte) bool {
	depth, quoted, escaped := 0, false, false
	for _, c := range raw {
		switch {
		case escaped:
			escaped = false
		case quoted:
			quoted, escaped = c != '"', c == '\\'
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// missingField names a required field that was not given, or is null.
func missingField(given map[string]json.RawMessage, t reflect.Type) string {
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if strings.Contains(options, "omitempty") {
			continue
		}
		if value, there := given[name]; !there || string(value) == "null" {
			return name
		}
	}
	return ""
}

// checkValue looks for NUL in texts and for values outside of the contract's lists; it
// names the field to blame.
func checkValue(v reflect.Value, field string) (string, bool) {
	if listed, is := v.Interface().(interface{ Valid() bool }); is && v.Kind() == reflect.String && !listed.Valid() {
		return field, false
	}
	switch v.Kind() {
	case reflect.String:
		return field, !strings.Contains(v.String(), "\x00")
	case reflect.Pointer:
		if !v.IsNil() {
			return checkValue(v.Elem(), field)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if name, ok := checkValue(v.Index(i), field); !ok {
				return name, false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if name, ok := checkValue(v.Field(i), name); !ok {
				return name, false
			}
		}
	}
	return "", true
}
