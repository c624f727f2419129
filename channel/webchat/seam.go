package webchat

import (
	"context"
	"time"

	"switchboard"
	"switchboard/channel"
)

// Channels finds the channel of a public key; switchboard.ErrNotFound when there is
// none. It is asked on every request.
type Channels interface {
	WebchatChannel(ctx context.Context, key string) (switchboard.Channel, error)
}

// Session is one visitor in one browser.
type Session struct {
	ID        string // UUID; the chat's address and the protocol's clientId
	TokenHash string // SHA-256 of the token, hex
	Name      string // as the visitor typed it, like the two below
	Phone     string
	PhoneE164 string // "" when Phone is no number
	Email     string // lower case, "" when it is no address
	CreatedAt time.Time
}

// Sessions stores visitors.
type Sessions interface {
	CreateSession(ctx context.Context, ch switchboard.Channel, s Session) error
	// SessionByToken gives switchboard.ErrNotFound for a hash of another channel, too.
	SessionByToken(ctx context.Context, ch switchboard.Channel, tokenHash string) (Session, error)
}

// Change says what an entry does to its target.
type Change string

// The changes; "" is a message of its own.
const (
	Edit   Change = "edit"
	Delete Change = "delete"
)

// Entry is one line of what a visitor may see.
type Entry struct {
	Seq       int64 // 1, 2, 3 ... within the session, without gaps
	ID        switchboard.MessageID
	At        time.Time
	Direction switchboard.Direction // of the target for a change
	Change    Change
	Target    switchboard.MessageID // of a change
	Kind      switchboard.Kind      // of a message
	Text      string
	Author    string // first name, "" when unknown
	URL       string // of an image or file, "" when it cannot be shown
	Name      string
}

// View reads what one visitor may see.
type View interface {
	// Entries gives those with Seq > after in rising order, at most limit; none for a
	// session that has no chat yet.
	Entries(ctx context.Context, ch switchboard.Channel, session string, after int64, limit int) ([]Entry, error)
	// Wait returns nil as soon as an entry with Seq > after may be there, at once when
	// it is there already, and ctx's error when it ends first.
	Wait(ctx context.Context, ch switchboard.Channel, session string, after int64) error
}

// Outbox puts our messages where visitors read them.
type Outbox interface {
	// Append adds the message to its chat's view and gives its number there, each
	// (chat, message id) once: repeated, it gives the same number. An error means that
	// nothing was added; switchboard.ErrNotFound that the session is gone.
	Append(ctx context.Context, ch switchboard.Channel, m channel.Outbound) (int64, error)
}
