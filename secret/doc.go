// Package secret keeps what must not be seen out of sight.
//
// String holds a token or password in memory and prints as [hidden] in fmt,
// JSON and slog, at every depth (P13).
//
// Ring encrypts values that are stored: AES-256-GCM, the key ring in one file
// (mode 0600, made at first start), every value bound to its place (account,
// table, column, id), so that a value copied to another row does not open.
// Keys carry versions: Rotate adds one, older values still open.
//
// Guarantees: a wrong key file is told apart from a damaged value
// (WrongKeyError, ErrDamaged). A String does not reveal itself through a
// formatting verb, a marshaller or a struct that holds it.
//
// May import: the standard library.
package secret
