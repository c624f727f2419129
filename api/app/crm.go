package app

import (
	"context"

	"switchboard"
	"switchboard/i18n"
	"switchboard/secret"
)

// CRMConnector connects an account to its CRM. Errors of Connect and Refresh that
// people can mend are *switchboard.Error.
type CRMConnector interface {
	// Connect tests a token; the connection is stored when the report is Usable only,
	// with owners and pipelines read.
	Connect(ctx context.Context, account switchboard.AccountID, token secret.String) (CRMReport, error)
	Disconnect(ctx context.Context, account switchboard.AccountID) error
	// Refresh re-reads owners and pipelines (SET-3).
	Refresh(ctx context.Context, account switchboard.AccountID) (switchboard.CRMDifference, error)
	// Describe reads the report kept with a connection; it makes no call.
	Describe(c switchboard.Connection) (CRMReport, error)
}

// CRMReport is what a connection may do, for the settings page (SET-4).
type CRMReport struct {
	Portal string // the CRM's name of the account, for people
	URL    string // the account's page in the CRM
	Checks []CRMCheck
	Usable bool
}

// CRMCheck is one thing a connection needs, or could use.
type CRMCheck struct {
	Sentence i18n.Key
	Scope    string // what to grant in the CRM, "" where it is no matter of scopes
	OK       bool
	Required bool
}
