package sandbox

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// timeFormat is how the service writes moments, in answers and in values.
const timeFormat = "2006-01-02T15:04:05.000Z"

func stampTime(t time.Time) string { return t.UTC().Format(timeFormat) }

// parseMoment reads milliseconds since 1970, a date, or RFC 3339.
func parseMoment(s string) (time.Time, bool) {
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC(), true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// uniqueKey is how two values of a unique property are compared: e-mail
// without regard to case, the rest exactly.
func uniqueKey(name, value string) string {
	if name == "email" {
		return strings.ToLower(value)
	}
	return value
}

// values are property values of a request. The service accepts numbers and
// booleans as well as strings; null clears like an empty string.
type values map[string]string

func (v *values) UnmarshalJSON(b []byte) error {
	var raw map[string]any
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.UseNumber()
	if err := dec.Decode(&raw); err != nil {
		return err
	}
	*v = make(values, len(raw))
	for name, value := range raw {
		text, err := valueText(value)
		if err != nil {
			return err
		}
		(*v)[name] = text
	}
	return nil
}

type valueError struct{}

func (valueError) Error() string { return "a property value is a list or an object" }

func valueText(value any) (string, error) {
	switch x := value.(type) {
	case nil:
		return "", nil
	case string:
		return x, nil
	case json.Number:
		return x.String(), nil
	case bool:
		return strconv.FormatBool(x), nil
	}
	return "", valueError{}
}

// stored writes a value as the service keeps it: moments in one format.
func (t *table) stored(name, value string) string {
	if def := t.props[name]; def.Type == "datetime" {
		if at, ok := parseMoment(value); ok {
			return stampTime(at)
		}
	}
	return value
}

// checkValues judges each value by its definition. By name, so that the
// answer to a request is always the same.
func (t *table) checkValues(v values) *apiError {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		def, ok := t.props[name]
		if !ok {
			return invalidProperty("PROPERTY_DOESNT_EXIST", name, "Property %q does not exist", name)
		}
		if err := checkValue(def, v[name]); err != nil {
			return err
		}
	}
	return nil
}

func checkValue(def property, value string) *apiError {
	if def.Calculated {
		return invalidProperty("READ_ONLY_VALUE", def.Name, "%q is a read only property", def.Name)
	}
	if value == "" {
		return nil
	}
	if utf8.RuneCountInString(value) > maxValueChars {
		return invalidProperty("INVALID_STRING_TOO_LONG", def.Name, "%q is longer than %d characters", def.Name, maxValueChars)
	}
	switch def.Type {
	case "number":
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return invalidProperty("INVALID_DOUBLE", def.Name, "%q was not a valid number", def.Name)
		}
	case "datetime", "date":
		if _, ok := parseMoment(value); !ok {
			return invalidProperty("INVALID_DATE", def.Name, "%q was not a valid time", def.Name)
		}
	case "bool":
		if value != "true" && value != "false" {
			return invalidProperty("INVALID_BOOLEAN", def.Name, "%q was not a valid boolean", def.Name)
		}
	case "enumeration":
		return checkOption(def, value)
	}
	if def.Name == "email" && !looksLikeEmail(value) {
		return invalidProperty("INVALID_EMAIL", def.Name, "Email address is invalid")
	}
	return nil
}

// checkOption passes definitions without options: those are judged by the
// account's owners and pipelines.
func checkOption(def property, value string) *apiError {
	if len(def.Options) == 0 {
		return nil
	}
	known := slices.ContainsFunc(def.Options, func(o option) bool { return o.Value == value })
	if !known {
		return invalidProperty("INVALID_OPTION", def.Name, "The value was not one of the allowed options of %q", def.Name)
	}
	return nil
}

func looksLikeEmail(s string) bool {
	name, domain, found := strings.Cut(s, "@")
	return found && name != "" && !strings.ContainsAny(s, " \t\r\n<>,;") &&
		strings.Contains(strings.Trim(domain, "."), ".") && !strings.Contains(domain, "@")
}
