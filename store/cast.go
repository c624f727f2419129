package store

import (
	"context"
	"fmt"
	"time"

	"switchboard"
)

var (
	allRoles  = query("list an account's roles", `SELECT employee_id, channel_id, role FROM channel_role WHERE account_id = $1`)
	openViews = hot("list which sessions are open", `
		SELECT s.id, s.expires_at FROM session s
		JOIN employee e ON e.account_id = s.account_id AND e.id = s.employee_id AND e.active = 1
		WHERE s.account_id = $1 AND s.id = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))) AND s.expires_at > $3`, `
		SELECT s.id, s.expires_at FROM session s
		JOIN employee e ON e.account_id = s.account_id AND e.id = s.employee_id AND e.active = 1
		WHERE s.account_id = $1 AND s.id IN (SELECT value FROM json_each($2)) AND s.expires_at > $3`)
)

// Cast reads everybody whose name or rights live screens depend on.
func (s *Store) Cast(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (c switchboard.Cast, err error) {
	a, err := s.Account(ctx, tx, account)
	if err != nil {
		return c, fmt.Errorf("read account: %w", err)
	}
	employees, err := s.Employees(ctx, tx, account)
	if err != nil {
		return c, fmt.Errorf("read employees: %w", err)
	}
	owners, err := s.Owners(ctx, tx, account)
	if err != nil {
		return c, fmt.Errorf("read owners: %w", err)
	}
	c = switchboard.Cast{SettingsVersion: a.SettingsVersion, Members: make(map[switchboard.EmployeeID]switchboard.CastMember, len(employees)),
		Outsiders: make(map[switchboard.OwnerID]string, len(owners))}
	for _, e := range employees {
		c.Members[e.ID] = switchboard.CastMember{Employee: e, Roles: map[switchboard.ChannelID]switchboard.Role{}}
	}
	for _, o := range owners {
		c.Outsiders[o.ID] = o.Name + "\n" + o.Email
	}
	return c, s.addRoles(ctx, tx, account, c)
}

func (s *Store) addRoles(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, c switchboard.Cast) error {
	r, err := s.on(tx).many(ctx, allRoles, account)
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
		var employee switchboard.EmployeeID
		var channel switchboard.ChannelID
		var role switchboard.Role
		if err := r.Scan(&employee, &channel, &role); err != nil {
			return fmt.Errorf("read role: %w", err)
		}
		if m, there := c.Members[employee]; there {
			m.Roles[channel] = role
		}
	}
	return r.Err()
}

// SettingsVersion reads how often an account's settings were changed. tx may be nil.
func (s *Store) SettingsVersion(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (int64, error) {
	a, err := s.Account(ctx, tx, account)
	return a.SettingsVersion, err
}

// OpenSessions tells which of an account's sessions are open (their employees not
// blocked) and until when.
func (s *Store) OpenSessions(ctx context.Context, account switchboard.AccountID, ids []string) (map[string]time.Time, error) {
	list, err := toJSON(ids)
	if err != nil {
		return nil, fmt.Errorf("encode ids: %w", err)
	}
	r, err := s.on(nil).many(ctx, openViews, account, list, ms(s.clock()))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	open := make(map[string]time.Time, len(ids))
	for r.Next() {
		var id string
		var expires int64
		if err := r.Scan(&id, &expires); err != nil {
			return nil, fmt.Errorf("read session: %w", err)
		}
		open[id] = at(expires)
	}
	return open, r.Err()
}
