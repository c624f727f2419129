package crm

import (
	"context"
	"errors"
	"time"

	"switchboard"
)

// CRM is one connected CRM account. Methods make network calls, never inside a
// transaction; every error is an *Error. Each costs the number of calls it names.
type CRM interface {
	// Owners lists all users who may own records, archived ones with Active false.
	Owners(ctx context.Context) ([]switchboard.Owner, error)
	// Pipelines lists the pipelines of deals.
	Pipelines(ctx context.Context) ([]switchboard.Pipeline, error)

	// FindContacts looks a person up: by our unique property (immediate), then by
	// phone and e-mail (search; every hit re-verified). Ours tells which was found by
	// the property. One call when the client has no phone or e-mail, else two.
	FindContacts(ctx context.Context, q PersonQuery) ([]Found, error)
	// UpsertContact creates the contact or adopts the one that has the client's
	// unique property or, where the CRM keeps e-mails unique, the e-mail; it never
	// overwrites what that one has, its owner included. Safe to repeat. One call.
	UpsertContact(ctx context.Context, c NewContact) (switchboard.Contact, error)
	// SetContactOwner makes owner responsible for the contact ("" = nobody) and gives
	// the whole contact back. One or two calls.
	SetContactOwner(ctx context.Context, id switchboard.ContactID, owner switchboard.OwnerID) (switchboard.Contact, error)
	// UpsertDeal creates the deal associated to its contact, or adopts the one that
	// has the client's unique property. Safe to repeat. One or two calls.
	UpsertDeal(ctx context.Context, d NewDeal) (switchboard.Deal, error)

	// Contacts re-reads contacts by id, 100 per call: one answer per id, in their
	// order. A merged-away id is answered with its survivor (another ID), a missing
	// one with Deleted.
	Contacts(ctx context.Context, ids []switchboard.ContactID) ([]switchboard.Contact, error)
	// DealsOfContact reads the contact's deals.
	DealsOfContact(ctx context.Context, id switchboard.ContactID) ([]switchboard.Deal, error)
	// ChangedContacts and ChangedDeals list records changed since the cursor,
	// oldest first, with the cursor to ask from next time; at most 200 per call. Read
	// on until nothing comes. An empty cursor starts from now. A change may come
	// twice, and older than known: compare UpdatedAt. After an error the cursor is the
	// one that was given.
	ChangedContacts(ctx context.Context, since Cursor) ([]switchboard.Contact, Cursor, error)
	ChangedDeals(ctx context.Context, since Cursor) ([]switchboard.Deal, Cursor, error)

	// WriteEntries writes at most 100 timeline entries in one call per sink and
	// answers for each, in their order. An error means that nothing was sent.
	WriteEntries(ctx context.Context, entries []Entry) ([]EntryResult, error)
	// FindEntries reads which of the entries the contact already has, by our link or
	// unique property; used after a lost answer (TIME-3). Contact "" means each
	// entry's own: entries of many contacts are settled with few calls.
	FindEntries(ctx context.Context, contact switchboard.ContactID, entries []Entry) (map[EntryKey]string, error)

	// RecordURL is the address of a record's page for people.
	RecordURL(kind RecordKind, id string) string
}

// Cursor is how far a poll got: opaque to us, stored as text.
type Cursor string

// RecordKind is a kind of CRM record.
type RecordKind string

// The kinds.
const (
	RecordContact RecordKind = "contact"
	RecordDeal    RecordKind = "deal"
)

// PersonQuery is what is known of a client before the CRM is asked.
type PersonQuery struct {
	Client switchboard.ClientID
	Phones []string // E.164
	Emails []string
	// Country is the account's default region for phones the CRM holds without one;
	// EightToSeven as in the account's settings (DEAL-9).
	Country      string
	EightToSeven bool
}

// Found is a contact that matches a PersonQuery.
type Found struct {
	switchboard.Contact
	Ours bool // by our unique property
}

// NewContact is a contact to make.
type NewContact struct {
	Client switchboard.ClientID // the unique property's value
	Name   string
	Phone  string // E.164 or ""
	Email  string
	Owner  switchboard.OwnerID
}

// NewDeal is a deal to make.
type NewDeal struct {
	Client   switchboard.ClientID // the unique property's value
	Name     string
	Contact  switchboard.ContactID
	Pipeline switchboard.PipelineID
	Stage    switchboard.StageID
	Owner    switchboard.OwnerID
}

// EntryKey names one timeline entry of ours: unique per message.
type EntryKey string

// Sink is the sort of record an entry becomes (TIME-4).
type Sink string

// The sinks.
const (
	SinkCommunication Sink = "communication" // WhatsApp
	SinkNote          Sink = "note"          // everything else
)

// Entry is one message to write to the timeline of a contact and its open deals.
type Entry struct {
	Key     EntryKey
	Sink    Sink
	Contact switchboard.ContactID
	Deals   []switchboard.DealID
	// Owner shows as the author of an outgoing message; "" for incoming.
	Owner switchboard.OwnerID
	// At is strictly increasing per contact (TIME-3).
	At time.Time
	// Head says who wrote where ("Client Anna · Telegram @shop"); Text is plain. Both
	// are escaped by the connector. Link is our page of the message: it makes the
	// entry recognisable.
	Head  string
	Text  string
	Media []EntryLink
	Link  string
}

// EntryLink is a file shown as a link (TIME-2).
type EntryLink struct{ Name, URL string }

// EntryOutcome of a write.
type EntryOutcome string

// The outcomes.
const (
	EntryWritten EntryOutcome = "written"
	EntryRefused EntryOutcome = "refused" // for good: Reason says why
	EntryLocked  EntryOutcome = "locked"  // try again in a moment (423)
	EntryGone    EntryOutcome = "gone"    // a target record is missing: re-resolve
	EntryUnknown EntryOutcome = "unknown" // the answer was lost: FindEntries first
)

// EntryResult answers for one entry.
type EntryResult struct {
	Key     EntryKey
	Outcome EntryOutcome
	ID      string // of the written record
	Reason  string
}

// ErrorClass decides what happens after a failed call.
type ErrorClass string

// The classes (table in the CRM's reference).
const (
	Unavailable ErrorClass = "unavailable" // 5xx, network before sending: try again; outage mode
	Lost        ErrorClass = "lost"        // a write's answer was lost: unknown
	Limited     ErrorClass = "limited"     // 429, 477: not before After
	Locked      ErrorClass = "locked"      // 423
	Unauthentic ErrorClass = "unauthentic" // 401: a person must reconnect
	Forbidden   ErrorClass = "forbidden"   // 403: missing scope
	Missing     ErrorClass = "missing"     // 404: the target is gone
	Refused     ErrorClass = "refused"     // 400, 409 that cannot be adopted: show the reason
)

// Error is a failed call.
type Error struct {
	Class  ErrorClass
	After  time.Duration
	Status int
	// Reason is the CRM's own words for people who administer it, without personal
	// data; Correlation is its id for support.
	Reason      string
	Correlation string
	Err         error
}

// Error gives the text for logs.
func (e *Error) Error() string {
	text := "crm " + string(e.Class)
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf gives the class of a call's error; Unavailable when it is not an *Error.
func ClassOf(err error) ErrorClass {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Unavailable
}
