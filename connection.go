package switchboard

import "time"

// ConnectionState of a CRM connection.
type ConnectionState string

// The states.
const (
	ConnectionActive       ConnectionState = "active"
	ConnectionBroken       ConnectionState = "broken" // a person must reconnect
	ConnectionDisconnected ConnectionState = "disconnected"
)

// Connection links an account to one CRM.
type Connection struct {
	Account   AccountID
	ID        ConnectionID
	Kind      string // "hubspot"
	State     ConnectionState
	Reason    string    // key of a sentence, or the CRM's own words
	DownSince time.Time // zero while the CRM answers (QUEUE-10)
	Info      []byte    // the connector's JSON: portal, abilities, checks
	Secrets   []byte    // the connector's JSON, decrypted; never logged
	SyncedAt  time.Time
}

// CRMDifference says what a refresh changed (SET-3): names, for people.
type CRMDifference struct {
	EmployeesAdded, EmployeesGone []string
	PipelinesAdded, PipelinesGone []string
	StagesAdded, StagesGone       []string
}
