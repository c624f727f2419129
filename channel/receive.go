package channel

import (
	"context"
	"time"

	"switchboard"
)

// Received is what became of one incoming message.
type Received struct {
	Chat    switchboard.ChatID
	Message switchboard.MessageID
	// Seq is the message's number within the chat.
	Seq int64
	// ViewSeq is the number in the client's own view; 0 unless the transport's
	// capabilities say NumbersView.
	ViewSeq int64
	At      time.Time
	// Duplicate: the message was stored by an earlier delivery; the other fields are
	// those of the stored one.
	Duplicate bool
	// Conflict: a message with the same key and other content is stored, and stays as
	// it is.
	Conflict bool
}

// Receiver is the door for a transport's batches (package intake).
type Receiver interface {
	// Receive stores what the batch brought in one transaction and answers one
	// Received per element of Batch.Messages, in their order. An error means that
	// nothing of the batch is stored; a *switchboard.Error of CodeUnavailable asks to
	// come again later.
	Receive(ctx context.Context, ch switchboard.Channel, b Batch) ([]Received, error)
}
