package switchboard

import "time"

// ChatRow is a chat as lists and live events show it, joined from one snapshot.
type ChatRow struct {
	Chat                   // Name is the contact's where the CRM knows one
	WaitingSince time.Time // of the first unanswered message; zero when none is
	ClientState  ClientState
	Contact      ContactID // "" until linked
	// Owners are the employees who own the chat, sorted (ROLE-1).
	Owners      []EmployeeID
	Responsible Responsible
	Last        Preview
	// Version is the number of the newest event that this state holds.
	Version int64
}

// Responsible is who answers for the client in the CRM.
type Responsible struct {
	Employee EmployeeID // "" when the CRM's owner is no employee of ours
	Name     string     // "" when nobody is responsible
	// HasAccess is false for somebody without a role on the chat's channel, or
	// blocked (OWNER-2).
	HasAccess bool
}

// Preview is the newest message of a chat; Direction is "" when there is none.
type Preview struct {
	Direction Direction
	Kind      Kind
	Text      string // at most PreviewRunes
	Status    Status
}

// PreviewRunes bounds the texts of previews and quotes.
const PreviewRunes = 200

// MessageRow is a message as a chat's page and live events show it.
type MessageRow struct {
	Message
	AuthorName string
	Quoted     Quoted
	Files      []Media // of Content.Media, in its order
	Version    int64   // as in ChatRow
}

// Quoted is the message that another one answers; Seq is 0 when there is none.
type Quoted struct {
	Seq       int64
	Direction Direction
	Kind      Kind
	Text      string // at most PreviewRunes
}

// MessageRef names one message.
type MessageRef struct {
	Chat ChatID
	Seq  int64
}

// ChatFilter is which chats a list shows.
type ChatFilter struct {
	Mine       bool
	Unanswered bool
	Channel    ChannelID // "" means every channel
	Contact    ContactID // "" means every client
}

// ChatPlace is a chat's place in the list: unanswered first, then by last message
// (UNANS-2). The zero place is before the first.
type ChatPlace struct {
	Waiting bool
	LastAt  time.Time
	ID      ChatID
}

// ChatPage is one page of chats with the newest event that it holds.
type ChatPage struct {
	Rows  []ChatRow
	Next  *ChatPlace // nil on the last page
	Event int64
}

// MessageSpan says which messages of a chat are asked for: those after a number when
// After is set, else those before Before (0: the newest).
type MessageSpan struct {
	Before int64
	After  *int64
	Limit  int
}

// MessagePage is a run of a chat's messages, rising.
type MessagePage struct {
	Rows  []MessageRow
	More  bool // in the direction asked for
	Event int64
}

// ClientDetail is a client with what people are shown of the way into the CRM.
type ClientDetail struct {
	Client
	Identities []Identity
	Decision   DecisionRecord // the newest; ID "" when there is none
	// Problem is why CRM work waits: a key of a sentence or the CRM's own words; ""
	// when nothing went wrong.
	Problem   string
	Deals     []Deal
	Pipelines []Pipeline
	Owners    []Owner
	// Found are mirrored contacts to choose from (state ambiguous), as far as known.
	Found []Contact
	// Connection is the CRM's; ID "" when there is none.
	Connection Connection
}

// CastMember is an employee as far as screens and rights depend on them.
type CastMember struct {
	Employee
	Roles map[ChannelID]Role
}

// Cast is everybody whose name or rights live screens show; two equal casts show
// the same.
type Cast struct {
	SettingsVersion int64
	Members         map[EmployeeID]CastMember
	// Outsiders are the CRM's users by owner id, employees or not.
	Outsiders map[OwnerID]string
}

// VisitorSession is one visitor of a site in one browser.
type VisitorSession struct {
	ID        string
	TokenHash string // SHA-256 of the token, hex
	Name      string
	Phone     string
	PhoneE164 string
	Email     string
	CreatedAt time.Time
}

// ViewEntry is one line of what a client's own side counts and may see.
type ViewEntry struct {
	Seq       int64
	ID        MessageID
	At        time.Time
	Direction Direction // of the target for a change
	Change    string    // "", "edit" or "delete"
	Target    MessageID // of a change
	Kind      Kind
	Text      string
	Author    string // first name, "" when unknown
}
