package switchboard

import "time"

// SessionKind says what a session's token is good for.
type SessionKind string

// The kinds.
const (
	SessionCookie SessionKind = "cookie" // the app in a browser
	SessionFrame  SessionKind = "frame"  // a bearer in a CRM's frame: one contact's chats
	SessionCode   SessionKind = "code"   // the card's one-time code: good for a bearer only
)

// Session is one signed-in browser or frame. Only the hash of its token is kept.
type Session struct {
	Account   AccountID
	ID        string // names the session in lists; not its token
	Employee  EmployeeID
	Kind      SessionKind
	Contact   ContactID // whose chats a frame shows
	CreatedAt time.Time
	ExpiresAt time.Time
	Until     time.Time // the end of a frame's renewals; zero for others
	SeenAt    time.Time
	Device
}

// Device is from where somebody signed in, for the list of sessions.
type Device struct {
	Address string // network address without a port
	Agent   string // as the browser calls itself
}

// LinkKind says what a one-time link is good for (SET-0).
type LinkKind string

// The kinds.
const (
	LinkSetup      LinkKind = "setup"      // claims the server
	LinkInvitation LinkKind = "invitation" // a new employee's first password
	LinkReset      LinkKind = "reset"      // a new password
)

// Link is a one-time link; only the hash of its token is kept.
type Link struct {
	Kind      LinkKind
	Account   AccountID  // "" for LinkSetup
	Employee  EmployeeID // "" for LinkSetup
	ExpiresAt time.Time
	UsedAt    time.Time // zero while it can be used
}

// AuditEntry is one change of settings with what was before and after (SET-2); it
// never holds secrets.
type AuditEntry struct {
	Account  AccountID
	ID       string
	At       time.Time
	Employee EmployeeID // who changed it
	Action   string     // "channel.settings", "roles", ...
	Object   string     // id of what was changed, "" for the account
	Before   []byte     // JSON, empty when there was nothing
	After    []byte
}

// Unreadable is an authentic delivery that could not be read.
type Unreadable struct {
	ID      string
	Channel ChannelID
	At      time.Time
	Reason  string
	Bytes   int64
}

// Credential is the hash of an employee's password.
type Credential struct {
	Account  AccountID
	Employee EmployeeID
	Hash     string // never logged
}

// IgnoredSource is something a channel ignores (CHAT-8); Reason is the key of a
// sentence.
type IgnoredSource struct{ Name, Reason string }
