// Package surprise is a planted violation.
package surprise
