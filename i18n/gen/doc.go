// Command gen writes keys.gen.go, the names of the sentences, from en.json. It
// runs in the i18n folder: go generate ./i18n
//
// May import: the standard library.
package main
