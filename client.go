package switchboard

import "time"

// ClientState says how far a client is on the way into the CRM.
//
//	new -> (looked up, decided) -> creating -> linked
//	new -> waiting            nobody eligible; the next message tries again (QUEUE-4)
//	new -> ambiguous          several contacts, none with an owner: a person decides
//	new|provisional -> ...    the CRM cannot be asked; settled on return (QUEUE-10)
type ClientState string

// The states.
const (
	ClientNew         ClientState = "new"         // to be looked up and decided
	ClientProvisional ClientState = "provisional" // decided without the CRM (QUEUE-10)
	ClientCreating    ClientState = "creating"    // decided; CRM writes under way
	ClientLinked      ClientState = "linked"      // has a contact
	ClientWaiting     ClientState = "waiting"     // nobody eligible (QUEUE-4)
	ClientAmbiguous   ClientState = "ambiguous"   // a supervisor is asked
	ClientOpened      ClientState = "opened"      // opened the chat, wrote nothing yet (CHAT-8)
)

// Client is the person who writes; a contact once the CRM knows them.
type Client struct {
	Account AccountID
	ID      ClientID
	Name    string
	State   ClientState
	Contact ContactID // "" until linked
	// Provisional is the employee of a provisional decision, else "".
	Provisional EmployeeID
	CreatedAt   time.Time
}

// IdentityKind is a kind of address by which a client is recognised.
type IdentityKind string

// The kinds of identity.
const (
	IdentityPhone    IdentityKind = "phone"    // E.164
	IdentityEmail    IdentityKind = "email"    // lower case
	IdentityWebchat  IdentityKind = "webchat"  // channel id + "/" + session id
	IdentityTelegram IdentityKind = "telegram" // Telegram user id
)

// Identity is one address of a client; (account, kind, value) is unique, which joins
// many addresses to one client before any CRM is asked.
type Identity struct {
	Kind  IdentityKind
	Value string
	// Verified is false for what a site visitor typed: it may find the contact but
	// opens nothing to the visitor (DEAL-9).
	Verified bool
}
