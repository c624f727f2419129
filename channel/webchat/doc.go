// Package webchat is the site chat: the HTTP side of docs/webchat-protocol.md, and the
// transport that answers through it.
//
// Unlike other messengers this one is ours: a message sent is a row that the visitor
// reads. Send adds it once however often it is called and fails only when nothing was
// added, so its outcome is never unknown (P5).
//
// Handler answers the protocol. Its guarantees: 201 and 200 only after the door's
// commit (P1); every refusal is a problem document that the page can read (CORS);
// bodies, texts, nesting, requests and open waits are bounded; a session's token is
// 32 random bytes, of which the server keeps the SHA-256. A phone or e-mail that a
// visitor typed is claimed, never verified (DEAL-9).
//
// What it needs of the house is in seam.go. It imports the root package, package
// channel and the standard library.
package webchat
