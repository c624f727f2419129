package routing

import "switchboard"

// Input is all that a decision depends on; it is stored beside the decision as JSON.
type Input struct {
	Settings        switchboard.ChannelSettings `json:"settings"`
	SettingsVersion int64                       `json:"settingsVersion"`
	Snapshot        Snapshot                    `json:"snapshot"`
	Candidates      []Candidate                 `json:"candidates"` // every employee with a role on the channel
	Queue           Queue                       `json:"queue"`
	Event           Event                       `json:"event"`
	// Provisional is the employee of an earlier provisional decision (QUEUE-10), "".
	// It is over once a decision that is not provisional is stored.
	Provisional switchboard.EmployeeID `json:"provisional,omitempty"`
	// ProvisionalFree: the provisional decision took no turn because the employee
	// wrote first (its rule is RuleWroteFirst), so there is none to give back.
	ProvisionalFree bool `json:"provisionalFree,omitempty"`
}

// Snapshot is what the CRM said about the client just before.
type Snapshot struct {
	// Available is false when the CRM could not be asked (QUEUE-10).
	Available bool `json:"available"`
	// Contacts found by unique property, phone or e-mail; empty for a new client
	// (DEAL-2).
	Contacts []FoundContact `json:"contacts"`
}

// FoundContact is one CRM contact that matches the client.
type FoundContact struct {
	ID        switchboard.ContactID `json:"id"`
	Owner     switchboard.OwnerID   `json:"owner"`
	CreatedAt int64                 `json:"createdAt"` // ms
	// Ours: found by our unique property, so it wins over all others.
	Ours bool `json:"ours,omitempty"`
}

// Candidate is one employee with a role on the channel.
type Candidate struct {
	Employee    switchboard.EmployeeID `json:"employee"`
	Owner       switchboard.OwnerID    `json:"owner"`
	Role        switchboard.Role       `json:"role"`
	Receives    bool                   `json:"receives"`
	Position    int64                  `json:"position"`
	Active      bool                   `json:"active"`
	ActiveInCRM bool                   `json:"activeInCRM"`
}

// Queue is the stored turn of a channel (QUEUE-2).
type Queue struct {
	// Cursor is the position served last; the next turn is the smallest eligible
	// position above it, or the smallest of all. Positions are unique and larger
	// than 0.
	Cursor int64 `json:"cursor"`
	// RoundDone: the cursor is the largest position in use, so the next turn is the
	// smallest of all, also when a newcomer joins above: he comes at the end of the
	// round that begins (QUEUE-2).
	RoundDone bool `json:"roundDone,omitempty"`
	// Owed lists employees whose turn was given back (QUEUE-10): they are served
	// first, in this order, once eligible. One entry per turn; an entry goes when it
	// is served.
	Owed []switchboard.EmployeeID `json:"owed,omitempty"`
}

// EventKind says what asks for a decision.
type EventKind string

// The kinds.
const (
	ClientWrote   EventKind = "client_wrote"
	EmployeeWrote EventKind = "employee_wrote" // DEAL-6
)

// Event is what asks for a decision.
type Event struct {
	Kind     EventKind              `json:"kind"`
	Employee switchboard.EmployeeID `json:"employee,omitempty"` // EmployeeWrote
}

// Outcome of a decision.
type Outcome string

// The outcomes.
const (
	Create   Outcome = "create"    // new contact and deal for Employee (DEAL-3)
	Assign   Outcome = "assign"    // known contact without responsible: Employee becomes it (QUEUE-8)
	Keep     Outcome = "keep"      // known contact with a responsible: nothing moves (QUEUE-8)
	Wait     Outcome = "wait"      // nobody eligible: nothing is created (QUEUE-4)
	Ask      Outcome = "ask"       // several contacts, none with an owner: a person decides
	NoTarget Outcome = "no_target" // the channel has no deal target yet (TargetUnset)
)

// Rule names why; one per branch of Decide.
type Rule string

// The rules. Each has a sentence in package i18n under "why.<rule>".
const (
	RuleNextInTurn      Rule = "next_in_turn"     // QUEUE-1
	RuleOwedTurn        Rule = "owed_turn"        // QUEUE-10: a returned turn
	RuleNoResponsible   Rule = "no_responsible"   // QUEUE-8: known, nobody responsible
	RuleHasResponsible  Rule = "has_responsible"  // QUEUE-8: the CRM's owner stays
	RuleWroteFirst      Rule = "wrote_first"      // DEAL-6
	RuleNobody          Rule = "nobody_eligible"  // QUEUE-4
	RuleSeveralContacts Rule = "several_contacts" // ambiguous
	RuleProvisional     Rule = "provisional"      // QUEUE-10: decided without the CRM
	RuleProvisionalKept Rule = "provisional_kept" // QUEUE-10: settled, same employee
	RuleOwnerWins       Rule = "owner_wins"       // QUEUE-10: the CRM's owner wins, turn given back
	RuleReplaced        Rule = "replaced"         // QUEUE-6: the one chosen before cannot be responsible any more
	RuleNoTarget        Rule = "no_target"
)

// Decision is the result of Decide.
type Decision struct {
	Outcome Outcome `json:"outcome"`
	// Employee who is (to be made) responsible; "" for Wait, Ask, NoTarget, and for
	// Keep when the CRM's owner is not among the candidates.
	Employee switchboard.EmployeeID `json:"employee,omitempty"`
	// Contact chosen among the found ones (Keep, Assign), "" when none.
	Contact switchboard.ContactID `json:"contact,omitempty"`
	// Provisional: made without the CRM; to be settled before anything is created.
	Provisional bool        `json:"provisional,omitempty"`
	QueueAfter  Queue       `json:"queueAfter"`
	Explanation Explanation `json:"explanation"`
}

// Explanation lets every chat say why this employee (QUEUE-9).
type Explanation struct {
	Rule Rule `json:"rule"`
	// Considered lists every candidate in the order of the queue, those outside it
	// first, and last the replaced employee when he is no candidate any more.
	Considered []Verdict `json:"considered"`
	// Before and After are the positions served last; 0 when nobody was yet.
	Before int64 `json:"turnBefore"`
	After  int64 `json:"turnAfter"`
	// Owed: the employee got a turn that had been given back to him.
	Owed bool `json:"owed,omitempty"`
	// GivenBack is the employee whose turn was returned, or "".
	GivenBack switchboard.EmployeeID `json:"givenBack,omitempty"`
	// Replaced is the employee who was chosen before or wrote first and cannot be
	// responsible, or ""; his verdict says why.
	Replaced switchboard.EmployeeID `json:"replaced,omitempty"`
}

// Verdict says why one candidate was eligible or skipped.
type Verdict struct {
	Employee switchboard.EmployeeID `json:"employee"`
	Eligible bool                   `json:"eligible"`
	Reason   Reason                 `json:"reason"`
}

// Reason of a verdict; each has a sentence under "why.reason.<reason>".
type Reason string

// The reasons (QUEUE-3).
const (
	ReasonEligible       Reason = "eligible"
	ReasonSwitchOff      Reason = "switch_off"
	ReasonQualityControl Reason = "quality_control"
	ReasonBlockedHere    Reason = "blocked_here"
	ReasonBlockedInCRM   Reason = "blocked_in_crm"
	ReasonNotInCRM       Reason = "not_in_crm"
	ReasonNoRole         Reason = "no_role"
)
