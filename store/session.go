package store

import (
	"context"
	"time"

	"switchboard"
)

const sessionColumns = `account_id, id, employee_id, kind, contact_id, created_at, expires_at, until, last_seen_at, address, agent`

var (
	addSession = query("add a session", `
		INSERT INTO session (token_hash, account_id, id, employee_id, kind, contact_id, created_at, expires_at, until, last_seen_at, address, agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`)
	readSession = query("find a session by its token's hash", `
		SELECT `+sessionColumns+` FROM session WHERE token_hash = $1 AND expires_at > $2`)
	takeSession = query("take a session by its token's hash", `
		DELETE FROM session WHERE token_hash = $1 AND kind = $2 AND expires_at > $3 RETURNING `+sessionColumns)
	seeSession = query("note that a session was used", `
		UPDATE session SET last_seen_at = $2, expires_at = $3 WHERE token_hash = $1 AND last_seen_at < $2`)
	dropSession  = query("end a session", `DELETE FROM session WHERE token_hash = $1`)
	endSessions  = query("end an employee's sessions", `DELETE FROM session WHERE account_id = $1 AND employee_id = $2`)
	listSessions = query("list an employee's sessions", `
		SELECT `+sessionColumns+` FROM session WHERE account_id = $1 AND employee_id = $2 AND expires_at > $3 ORDER BY last_seen_at DESC LIMIT 200`)

	addLink = query("add a one-time link", `
		INSERT INTO link (token_hash, kind, account_id, employee_id, expires_at) VALUES ($1, $2, $3, $4, $5)`)
	readLink = query("find a one-time link", `
		SELECT kind, account_id, employee_id, expires_at, used_at FROM link WHERE token_hash = $1`)
	useLink = query("use a one-time link", `
		UPDATE link SET used_at = $2 WHERE token_hash = $1 AND used_at = 0 AND expires_at > $2
		RETURNING kind, account_id, employee_id, expires_at, used_at`)
	endLinks = query("end the open one-time links of a kind", `
		UPDATE link SET used_at = $4 WHERE kind = $1 AND account_id = $2 AND employee_id = $3 AND used_at = 0`)
	dropOldLinks = query("drop one-time links that are over", `DELETE FROM link WHERE expires_at <= $1`)
)

// AddSession adds a session; only the hash of its token is kept.
func (s *Store) AddSession(ctx context.Context, tx switchboard.Tx, hash string, v switchboard.Session) error {
	_, err := s.on(tx).exec(ctx, addSession, hash, v.Account, v.ID, v.Employee, v.Kind, v.Contact, ms(v.CreatedAt), ms(v.ExpiresAt),
		ms(v.Until), ms(v.SeenAt), v.Address, v.Agent)
	return err
}

// Session finds a session that is not over; switchboard.ErrNotFound when there is
// none. tx may be nil.
func (s *Store) Session(ctx context.Context, tx switchboard.Tx, hash string) (switchboard.Session, error) {
	return scanSession(s.on(tx).one(ctx, readSession, hash, ms(s.clock())))
}

// TakeSession ends a session of a kind and gives it: of two who ask, one gets it.
func (s *Store) TakeSession(ctx context.Context, tx switchboard.Tx, hash string, kind switchboard.SessionKind) (switchboard.Session, error) {
	return scanSession(s.on(tx).one(ctx, takeSession, hash, kind, ms(s.clock())))
}

// SeeSession notes that a session was used now and until when it counts.
func (s *Store) SeeSession(ctx context.Context, hash string, expires time.Time) error {
	_, err := s.on(nil).exec(ctx, seeSession, hash, ms(s.clock()), ms(expires))
	return err
}

// EndSession ends a session; its screens and sockets close.
func (s *Store) EndSession(ctx context.Context, tx switchboard.Tx, hash string, v switchboard.Session) error {
	n, err := s.on(tx).exec(ctx, dropSession, hash)
	return s.sessionsEnded(tx, v.Account, v.Employee, n, err)
}

// EndSessions ends all sessions of an employee.
func (s *Store) EndSessions(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID) error {
	n, err := s.on(tx).exec(ctx, endSessions, account, employee)
	return s.sessionsEnded(tx, account, employee, n, err)
}

// sessionsEnded has open screens and sockets look at their rights again.
func (s *Store) sessionsEnded(tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID, n int64, err error) error {
	if err != nil || n == 0 {
		return err
	}
	return s.employeeChanged(tx, account, employee)
}

// Sessions lists an employee's sessions, last used first.
func (s *Store) Sessions(ctx context.Context, account switchboard.AccountID, employee switchboard.EmployeeID) ([]switchboard.Session, error) {
	r, err := s.on(nil).many(ctx, listSessions, account, employee, ms(s.clock()))
	return collect(r, err, scanSession)
}

func scanSession(r row) (v switchboard.Session, err error) {
	var created, expires, until, seen int64
	err = scan(r, &v.Account, &v.ID, &v.Employee, &v.Kind, &v.Contact, &created, &expires, &until, &seen, &v.Address, &v.Agent)
	v.CreatedAt, v.ExpiresAt, v.Until, v.SeenAt = at(created), at(expires), at(until), at(seen)
	return v, err
}

// keepLinks is how long a link that is over is kept.
const keepLinks = 30 * 24 * time.Hour

// AddLink adds a one-time link in place of open ones for the same purpose; only the
// hash of its token is kept.
func (s *Store) AddLink(ctx context.Context, tx switchboard.Tx, hash string, l switchboard.Link) error {
	if err := s.EndLinks(ctx, tx, l); err != nil {
		return err
	}
	if _, err := s.on(tx).exec(ctx, dropOldLinks, ms(s.clock().Add(-keepLinks))); err != nil {
		return err
	}
	_, err := s.on(tx).exec(ctx, addLink, hash, l.Kind, l.Account, l.Employee, ms(l.ExpiresAt))
	return err
}

// EndLinks ends the open links for the same purpose as l.
func (s *Store) EndLinks(ctx context.Context, tx switchboard.Tx, l switchboard.Link) error {
	_, err := s.on(tx).exec(ctx, endLinks, l.Kind, l.Account, l.Employee, ms(s.clock()))
	return err
}

// Link finds a one-time link, used and expired ones too. tx may be nil.
func (s *Store) Link(ctx context.Context, tx switchboard.Tx, hash string) (switchboard.Link, error) {
	return scanLink(s.on(tx).one(ctx, readLink, hash))
}

// UseLink uses a one-time link up: of two who try, one gets it, the other
// switchboard.ErrNotFound.
func (s *Store) UseLink(ctx context.Context, tx switchboard.Tx, hash string) (switchboard.Link, error) {
	return scanLink(s.on(tx).one(ctx, useLink, hash, ms(s.clock())))
}

func scanLink(r row) (l switchboard.Link, err error) {
	var expires, used int64
	err = scan(r, &l.Kind, &l.Account, &l.Employee, &expires, &used)
	l.ExpiresAt, l.UsedAt = at(expires), at(used)
	return l, err
}
