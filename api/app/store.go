package app

import (
	"context"
	"time"

	"switchboard"
)

// Store is what accounts, settings and rights need of the database. A nil Tx reads
// outside of a transaction.
type Store interface {
	InTx(ctx context.Context, do func(tx switchboard.Tx) error) error
	View(ctx context.Context, do func(tx switchboard.Tx) error) error
	Head(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (int64, error)

	HasAccount(ctx context.Context, tx switchboard.Tx) (bool, error)
	Account(ctx context.Context, tx switchboard.Tx, id switchboard.AccountID) (switchboard.Account, error)
	LockAccount(ctx context.Context, tx switchboard.Tx, id switchboard.AccountID) (switchboard.Account, error)
	SaveAccountSettings(ctx context.Context, tx switchboard.Tx, id switchboard.AccountID, settings switchboard.AccountSettings) error
	SettingsChanged(ctx context.Context, tx switchboard.Tx, id switchboard.AccountID, ref string) error
	AddAudit(ctx context.Context, tx switchboard.Tx, a switchboard.AuditEntry) error

	Employee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID) (switchboard.Employee, error)
	LockEmployee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID) (switchboard.Employee, error)
	Employees(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) ([]switchboard.Employee, error)
	SaveEmployee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, e switchboard.Employee) error
	SignIns(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (map[switchboard.EmployeeID]time.Time, error)
	OtherAdmins(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, without switchboard.EmployeeID) (int64, error)
	EndSessions(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID) error

	RolesOf(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID) (map[switchboard.ChannelID]switchboard.Role, error)
	Roles(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID) ([]switchboard.RoleAssignment, error)
	SetRoles(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID, roles []switchboard.RoleAssignment) error
	RoleHolders(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID) ([]switchboard.RoleHolder, error)
	Turn(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID) (switchboard.Turn, error)

	Channel(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ChannelID) (switchboard.Channel, error)
	LockChannel(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ChannelID) (switchboard.Channel, error)
	BreakChannel(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, reason string) error
	Channels(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) ([]switchboard.Channel, error)
	AddChannel(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel) error
	ChangeChannel(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel) error
	Ignored(ctx context.Context, account switchboard.AccountID, channel switchboard.ChannelID) ([]switchboard.IgnoredSource, error)

	Connection(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (switchboard.Connection, error)
	Pipelines(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) ([]switchboard.Pipeline, error)
	Unreadable(ctx context.Context, account switchboard.AccountID, limit int) ([]switchboard.Unreadable, error)
}
