package switchboard

import "time"

// Chat is (channel, client address). One client on two channels has two chats.
type Chat struct {
	Account  AccountID
	ID       ChatID
	Channel  ChannelID
	Client   ClientID
	Address  string // the transport's id of the peer
	Name     string // as the messenger shows the peer
	Username string
	// LastSeq is the number of the newest message; numbers have no gaps (CHAT-2).
	LastSeq int64
	LastAt  time.Time
	// Unanswered is the number of client messages after the last outgoing message
	// that is not failed (UNANS-1).
	Unanswered int64
	// Unreachable: the client blocked the bot or is gone.
	Unreachable bool
}
