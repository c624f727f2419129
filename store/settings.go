package store

import (
	"context"
	"encoding/json"
	"fmt"

	"switchboard"
)

var (
	listRoles = query("list a channel's roles", `
		SELECT channel_id, employee_id, role, receives, position FROM channel_role
		WHERE account_id = $1 AND channel_id = $2 ORDER BY employee_id`)
	rolesOf = query("list an employee's roles", `
		SELECT channel_id, role FROM channel_role WHERE account_id = $1 AND employee_id = $2`)
	setRole = query("give a role on a channel", `
		INSERT INTO channel_role (account_id, channel_id, employee_id, role, receives, position) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account_id, channel_id, employee_id) DO UPDATE SET role = EXCLUDED.role, receives = EXCLUDED.receives,
			position = EXCLUDED.position`)
	dropRole = query("take a role on a channel away", `
		DELETE FROM channel_role WHERE account_id = $1 AND channel_id = $2 AND employee_id = $3`)
	lockChannel = hot("read a channel and lock it", `
		SELECT `+channelColumns+` FROM channel WHERE account_id = $1 AND id = $2 FOR UPDATE`, `
		SELECT `+channelColumns+` FROM channel WHERE account_id = $1 AND id = $2`)
	addAudit = query("keep a change of settings", `
		INSERT INTO audit (account_id, id, at, employee_id, action, object, before, after) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`)
	listAudit = query("list changes of settings", `
		SELECT id, at, employee_id, action, object, before, after FROM audit WHERE account_id = $1 ORDER BY at DESC, id DESC LIMIT $2`)
	listUnreadable = query("list deliveries that could not be read", `
		SELECT id, channel_id, at, reason, LENGTH(body) FROM raw_body
		WHERE account_id = $1 AND reason <> '' ORDER BY at DESC, id DESC LIMIT $2`)
)

// Roles lists who has which role on a channel. tx may be nil.
func (s *Store) Roles(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID) ([]switchboard.RoleAssignment, error) {
	r, err := s.on(tx).many(ctx, listRoles, account, channel)
	return collect(r, err, func(r row) (a switchboard.RoleAssignment, err error) {
		var receives int64
		err = r.Scan(&a.Channel, &a.Employee, &a.Role, &receives, &a.Position)
		a.Receives = receives == 1
		return a, err
	})
}

// RolesOf gives an employee's role on each channel where there is one. tx may be nil.
func (s *Store) RolesOf(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID) (map[switchboard.ChannelID]switchboard.Role, error) {
	type held struct {
		channel switchboard.ChannelID
		role    switchboard.Role
	}
	r, err := s.on(tx).many(ctx, rolesOf, account, employee)
	all, err := collect(r, err, func(r row) (h held, err error) { return h, r.Scan(&h.channel, &h.role) })
	roles := map[switchboard.ChannelID]switchboard.Role{}
	for _, h := range all {
		roles[h.channel] = h.role
	}
	return roles, err
}

// SetRoles makes roles the whole list of a channel's roles; employees left out lose
// theirs. Who goes on receiving keeps the position; who begins to, gets one that is
// larger than any in use or served (QUEUE-2). Position of roles is not read. A list
// that changes nothing leaves no trace.
func (s *Store) SetRoles(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID, roles []switchboard.RoleAssignment) error {
	turn, err := s.LockTurn(ctx, tx, account, channel) // one change of a channel's roles at a time
	if err != nil {
		return fmt.Errorf("lock the queue: %w", err)
	}
	had, last, err := s.heldRoles(ctx, tx, account, channel, turn)
	if err != nil {
		return err
	}
	changed := false
	for _, r := range roles {
		before := had[r.Employee]
		delete(had, r.Employee)
		r.Channel, r.Position = channel, 0
		switch {
		case r.Receives && before.Receives:
			r.Position = before.Position
		case r.Receives:
			last++
			r.Position = last
		}
		if r == before {
			continue
		}
		changed = true
		if _, err := s.on(tx).exec(ctx, setRole, account, channel, r.Employee, r.Role, bit(r.Receives), r.Position); err != nil {
			return err
		}
	}
	for employee := range had {
		changed = true
		if _, err := s.on(tx).exec(ctx, dropRole, account, channel, employee); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	return s.SettingsChanged(ctx, tx, account, string(channel))
}

// heldRoles gives a channel's roles by employee, and the largest position of the
// queue in use or served last.
func (s *Store) heldRoles(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID, turn switchboard.Turn) (map[switchboard.EmployeeID]switchboard.RoleAssignment, int64, error) {
	var queue struct {
		Cursor int64 `json:"cursor"`
	}
	if err := json.Unmarshal(turn, &queue); err != nil {
		return nil, 0, fmt.Errorf("read the turn: %w", err)
	}
	all, err := s.Roles(ctx, tx, account, channel)
	held, last := map[switchboard.EmployeeID]switchboard.RoleAssignment{}, queue.Cursor
	for _, r := range all {
		held[r.Employee] = r
		last = max(last, r.Position)
	}
	return held, last, err
}

// LockChannel reads a channel, secrets opened, and keeps others from changing it until
// the end of tx.
func (s *Store) LockChannel(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ChannelID) (switchboard.Channel, error) {
	return s.scanChannel(s.on(tx).one(ctx, lockChannel, account, id))
}

// AddAudit keeps what a change of settings found and made (SET-2).
func (s *Store) AddAudit(ctx context.Context, tx switchboard.Tx, a switchboard.AuditEntry) error {
	_, err := s.on(tx).exec(ctx, addAudit, a.Account, a.ID, ms(s.clock()), a.Employee, a.Action, a.Object, string(a.Before), string(a.After))
	return err
}

// Audit lists the newest changes of settings.
func (s *Store) Audit(ctx context.Context, account switchboard.AccountID, limit int) ([]switchboard.AuditEntry, error) {
	r, err := s.on(nil).many(ctx, listAudit, account, limit)
	return collect(r, err, func(r row) (a switchboard.AuditEntry, err error) {
		var when int64
		var before, after string
		err = r.Scan(&a.ID, &when, &a.Employee, &a.Action, &a.Object, &before, &after)
		a.Account, a.At, a.Before, a.After = account, at(when), []byte(before), []byte(after)
		return a, err
	})
}

// Unreadable lists deliveries that could not be read, newest first.
func (s *Store) Unreadable(ctx context.Context, account switchboard.AccountID, limit int) ([]switchboard.Unreadable, error) {
	r, err := s.on(nil).many(ctx, listUnreadable, account, limit)
	return collect(r, err, func(r row) (u switchboard.Unreadable, err error) {
		var when int64
		err = r.Scan(&u.ID, &u.Channel, &when, &u.Reason, &u.Bytes)
		u.At = at(when)
		return u, err
	})
}
