package telegrambot_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"switchboard/channel/telegrambot/standin"
)

// spec is Telegram's Bot API as data: each method's parameters with their types.
type spec struct {
	Methods map[string]struct {
		Fields []specField `json:"fields"`
	} `json:"methods"`
	Types map[string]struct {
		Fields   []specField `json:"fields"`
		Subtypes []string    `json:"subtypes"`
	} `json:"types"`
}

type specField struct {
	Name     string   `json:"name"`
	Types    []string `json:"types"`
	Required bool     `json:"required"`
}

// loadSpec reads the specification, nil where it is not at hand.
var loadSpec = sync.OnceValues(func() (*spec, error) {
	dir := os.Getenv("SPECS_DIR")
	if dir == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(filepath.Join(dir, "channels", "telegram-bot-api.min.json"))
	if err != nil {
		return nil, err
	}
	var s spec
	return &s, json.Unmarshal(raw, &s)
})

// needSpec skips the test where there is no specification; the CI must have it.
func needSpec(t *testing.T) *spec {
	t.Helper()
	s, err := loadSpec()
	if err != nil {
		t.Fatal(err)
	}
	if s == nil && os.Getenv("CI") == "true" {
		t.Fatal("SPECS_DIR is not set: calls cannot be checked against Telegram's specification")
	}
	if s == nil {
		t.Skip("SPECS_DIR is not set: calls are not checked against Telegram's specification")
	}
	return s
}

// fault says what is wrong with a call, "" when nothing is.
func (s *spec) fault(c standin.Call) string {
	method, known := s.Methods[c.Method]
	if !known {
		return "no method " + c.Method
	}
	given := map[string]any{}
	for name, v := range c.Values {
		given[name] = v
	}
	for _, name := range c.Files {
		given[name] = specFile{}
	}
	return s.fields(c.Method, method.Fields, given, c.Form)
}

type specFile struct{}

func (s *spec) fields(where string, fields []specField, given map[string]any, form bool) string {
	for _, f := range fields {
		v, there := given[f.Name]
		switch {
		case !there && f.Required:
			return where + ": no " + f.Name
		case there && !slices.ContainsFunc(f.Types, func(kind string) bool { return s.is(kind, v, form) }):
			return fmt.Sprintf("%s: %s is no %s", where, f.Name, strings.Join(f.Types, " or "))
		}
	}
	for name := range given {
		if !slices.ContainsFunc(fields, func(f specField) bool { return f.Name == name }) {
			return where + ": no parameter " + name
		}
	}
	return ""
}

// is says whether v is a value of the kind; in a form, values that are no text are
// JSON in text.
func (s *spec) is(kind string, v any, form bool) bool {
	if text, isText := v.(string); isText && form && kind != "String" {
		var inner any
		return json.Unmarshal([]byte(text), &inner) == nil && s.is(kind, inner, false)
	}
	if element, list := strings.CutPrefix(kind, "Array of "); list {
		items, isList := v.([]any)
		return isList && !slices.ContainsFunc(items, func(i any) bool { return !s.is(element, i, false) })
	}
	switch kind {
	case "Integer":
		n, isNumber := v.(float64)
		return isNumber && n == float64(int64(n))
	case "Float":
		_, isNumber := v.(float64)
		return isNumber
	case "String":
		_, isText := v.(string)
		return isText
	case "Boolean":
		_, isBool := v.(bool)
		return isBool
	case "InputFile":
		_, isFile := v.(specFile)
		return isFile
	}
	object, isObject := v.(map[string]any)
	known, there := s.Types[kind]
	return isObject && there && s.fields(kind, known.Fields, object, false) == ""
}

func TestFindsWrongCalls(t *testing.T) {
	s := needSpec(t)
	wrong := []standin.Call{
		{Method: "sendMesage"},
		{Method: "sendMessage", Values: map[string]any{"chat_id": 1.0}},
		{Method: "sendMessage", Values: map[string]any{"chat_id": 1.0, "text": 5.0}},
		{Method: "sendMessage", Values: map[string]any{"chat_id": 1.0, "text": "x", "colour": "red"}},
		{Method: "sendMessage", Values: map[string]any{"chat_id": 1.0, "text": "x", "reply_parameters": map[string]any{"message": 1.0}}},
		{Method: "getUpdates", Values: map[string]any{"allowed_updates": []any{1.0}}},
		{Method: "sendPhoto", Values: map[string]any{"chat_id": "1"}, Form: true},
		{Method: "sendPhoto", Values: map[string]any{"chat_id": "1", "reply_parameters": "{}"}, Form: true, Files: []string{"photo"}},
	}
	for _, c := range wrong {
		if s.fault(c) == "" {
			t.Errorf("nothing found wrong with %+v", c)
		}
	}
	right := standin.Call{Method: "sendPhoto", Values: map[string]any{"chat_id": "1", "caption": "7"}, Form: true, Files: []string{"photo"}}
	if fault := s.fault(right); fault != "" {
		t.Error(fault)
	}
}
