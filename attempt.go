package switchboard

import "time"

// Attempt is one attempt to send a message. A message shows its latest (CHAT-5); a try
// is one call of an attempt, several when the messenger asks to wait.
type Attempt struct {
	Account AccountID
	Chat    ChatID
	Client  ClientID
	Message MessageID
	Number  int64 // 1, 2, ... of the message
	Seq     int64 // the message's
	State   Status
	Due     time.Time
	Tries   int64
	Node    string // that made the last try
}

// Outgoing is a message to send with what its transport needs.
type Outgoing struct {
	Message Message
	Channel ChannelID
	Client  ClientID
	Address string
	Author  string // the employee's name, "" when unknown
	Quoted  string // the messenger's id of the quoted message, or ""
}
