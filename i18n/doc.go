// Package i18n holds the sentences the server says to people, in Russian and
// English: errors, explanations of decisions and rights, effects of settings.
//
// Purpose: code knows keys, people see sentences. ru.json and en.json are the
// texts; keys.gen.go, made from en.json by `go generate`, names each key. The
// screens' own texts live in web/.
//
// Guarantees, kept by tests: both languages have the same keys, the same
// placeholders and every plural form their language needs; every message key
// that stands in the code has a sentence. A key without a sentence shows a
// general sentence, a placeholder without a value shows a dash: never a raw
// key or brace.
//
// May import: the standard library and golang.org/x/text/language.
package i18n

//go:generate go run ./gen
