package switchboard

// Role of an employee on one channel (product section 4). Public API v3 uses other
// names; they are translated at that API's edge only.
type Role string

// The roles.
const (
	NoRole         Role = ""                // sees nothing of the channel (ROLE-2)
	QualityControl Role = "quality_control" // reads all, writes nobody
	Manager        Role = "manager"         // own clients only
	Supervisor     Role = "supervisor"      // everything
)

// Valid says whether r is one of the three roles.
func (r Role) Valid() bool {
	return r == QualityControl || r == Manager || r == Supervisor
}

// CanReceive says whether the role may take part in the distribution of new
// clients (QUEUE-3).
func (r Role) CanReceive() bool { return r == Manager || r == Supervisor }

// RoleAssignment is what one employee may do on one channel.
type RoleAssignment struct {
	Channel  ChannelID
	Employee EmployeeID
	Role     Role
	// Receives new clients; always false for quality control.
	Receives bool
	// Position in the channel's queue: given anew, larger than all others, when
	// Receives is switched on (QUEUE-2). 0 when Receives is off.
	Position int64
}
