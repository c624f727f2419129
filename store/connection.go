package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"switchboard"
)

const connectionColumns = `account_id, id, kind, state, reason, down_since, info, secrets, synced_at`

var (
	addConnection = query("add a CRM connection", `
		INSERT INTO crm_connection (account_id, id, kind, state, reason, info, secrets, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`)
	endConnection = query("end a CRM connection", `
		UPDATE crm_connection SET state = 'disconnected', reason = '' WHERE account_id = $1 AND state <> 'disconnected'`)
	endTimelines = query("forget the timeline followers of ended connections", `
		DELETE FROM follower WHERE account_id = $1 AND name = 'timeline' AND key IN (
			SELECT id FROM crm_connection WHERE account_id = $1 AND state = 'disconnected')`)
	breakConnection = query("break a CRM connection", `
		UPDATE crm_connection SET state = 'broken', reason = $3 WHERE account_id = $1 AND id = $2 AND state = 'active'`)
	readConnection = query("read an account's CRM connection", `
		SELECT `+connectionColumns+` FROM crm_connection WHERE account_id = $1 AND state <> 'disconnected'`)
	activeConnection = query("find an account's active CRM connection", `
		SELECT id FROM crm_connection WHERE account_id = $1 AND state = 'active'`)
	listConnections = query("list active CRM connections", `
		SELECT `+connectionColumns+` FROM crm_connection WHERE state = 'active' ORDER BY account_id`)
	connectionDown = query("note that a CRM does not answer", `
		UPDATE crm_connection SET down_since = $3 WHERE account_id = $1 AND id = $2 AND down_since = 0`)
	connectionUp = query("note that a CRM answers again", `
		UPDATE crm_connection SET down_since = 0 WHERE account_id = $1 AND id = $2 AND down_since <> 0`)
	connectionSynced = query("note that CRM data was refreshed", `
		UPDATE crm_connection SET synced_at = $3, info = $4 WHERE account_id = $1 AND id = $2`)
)

// Connect adds an account's CRM connection in place of any earlier one.
func (s *Store) Connect(ctx context.Context, tx switchboard.Tx, c switchboard.Connection) error {
	if err := s.Disconnect(ctx, tx, c.Account); err != nil {
		return err
	}
	sealed, err := s.vault.Seal(c.Secrets, secretOf(c.Account, "crm_connection", string(c.ID)))
	if err != nil {
		return fmt.Errorf("seal secrets: %w", err)
	}
	_, err = s.on(tx).exec(ctx, addConnection, c.Account, c.ID, c.Kind, c.State, c.Reason, string(c.Info), sealed, ms(s.clock()))
	return err
}

// Disconnect ends an account's CRM connection; events wait for its timeline no more.
func (s *Store) Disconnect(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) error {
	if _, err := s.on(tx).exec(ctx, endConnection, account); err != nil {
		return err
	}
	if _, err := s.on(tx).exec(ctx, endTimelines, account); err != nil {
		return err
	}
	s.Emit(tx, switchboard.Event{Account: account, Kind: switchboard.EventCRMChanged})
	return nil
}

// BreakConnection notes that a person must reconnect, and why.
func (s *Store) BreakConnection(ctx context.Context, tx switchboard.Tx, c switchboard.Connection, reason string) error {
	n, err := s.on(tx).exec(ctx, breakConnection, c.Account, c.ID, reason)
	return s.connectionChanged(tx, c, n, err)
}

// ConnectionDown notes since when the CRM does not answer (QUEUE-10).
func (s *Store) ConnectionDown(ctx context.Context, tx switchboard.Tx, c switchboard.Connection) error {
	n, err := s.on(tx).exec(ctx, connectionDown, c.Account, c.ID, ms(s.clock()))
	return s.connectionChanged(tx, c, n, err)
}

// ConnectionUp notes that the CRM answers again.
func (s *Store) ConnectionUp(ctx context.Context, tx switchboard.Tx, c switchboard.Connection) error {
	n, err := s.on(tx).exec(ctx, connectionUp, c.Account, c.ID)
	return s.connectionChanged(tx, c, n, err)
}

func (s *Store) connectionChanged(tx switchboard.Tx, c switchboard.Connection, n int64, err error) error {
	if err == nil && n > 0 {
		s.Emit(tx, switchboard.Event{Account: c.Account, Kind: switchboard.EventCRMChanged, Ref: string(c.ID)})
	}
	return err
}

// ConnectionSynced notes that owners and pipelines were read.
func (s *Store) ConnectionSynced(ctx context.Context, tx switchboard.Tx, c switchboard.Connection) error {
	_, err := s.on(tx).exec(ctx, connectionSynced, c.Account, c.ID, ms(s.clock()), string(c.Info))
	s.Emit(tx, switchboard.Event{Account: c.Account, Kind: switchboard.EventCRMChanged, Ref: string(c.ID)})
	return err
}

// Connection reads an account's CRM connection, active or broken;
// switchboard.ErrNotFound when there is none. tx may be nil.
func (s *Store) Connection(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (switchboard.Connection, error) {
	return s.scanConnection(s.on(tx).one(ctx, readConnection, account))
}

// ActiveConnectionID names an account's active CRM connection; switchboard.ErrNotFound
// when there is none.
func (s *Store) ActiveConnectionID(ctx context.Context, account switchboard.AccountID) (id switchboard.ConnectionID, err error) {
	err = scan(s.on(nil).one(ctx, activeConnection, account), &id)
	return id, err
}

// ActiveConnections lists the active CRM connections of all accounts.
func (s *Store) ActiveConnections(ctx context.Context) ([]switchboard.Connection, error) {
	r, err := s.on(nil).many(ctx, listConnections)
	return collect(r, err, s.scanConnection)
}

func (s *Store) scanConnection(r row) (c switchboard.Connection, err error) {
	var down, synced int64
	var info string
	var sealed []byte
	if err := scan(r, &c.Account, &c.ID, &c.Kind, &c.State, &c.Reason, &down, &info, &sealed, &synced); err != nil {
		return c, err
	}
	c.DownSince, c.SyncedAt, c.Info = at(down), at(synced), []byte(info)
	if c.Secrets, err = s.vault.Open(sealed, secretOf(c.Account, "crm_connection", string(c.ID))); err != nil {
		return c, fmt.Errorf("open secrets: %w", err)
	}
	return c, nil
}

var timelineSwitched = query("note that the timeline was switched", `
	INSERT INTO timeline_switch (account_id, at, on_off) VALUES ($1, $2, $3)
	ON CONFLICT (account_id, at) DO UPDATE SET on_off = EXCLUDED.on_off`)

var timelineWas = query("say whether the timeline was on at a time", `
	SELECT on_off FROM timeline_switch WHERE account_id = $1 AND at <= $2 ORDER BY at DESC LIMIT 1`)

// SwitchTimeline notes when the timeline setting changed: it counts at the message's
// time (TIME-1).
func (s *Store) SwitchTimeline(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, on bool) error {
	_, err := s.on(tx).exec(ctx, timelineSwitched, account, ms(s.clock()), bit(on))
	return err
}

// TimelineWasOn says whether messages of that time belong into the timeline.
func (s *Store) TimelineWasOn(ctx context.Context, account switchboard.AccountID, when time.Time) (bool, error) {
	var on int64
	err := scan(s.on(nil).one(ctx, timelineWas, account, ms(when)), &on)
	if errors.Is(err, switchboard.ErrNotFound) {
		return false, nil
	}
	return on == 1, err
}
