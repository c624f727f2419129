package hubspot

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
)

const (
	maxReason     = 300 // bytes
	maxReasonWord = 40
)

// reason tells people who administer the CRM why a call was refused: HubSpot's names,
// and of its sentence the plain English words that we did not send (P13).
func reason(p *Problem, message string, private map[string]bool) string {
	text := p.Error()
	if words := publicWords(message, private); words != "" {
		text = strings.TrimPrefix(text+": "+words, ": ")
	}
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "")
	}
	return text
}

var quoted = regexp.MustCompile(`"[^"]*"|'[^']*'|\[[^\]]*\]|\{[^}]*\}`)

const gap = "…"

// publicWords keeps the words of a sentence that cannot be anybody's data: ASCII
// letters only, not in quotes or brackets, not among the words that the call sent.
func publicWords(message string, private map[string]bool) string {
	if len(message) > 4*maxReason {
		message = message[:4*maxReason]
	}
	message = quoted.ReplaceAllStringFunc(message, func(q string) string {
		if inner := q[1 : len(q)-1]; strings.Contains(inner, "_") && identifier.MatchString(inner) && !private[strings.ToLower(inner)] {
			return inner // a property's name
		}
		return gap
	})
	var out []string
	for word := range strings.FieldsSeq(message) {
		if !isPublic(word, private) {
			word = gap
		}
		if word != gap || len(out) > 0 && out[len(out)-1] != gap {
			out = append(out, word)
		}
	}
	return strings.TrimSuffix(strings.Join(out, " "), " "+gap)
}

func isPublic(word string, private map[string]bool) bool {
	core := strings.Trim(word, `.,:;!?()"'`)
	if core == "" || len(core) > maxReasonWord || private[strings.ToLower(core)] {
		return false
	}
	for _, r := range word {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !strings.ContainsRune(`.,:;!?()_-'`, r) {
			return false
		}
	}
	return !strings.Contains(core, ".")
}

// private lists the words of all values that a call sent, in lower case.
func (req *call) private() map[string]bool {
	words := map[string]bool{}
	if strings.Contains(req.route, "{id}") {
		addWords(words, req.path)
	}
	var body any
	if json.Unmarshal(req.encoded, &body) == nil {
		eachValue(body, func(value string) { addWords(words, value) })
	}
	return words
}

func addWords(words map[string]bool, text string) {
	for _, w := range strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_'
	}) {
		words[strings.ToLower(w)] = true
	}
}

// plainKeys hold names of the protocol, not values.
var plainKeys = map[string]bool{"propertyName": true, "operator": true, "idProperty": true, "direction": true, "associationCategory": true}

func eachValue(node any, visit func(string)) {
	switch x := node.(type) {
	case string:
		visit(x)
	case []any:
		for _, one := range x {
			eachValue(one, visit)
		}
	case map[string]any:
		for key, one := range x {
			if !plainKeys[key] {
				eachValue(one, visit)
			}
		}
	}
}
