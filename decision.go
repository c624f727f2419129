package switchboard

import "time"

// RoleHolder is an employee with a role on a channel, as a decision looks at them.
type RoleHolder struct {
	RoleAssignment
	Owner       OwnerID
	Active      bool
	ActiveInCRM bool
}

// Turn is the stored state of a channel's queue: package routing's JSON.
type Turn []byte

// DecisionRecord is one stored routing decision; inputs and explanation are package
// routing's JSON, and replaying the input gives the same decision (QUEUE-9).
type DecisionRecord struct {
	Account         AccountID
	ID              DecisionID
	Client          ClientID
	Channel         ChannelID
	Employee        EmployeeID
	Outcome         string
	Provisional     bool
	SettingsVersion int64
	Input           []byte
	Decision        []byte
	At              time.Time
}

// PendingWork is a row of client work as its drain reads it.
type PendingWork struct {
	ClientWork
	Due       time.Time
	Attempts  int64
	LastError string
}

// StepName names one CRM write of the client saga.
type StepName string

// The steps, in this order.
const (
	StepContact StepName = "contact" // create (or adopt) the contact
	StepOwner   StepName = "owner"   // make the employee responsible for a known contact
	StepDeal    StepName = "deal"    // create (or adopt) the deal
)

// StepState of a saga's step: todo -> sent -> done | refused. Sent means that a call
// is under way or that its answer was lost: look up before sending again (DEAL-3).
type StepState string

// The states.
const (
	StepTodo    StepState = "todo"
	StepSent    StepState = "sent"
	StepDone    StepState = "done"
	StepRefused StepState = "refused"
)

// Step is one row of a client's saga.
type Step struct {
	Account  AccountID
	Client   ClientID
	Name     StepName
	State    StepState
	Employee EmployeeID // who becomes responsible
	Remote   string     // the CRM's id once done
	Attempts int64
	Error    string
}
