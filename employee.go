package switchboard

// Employee is a person who works in Switchboard, matched to a CRM user by CRM id and
// e-mail.
type Employee struct {
	ID     EmployeeID
	Email  string // lower case
	Name   string
	Owner  OwnerID // "" when not in the CRM
	Active bool    // may sign in and receive here
	// ActiveInCRM is false once the CRM archived or blocked the user.
	ActiveInCRM bool
	Admin       bool
	Locale      string // "ru", "en" or "" for the browser's
}

// CanOwn says whether the employee may be made responsible in the CRM (QUEUE-3).
func (e Employee) CanOwn() bool { return e.Active && e.ActiveInCRM && e.Owner != "" }
