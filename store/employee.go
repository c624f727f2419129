package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"switchboard"
)

const employeeColumns = `id, email, name, owner_id, active, active_in_crm, admin, locale`

var (
	addEmployee = query("add an employee", `
		INSERT INTO employee (account_id, id, email, name, owner_id, active, active_in_crm, admin, locale, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`)
	saveEmployee = query("change an employee", `
		UPDATE employee SET email = $3, name = $4, owner_id = $5, active = $6, active_in_crm = $7, admin = $8, locale = $9
		WHERE account_id = $1 AND id = $2`)
	readEmployee = query("read an employee", `SELECT `+employeeColumns+` FROM employee WHERE account_id = $1 AND id = $2`)
	lockEmployee = hot("read an employee and lock the row", `
		SELECT `+employeeColumns+` FROM employee WHERE account_id = $1 AND id = $2 FOR UPDATE`, `
		SELECT `+employeeColumns+` FROM employee WHERE account_id = $1 AND id = $2`)
	listEmployees = query("list an account's employees", `
		SELECT `+employeeColumns+` FROM employee WHERE account_id = $1 ORDER BY name, id`)
	listSignIns = query("list when employees signed in", `
		SELECT id, password_hash <> '', last_sign_in_at FROM employee WHERE account_id = $1`)
	clientsOfOwner = query("list the clients whose contact or open deal an owner has", `
		SELECT c.id FROM client c JOIN contact t ON t.account_id = c.account_id AND t.id = c.contact_id
		WHERE c.account_id = $1 AND c.contact_id <> '' AND t.owner_id = $2
		UNION SELECT c.id FROM client c JOIN deal d ON d.account_id = c.account_id AND d.contact_id = c.contact_id
		WHERE c.account_id = $1 AND c.contact_id <> '' AND d.owner_id = $2 AND d.open = 1
		ORDER BY 1`)
	credentialsOf = query("read the passwords of an e-mail address", `
		SELECT account_id, id, password_hash FROM employee WHERE email = $1 AND active = 1 AND password_hash <> '' ORDER BY created_at LIMIT 4`)
	findEmail    = query("find an employee by e-mail", `SELECT account_id, id FROM employee WHERE email = $1 ORDER BY created_at LIMIT 1`)
	setPassword  = query("set an employee's password", `UPDATE employee SET password_hash = $3 WHERE account_id = $1 AND id = $2`)
	readPassword = query("read an employee's password hash", `SELECT password_hash FROM employee WHERE account_id = $1 AND id = $2`)
	signedIn     = query("note that an employee signed in", `UPDATE employee SET last_sign_in_at = $3 WHERE account_id = $1 AND id = $2`)
	countAdmins  = query("count who may administer an account", `
		SELECT count(*) FROM employee WHERE account_id = $1 AND admin = 1 AND active = 1 AND password_hash <> '' AND id <> $2`)
)

// AddEmployee adds an employee without a password; chats whose records the employee
// owns in the CRM become his.
func (s *Store) AddEmployee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, e switchboard.Employee) error {
	_, err := s.on(tx).exec(ctx, addEmployee, account, e.ID, strings.ToLower(e.Email), e.Name, e.Owner, bit(e.Active), bit(e.ActiveInCRM),
		bit(e.Admin), e.Locale, ms(s.clock()))
	if err != nil {
		return err
	}
	if err := s.refreshOwner(ctx, tx, account, e.Owner); err != nil {
		return err
	}
	return s.employeeChanged(tx, account, e.ID)
}

// SaveEmployee changes an employee, not the password. Another CRM owner moves chats
// to and from the employee.
func (s *Store) SaveEmployee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, e switchboard.Employee) error {
	had, err := s.LockEmployee(ctx, tx, account, e.ID)
	if err != nil {
		return fmt.Errorf("read employee: %w", err)
	}
	if _, err := s.on(tx).exec(ctx, saveEmployee, account, e.ID, strings.ToLower(e.Email), e.Name, e.Owner, bit(e.Active),
		bit(e.ActiveInCRM), bit(e.Admin), e.Locale); err != nil {
		return err
	}
	if had.Owner != e.Owner { // the other fields do not decide who owns a chat (ROLE-1)
		if err := errors.Join(s.refreshOwner(ctx, tx, account, had.Owner), s.refreshOwner(ctx, tx, account, e.Owner)); err != nil {
			return err
		}
	}
	return s.employeeChanged(tx, account, e.ID)
}

