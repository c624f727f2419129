// Package auth says who somebody is: passwords, sessions and one-time links.
//
// Purpose: the first administrator claims the server with a one-time link (SET-0),
// others come by invitation, everybody signs in with e-mail and password. What the
// signed-in may do is package access's matter.
//
// Guarantees:
//   - a link works once: of two who use it at the same moment, one gets in;
//   - tokens are 32 random bytes; the database holds their SHA-256 only;
//   - passwords are kept as argon2id with bounded cost; few are computed at a time;
//   - an unknown e-mail costs the same work and gets the same answer as a wrong
//     password, and guessing is slowed down per e-mail and address;
//   - nothing here prints a password, a token or a hash.
//
// The slow-down lives in one process's memory and starts anew with it.
//
// May import: the root package, secret, golang.org/x/crypto.
package auth
