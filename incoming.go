package switchboard

import "time"

// Incoming is one client message on its way in.
type Incoming struct {
	Channel    ChannelID
	Address    string
	Name       string
	Username   string
	Identities []Identity
	// Key dedupes deliveries within the channel.
	Key     string
	Message Message // Account, ID, Kind, Text, Content, ProviderID, At
	// QuotedProvider is the messenger's id of the quoted message, or "".
	QuotedProvider string
	// Counts towards the unanswered counter (UNANS-1).
	Counts bool
	// Opens the chat without making a client (CHAT-8).
	Opens bool
	// NumbersView: the client's side counts its own entries (webchat).
	NumbersView bool
	RawID       string
	Raw         []byte
}

// Stored tells what became of an Incoming.
type Stored struct {
	Chat      ChatID
	Client    ClientID
	Message   MessageID
	Seq       int64
	ViewSeq   int64 // 0 unless the client's side counts its entries
	At        time.Time
	Duplicate bool
	Conflict  bool // a duplicate key with other content
	// Known is false when the message was not stored because something is to be
	// decided first.
	Known bool
}

// FoundChat is what the door needs of a chat.
type FoundChat struct {
	ID      ChatID
	Client  ClientID
	Settled bool // a message needs no CRM work
}

// ClientWork is what is to be done for one client in the CRM.
type ClientWork struct {
	Account  AccountID
	Client   ClientID
	Channel  ChannelID
	Employee EmployeeID // who wrote first (DEAL-6); "" when the client wrote
}

// ChangeKind is a kind of news about a message.
type ChangeKind string

// The kinds.
const (
	ChangeEdit   ChangeKind = "edit"
	ChangeDelete ChangeKind = "delete"
	ChangeStatus ChangeKind = "status"
)

// Change is news of a message that the messenger names by its own id.
type Change struct {
	Kind       ChangeKind `json:"-"`
	ProviderID string     `json:"-"`
	At         time.Time  `json:"-"`
	Text       string     `json:"text,omitempty"`
	Content    Content    `json:"content,omitzero"`
	Status     Status     `json:"status,omitempty"`
	Reason     string     `json:"reason,omitempty"`
}
