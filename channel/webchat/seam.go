package webchat

import (
	"context"

	"switchboard"
)

// Channels finds the channel of a public key; switchboard.ErrNotFound when there is
// none. It is asked on every request.
type Channels interface {
	ChannelByKey(ctx context.Context, key string) (switchboard.Channel, error)
}

// Visitors stores visitors' sessions. A session's id is the chat's address and the
// protocol's clientId.
type Visitors interface {
	AddVisitor(ctx context.Context, ch switchboard.Channel, v switchboard.VisitorSession) error
	// Visitor gives switchboard.ErrNotFound for a hash of another channel, too.
	Visitor(ctx context.Context, ch switchboard.Channel, tokenHash string) (switchboard.VisitorSession, error)
}

// View reads what one visitor may see.
type View interface {
	// ViewEntries gives those with Seq > after in rising order, at most limit; none for
	// a session that has no chat yet.
	ViewEntries(ctx context.Context, ch switchboard.Channel, session string, after int64, limit int) ([]switchboard.ViewEntry, error)
	// WaitView returns nil as soon as an entry with Seq > after may be there, at once
	// when it is there already, and ctx's error when it ends first.
	WaitView(ctx context.Context, ch switchboard.Channel, session string, after int64) error
}

// Outbox puts our messages where visitors read them.
type Outbox interface {
	// AppendView adds a message of the chat to the session's view and gives its number
	// there, each message once: repeated, it gives the same number. An error means that
	// nothing was added; switchboard.ErrNotFound that the session is gone.
	AppendView(ctx context.Context, ch switchboard.Channel, session string, chat switchboard.ChatID, id switchboard.MessageID) (int64, error)
}
