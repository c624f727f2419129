package sandbox

import (
	"slices"
	"strings"
	"unicode"
)

// filter is one condition of a search.
type filter struct {
	Property string   `json:"propertyName"`
	Operator string   `json:"operator"`
	Value    string   `json:"value"`
	Values   []string `json:"values"`
	High     string   `json:"highValue"`

	tokens []string // of Value
	must   string   // a part of Value that every match contains
}

// test is a compiled filter.
type test func(props map[string]string) bool

// compile turns OR-groups of AND-filters into tests.
func compile(t *table, groups []filterGroup) ([][]test, *apiError) {
	out := make([][]test, 0, len(groups))
	for _, g := range groups {
		var tests []test
		for _, f := range g.Filters {
			one, bad := f.compile(t)
			if bad != nil {
				return nil, bad
			}
			tests = append(tests, one)
		}
		out = append(out, tests)
	}
	return out, nil
}

func matchesAny(groups [][]test, props map[string]string) bool {
	if len(groups) == 0 {
		return true
	}
	return slices.ContainsFunc(groups, func(tests []test) bool {
		return !slices.ContainsFunc(tests, func(t test) bool { return !t(props) })
	})
}

// operand says which of value, values and highValue an operator takes.
type operand int

const (
	takesNothing operand = iota
	takesValue
	takesValues
	takesRange
)

// operators by name, each with what it takes and how it judges a value. A
// record without the property passes the negative operators only.
var operators = map[string]struct {
	takes operand
	judge func(f filter, def property, value string) bool
}{
	"EQ":     {takesValue, func(f filter, d property, v string) bool { return equalValue(d, v, f.Value) }},
	"NEQ":    {takesValue, func(f filter, d property, v string) bool { return !equalValue(d, v, f.Value) }},
	"LT":     {takesValue, func(f filter, d property, v string) bool { return v != "" && compareValues(d, v, f.Value) < 0 }},
	"LTE":    {takesValue, func(f filter, d property, v string) bool { return v != "" && compareValues(d, v, f.Value) <= 0 }},
	"GT":     {takesValue, func(f filter, d property, v string) bool { return v != "" && compareValues(d, v, f.Value) > 0 }},
	"GTE":    {takesValue, func(f filter, d property, v string) bool { return v != "" && compareValues(d, v, f.Value) >= 0 }},
	"IN":     {takesValues, func(f filter, d property, v string) bool { return oneOf(f, d, v) }},
	"NOT_IN": {takesValues, func(f filter, d property, v string) bool { return !oneOf(f, d, v) }},
	"BETWEEN": {takesRange, func(f filter, d property, v string) bool {
		return v != "" && compareValues(d, v, f.Value) >= 0 && compareValues(d, v, f.High) <= 0
	}},
	"HAS_PROPERTY":       {takesNothing, func(_ filter, _ property, v string) bool { return v != "" }},
	"NOT_HAS_PROPERTY":   {takesNothing, func(_ filter, _ property, v string) bool { return v == "" }},
	"CONTAINS_TOKEN":     {takesValue, func(f filter, _ property, v string) bool { return f.inTokens(v) }},
	"NOT_CONTAINS_TOKEN": {takesValue, func(f filter, _ property, v string) bool { return !f.inTokens(v) }},
}

func (f filter) compile(t *table) (test, *apiError) {
	def, known := t.props[f.Property]
	if !known {
		e := invalid("There is no property %q to filter by", clip(f.Property))
		e.Context = map[string][]string{"propertyName": {clip(f.Property)}}
		return nil, e
	}
	op, known := operators[f.Operator]
	if !known {
		return nil, invalid("%q is not an operator", clip(f.Operator))
	}
	if bad := f.checkOperands(op.takes); bad != nil {
		return nil, bad
	}
	if def.Type == "datetime" { // as values are kept, so that texts compare
		f.Value, f.High = t.stored(f.Property, f.Value), t.stored(f.Property, f.High)
	}
	f.tokens = strings.Fields(strings.ToLower(f.Value))
	f.must = longest(strings.FieldsFunc(strings.ToLower(f.Value), func(r rune) bool { return r == '*' || unicode.IsSpace(r) }))
	return func(props map[string]string) bool { return op.judge(f, def, props[f.Property]) }, nil
}

func (f filter) checkOperands(takes operand) *apiError {
	switch {
	case takes == takesValue && f.Value == "":
		return invalid("Operator %s needs a value", f.Operator)
	case takes == takesValues && len(f.Values) == 0:
		return invalid("Operator %s needs values", f.Operator)
	case takes == takesRange && (f.Value == "" || f.High == ""):
		return invalid("Operator %s needs value and highValue", f.Operator)
	}
	return nil
}

// equalValue compares texts without regard to case.
func equalValue(def property, a, b string) bool {
	if def.Type == "number" || def.Type == "datetime" || def.Type == "date" {
		return a != "" && compareValues(def, a, b) == 0
	}
	return strings.EqualFold(a, b)
}

func oneOf(f filter, def property, v string) bool {
	return slices.ContainsFunc(f.Values, func(want string) bool { return equalValue(def, v, want) })
}

func longest(parts []string) string {
	most := ""
	for _, p := range parts {
		if len(p) > len(most) {
			most = p
		}
	}
	return most
}

// inTokens: every token of the pattern, which may hold "*", matches a token of
// the value. A value's tokens are its words and, for words like addresses, the
// parts of them.
func (f filter) inTokens(value string) bool {
	value = strings.ToLower(value)
	if !strings.Contains(value, f.must) {
		return false
	}
	have := append(strings.Fields(value), words(value)...)
	for _, want := range f.tokens {
		if !slices.ContainsFunc(have, func(token string) bool { return wildcard(want, token) }) {
			return false
		}
	}
	return true
}

// words splits a text into its lower-case runs of letters and digits.
func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// wildcard matches a text against a pattern in which "*" stands for any run.
func wildcard(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return true
}
