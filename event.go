package switchboard

import "time"

// EventKind says what changed. Events carry ids and kinds, never text.
type EventKind string

// The kinds of event.
const (
	EventMessageAdded    EventKind = "message.added"    // Chat, Message, Seq
	EventMessageChanged  EventKind = "message.changed"  // edited or deleted: Chat, Message, Seq
	EventMessageStatus   EventKind = "message.status"   // Chat, Message, Seq
	EventChatChanged     EventKind = "chat.changed"     // counter, name, reachable: Chat
	EventOwnersChanged   EventKind = "owners.changed"   // Chat; Before and After are employees
	EventClientChanged   EventKind = "client.changed"   // Client; state, contact, decision
	EventDealChanged     EventKind = "deal.changed"     // Client, Ref = deal id
	EventSettingsChanged EventKind = "settings.changed" // account, channel or role settings
	EventEmployeeChanged EventKind = "employee.changed" // Employee
	EventChannelChanged  EventKind = "channel.changed"  // Ref = channel id
	EventCRMChanged      EventKind = "crm.changed"      // connection state, owners, pipelines
)

// Event is one entry of an account's journal. Number counts 1, 2, 3 ... without gaps
// within the account, in commit order.
type Event struct {
	Account AccountID
	Number  int64
	Kind    EventKind
	At      time.Time
	Chat    ChatID
	Client  ClientID
	Message MessageID
	Seq     int64 // of the message
	// Ref is another id that the kind names.
	Ref string
	// Before and After list the employees who own the chat (EventOwnersChanged).
	Before []EmployeeID
	After  []EmployeeID
}
