package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"switchboard"
)

var (
	addAccount = query("add an account", `
		INSERT INTO account (id, name, settings, settings_version, created_at) VALUES ($1, $2, $3, 1, $4)`)
	addHead     = query("start an account's event numbers", `INSERT INTO account_head (account_id, number) VALUES ($1, 0)`)
	readAccount = query("read an account", `SELECT name, settings, settings_version FROM account WHERE id = $1`)
	lockAccount = hot("read an account and lock it", `
		SELECT name, settings, settings_version FROM account WHERE id = $1 FOR UPDATE`, `
		SELECT name, settings, settings_version FROM account WHERE id = $1`)
	listAccounts = query("list accounts", `SELECT id FROM account ORDER BY created_at, id`)
	anyAccount   = query("say whether there is an account", `SELECT 1 FROM account LIMIT 1`)
	setSettings  = query("change an account's settings", `UPDATE account SET settings = $2 WHERE id = $1`)
	bumpSettings = query("count a change of settings", `
		UPDATE account SET settings_version = settings_version + 1 WHERE id = $1`)
)

// AddAccount adds a company with its event numbers and its timeline switch.
func (s *Store) AddAccount(ctx context.Context, tx switchboard.Tx, a switchboard.Account) error {
	settings, err := json.Marshal(a.Settings)
	if err != nil {
		return fmt.Errorf("encode settings: %w", err)
	}
	if _, err := s.on(tx).exec(ctx, addAccount, a.ID, a.Name, string(settings), ms(s.clock())); err != nil {
		return err
	}
	if _, err := s.on(tx).exec(ctx, addHead, a.ID); err != nil {
		return err
	}
	return s.SwitchTimeline(ctx, tx, a.ID, a.Settings.Timeline)
}

// Account reads an account; switchboard.ErrNotFound when there is none. tx may be nil.
func (s *Store) Account(ctx context.Context, tx switchboard.Tx, id switchboard.AccountID) (switchboard.Account, error) {
	return s.account(ctx, tx, readAccount, id)
}

func (s *Store) account(ctx context.Context, tx switchboard.Tx, q *Query, id switchboard.AccountID) (a switchboard.Account, err error) {
	var settings string
	a.ID = id
	if err := scan(s.on(tx).one(ctx, q, id), &a.Name, &settings, &a.SettingsVersion); err != nil {
		return a, err
	}
	return a, json.Unmarshal([]byte(settings), &a.Settings)
}

// LockAccount reads an account and keeps others from changing its settings until the
// end of tx.
func (s *Store) LockAccount(ctx context.Context, tx switchboard.Tx, id switchboard.AccountID) (switchboard.Account, error) {
	return s.account(ctx, tx, lockAccount, id)
}

// AccountIDs lists all accounts of the server, oldest first.
func (s *Store) AccountIDs(ctx context.Context) ([]switchboard.AccountID, error) {
	r, err := s.on(nil).many(ctx, listAccounts)
	return collect(r, err, func(r row) (id switchboard.AccountID, err error) { return id, r.Scan(&id) })
}

// HasAccount says whether the server was claimed (SET-0). tx may be nil.
func (s *Store) HasAccount(ctx context.Context, tx switchboard.Tx) (bool, error) {
	var one int64
	err := scan(s.on(tx).one(ctx, anyAccount), &one)
	if errors.Is(err, switchboard.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// SaveAccountSettings writes settings that count for all channels; a switch of the
// timeline counts from now on (TIME-1).
func (s *Store) SaveAccountSettings(ctx context.Context, tx switchboard.Tx, id switchboard.AccountID, settings switchboard.AccountSettings) error {
	had, err := s.LockAccount(ctx, tx, id)
	if err != nil {
		return fmt.Errorf("read account: %w", err)
	}
	text, err := json.Marshal(settings)
	if err != nil {
		return fmt.Errorf("encode settings: %w", err)
	}
	if _, err := s.on(tx).exec(ctx, setSettings, id, string(text)); err != nil {
		return err
	}
	if had.Settings.Timeline != settings.Timeline {
		if err := s.SwitchTimeline(ctx, tx, id, settings.Timeline); err != nil {
			return err
		}
	}
	return s.SettingsChanged(ctx, tx, id, "")
}

// SettingsChanged counts a change of the account's, a channel's or a role's settings
// and tells the journal; ref is the channel's id, "" for the account's own.
func (s *Store) SettingsChanged(ctx context.Context, tx switchboard.Tx, id switchboard.AccountID, ref string) error {
	if _, err := s.on(tx).exec(ctx, bumpSettings, id); err != nil {
		return err
	}
	s.Emit(tx, switchboard.Event{Account: id, Kind: switchboard.EventSettingsChanged, Ref: ref})
	return nil
}
