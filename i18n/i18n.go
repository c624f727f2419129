package i18n

import (
	"embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

	"golang.org/x/text/language"
)

// Language is one of the product's languages, as stored in locale fields.
type Language string

// The languages.
const (
	English Language = "en"
	Russian Language = "ru"
)

// Key names a sentence. Placeholders stand in braces; "count" chooses the plural form.
type Key string

//go:embed ru.json en.json
var files embed.FS

// sentence is a text, or a text per plural form ("one", "few", "many", "other").
type sentence struct {
	text  string
	forms map[string]string
}

// UnmarshalJSON takes a string or an object of forms.
func (s *sentence) UnmarshalJSON(raw []byte) error {
	if json.Unmarshal(raw, &s.text) == nil {
		return nil
	}
	return json.Unmarshal(raw, &s.forms)
}

var texts = map[Language]map[Key]sentence{English: mustLoad(English), Russian: mustLoad(Russian)}

// mustLoad panics: the files are part of the program, and a test reads them first.
func mustLoad(l Language) map[Key]sentence {
	raw, err := files.ReadFile(string(l) + ".json")
	if err != nil {
		panic(err)
	}
	loaded := map[Key]sentence{}
	if err := json.Unmarshal(raw, &loaded); err != nil {
		panic(fmt.Sprintf("%s.json: %v", l, err))
	}
	return loaded
}

// Has tells whether the key has a sentence.
func Has(key Key) bool {
	_, found := texts[English][key]
	return found
}

var placeholder = regexp.MustCompile(`\{[a-zA-Z]+\}`)

// Text gives the sentence in the language (English for an unknown one), with
// params in place of its placeholders. Where the sentence has plural forms,
// params["count"], a whole number, chooses one.
func Text(l Language, key Key, params map[string]string) string {
	all, known := texts[l]
	if !known {
		all, l = texts[English], English
	}
	found, known := all[key]
	if !known {
		found = all[Internal]
	}
	text := found.text
	if found.forms != nil {
		text = found.forms[pluralForm(l, params["count"])]
	}
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		if value, given := params[name[1:len(name)-1]]; given {
			return value
		}
		return "—"
	})
}

// pluralForm follows Unicode's rules for whole numbers; anything else is "other".
func pluralForm(l Language, count string) string {
	n, err := strconv.ParseUint(count, 10, 63)
	switch {
	case err != nil:
		return "other"
	case l == English && n == 1, l == Russian && n%10 == 1 && n%100 != 11:
		return "one"
	case l == English:
		return "other"
	case n%10 >= 2 && n%10 <= 4 && (n%100 < 12 || n%100 > 14):
		return "few"
	}
	return "many"
}

var matcher = language.NewMatcher([]language.Tag{language.English, language.Russian})

// maxHeaderBytes bounds what Match reads of a header.
const maxHeaderBytes = 500

// Match picks the language for an Accept-Language header or a stored locale.
func Match(acceptLanguage string) Language {
	if len(acceptLanguage) > maxHeaderBytes {
		acceptLanguage = acceptLanguage[:maxHeaderBytes]
	}
	_, index := language.MatchStrings(matcher, acceptLanguage)
	return []Language{English, Russian}[index]
}
