package webchat

import (
	"time"

	"switchboard/channel"
)

// Limits of the protocol, version 1.
const (
	maxBody      = 64 << 10
	maxText      = 4000 // code points
	maxName      = 200  // code points
	maxClaim     = 320  // code points of a phone or e-mail
	maxNesting   = 32
	maxEntries   = 200
	maxWait      = 25 * time.Second
	bodyTime     = 15 * time.Second
	maxDiscarded = 64 << 20
)

// Capabilities of the site chat: text, with edits and deletions. A visitor comes to
// us; nobody can be written to first.
func (*Connector) Capabilities() channel.Capabilities {
	return channel.Capabilities{
		TextMax: maxText, TextUnit: channel.Runes,
		Edit: true, Delete: true, Sent: true, NumbersView: true,
		Idempotent: true, // Outbox.Append: each message once (P5)
	}
}
