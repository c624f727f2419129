package access

import (
	"slices"

	"switchboard"
)

// Viewer is the employee who asks, with the present roles.
type Viewer struct {
	Account  switchboard.AccountID
	Employee switchboard.EmployeeID
	Admin    bool
	// Roles by channel; a channel without an entry is NoRole (ROLE-2).
	Roles map[switchboard.ChannelID]switchboard.Role
}

// Subject is what the viewer wants to see or act on: a chat, a channel (for StartNew),
// or the account alone (for ManageSettings).
type Subject struct {
	Account switchboard.AccountID
	Channel switchboard.ChannelID
	Mode    Mode
	// Owners are the employees who own the chat: owner of the contact and of each
	// open deal (ROLE-1); empty when nobody of ours does. They alone decide.
	Owners []switchboard.EmployeeID
	// ResponsibleName is how people call the contact's owner in the CRM, employee of
	// ours or not; "" when the contact has none. For the words of reasons only.
	ResponsibleName string
	// Author of the message for EditMessage and DeleteMessage, else "".
	Author switchboard.EmployeeID
}

// Mode is how a channel gives away new clients. It decides what a manager may do with
// a chat nobody is responsible for.
type Mode string

// InTurn is the queue (QUEUE-1): managers do not see such chats.
const InTurn Mode = ""

// Can says whether v may do a to s, and if not, why in the words of ROLE-6. The
// reason for something v may not even see is for administrators' pages and for people
// who know of the chat; other answers use Check, which tells nothing.
func Can(v Viewer, a Action, s Subject) (bool, Reason) {
	if v.Account == "" || v.Employee == "" || v.Account != s.Account {
		return false, Reason{Key: KeyNotFound}
	}
	if a == ManageSettings {
		return allowedIf(v.Admin, Reason{Key: KeyNotAdministrator})
	}
	role := v.Roles[s.Channel]
	if !role.Valid() {
		return false, Reason{Key: KeyNoRole}
	}
	line, known := table[a]
	if !known {
		return false, Reason{Key: KeyNotFound}
	}
	if !line[role].allows(v.owns(s)) {
		return false, refusal(role, a, s)
	}
	if a == EditMessage || a == DeleteMessage {
		return allowedIf(s.Author == v.Employee, Reason{Key: KeyNotYourMessage})
	}
	return true, Reason{}
}

// CanSee says whether v may know that s exists.
func CanSee(v Viewer, s Subject) bool {
	ok, _ := Can(v, Read, s)
	return ok
}

// Check is Can as an error: nil; ErrNotFound for what v may not see, so that foreign
// and missing look alike (ROLE-4); CodeForbidden with the reason for the rest.
func Check(v Viewer, a Action, s Subject) error {
	ok, reason := Can(v, a, s)
	if ok {
		return nil
	}
	if a.isOnChat() && !CanSee(v, s) || reason.Key == KeyNotFound || reason.Key == KeyNoRole {
		return switchboard.ErrNotFound
	}
	return &switchboard.Error{
		Code:    switchboard.CodeForbidden,
		Message: reason.Message(),
		Params:  reason.Params,
	}
}

// owns is ROLE-1.
func (v Viewer) owns(s Subject) bool { return slices.Contains(s.Owners, v.Employee) }

func allowedIf(ok bool, reason Reason) (bool, Reason) {
	if ok {
		return true, Reason{}
	}
	return false, reason
}

// Scope is which chats of an account a viewer sees, by channel: lists page over the
// whole channels and over the own chats of the others with one keyset each.
type Scope struct {
	Whole []switchboard.ChannelID // every chat
	Own   []switchboard.ChannelID // only chats the viewer owns (ROLE-1)
}

// ScopeOf sorts the channels by what the roles let see; channels without a role are
// in neither list.
func ScopeOf(roles map[switchboard.ChannelID]switchboard.Role) Scope {
	var s Scope
	for channel, role := range roles {
		switch table[Read][role] {
		case everyones:
			s.Whole = append(s.Whole, channel)
		case own:
			s.Own = append(s.Own, channel)
		}
	}
	slices.Sort(s.Whole)
	slices.Sort(s.Own)
	return s
}

// Sees says whether a chat of the channel is in the scope, given whether the viewer
// owns it.
func (s Scope) Sees(channel switchboard.ChannelID, owns bool) bool {
	return slices.Contains(s.Whole, channel) || owns && slices.Contains(s.Own, channel)
}