func (s *Store) employeeChanged(tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID) error {
	s.Emit(tx, switchboard.Event{Account: account, Kind: switchboard.EventEmployeeChanged, Ref: string(id)})
	return nil
}

// refreshOwner recomputes the rights to the chats of everybody a CRM owner has.
func (s *Store) refreshOwner(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, owner switchboard.OwnerID) error {
	if owner == "" {
		return nil
	}
	r, err := s.on(tx).many(ctx, clientsOfOwner, account, owner)
	clients, err := collect(r, err, func(r row) (c switchboard.ClientID, err error) { return c, r.Scan(&c) })
	if err != nil {
		return err
	}
	for _, client := range clients {
		if err := s.RefreshOwners(ctx, tx, account, client); err != nil {
			return fmt.Errorf("refresh owners: %w", err)
		}
	}
	return nil
}

// Employee reads an employee; switchboard.ErrNotFound when there is none. tx may be nil.
func (s *Store) Employee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID) (switchboard.Employee, error) {
	return scanEmployee(s.on(tx).one(ctx, readEmployee, account, id))
}

// LockEmployee reads an employee and keeps others from changing the row until the end
// of tx.
func (s *Store) LockEmployee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID) (switchboard.Employee, error) {
	return scanEmployee(s.on(tx).one(ctx, lockEmployee, account, id))
}

// Employees lists an account's employees by name. tx may be nil.
func (s *Store) Employees(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) ([]switchboard.Employee, error) {
	r, err := s.on(tx).many(ctx, listEmployees, account)
	return collect(r, err, scanEmployee)
}

func scanEmployee(r row) (e switchboard.Employee, err error) {
	var active, inCRM, admin int64
	err = scan(r, &e.ID, &e.Email, &e.Name, &e.Owner, &active, &inCRM, &admin, &e.Locale)
	e.Active, e.ActiveInCRM, e.Admin = active == 1, inCRM == 1, admin == 1
	return e, err
}

// SignIns tells when each employee of an account signed in last; the zero time for
// who has a password and never did. Who has no password is not in it. tx may be nil.
func (s *Store) SignIns(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (map[switchboard.EmployeeID]time.Time, error) {
	type signIn struct {
		id     switchboard.EmployeeID
		signed bool
		last   int64
	}
	r, err := s.on(tx).many(ctx, listSignIns, account)
	all, err := collect(r, err, func(r row) (i signIn, err error) { return i, r.Scan(&i.id, &i.signed, &i.last) })
	when := map[switchboard.EmployeeID]time.Time{}
	for _, i := range all {
		if i.signed {
			when[i.id] = at(i.last)
		}
	}
	return when, err
}

// Credentials lists the passwords of the active employees with an e-mail address, of
// all accounts, four at most.
func (s *Store) Credentials(ctx context.Context, email string) ([]switchboard.Credential, error) {
	r, err := s.on(nil).many(ctx, credentialsOf, email)
	return collect(r, err, func(r row) (c switchboard.Credential, err error) { return c, r.Scan(&c.Account, &c.Employee, &c.Hash) })
}

// FindEmail finds an employee by e-mail, whatever the account and state.
func (s *Store) FindEmail(ctx context.Context, email string) (account switchboard.AccountID, id switchboard.EmployeeID, err error) {
	err = scan(s.on(nil).one(ctx, findEmail, strings.ToLower(email)), &account, &id)
	return account, id, err
}

// SetPassword sets the hash of an employee's password.
func (s *Store) SetPassword(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID, hash string) error {
	_, err := s.on(tx).exec(ctx, setPassword, account, id, hash)
	return err
}

// PasswordHash reads the hash of an employee's password, "" while there is none. tx
// may be nil.
func (s *Store) PasswordHash(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID) (hash string, err error) {
	err = scan(s.on(tx).one(ctx, readPassword, account, id), &hash)
	return hash, err
}

// SignedIn notes that an employee signed in now.
func (s *Store) SignedIn(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID) error {
	_, err := s.on(tx).exec(ctx, signedIn, account, id, ms(s.clock()))
	return err
}

// OtherAdmins counts the active administrators who can sign in, without one.
func (s *Store) OtherAdmins(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, without switchboard.EmployeeID) (n int64, err error) {
	err = scan(s.on(tx).one(ctx, countAdmins, account, without), &n)
	return n, err
}
