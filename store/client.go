package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"switchboard"
)

var (
	findChat = hot("find a chat by its address and lock it", `
		SELECT id, client_id, settled FROM chat WHERE account_id = $1 AND channel_id = $2 AND address = $3 FOR UPDATE`, `
		SELECT id, client_id, settled FROM chat WHERE account_id = $1 AND channel_id = $2 AND address = $3`)
	addChat = query("add a chat", `
		INSERT INTO chat (account_id, id, channel_id, address, client_id, name, username, settled, last_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) ON CONFLICT DO NOTHING`)
	renameChat = query("rename a chat", `
		UPDATE chat SET name = $3, username = $4 WHERE account_id = $1 AND id = $2 AND (name <> $3 OR username <> $4)`)
	claimIdentity = query("claim an identity for a client", `
		INSERT INTO identity (account_id, kind, value, client_id, verified, created_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account_id, kind, value) DO UPDATE SET verified = CASE WHEN identity.verified > EXCLUDED.verified
			THEN identity.verified ELSE EXCLUDED.verified END
		RETURNING client_id`)
	moveIdentities = query("move a client's identities to another", `
		UPDATE identity SET client_id = $3 WHERE account_id = $1 AND client_id = $2`)
	moveChats = query("move a client's chats to another", `
		UPDATE chat SET client_id = $3, settled = $4 WHERE account_id = $1 AND client_id = $2`)
	moveWaiting = query("move a client's waiting timeline entries to another", `
		UPDATE timeline_waiting SET client_id = $3 WHERE account_id = $1 AND client_id = $2`)
	addClient = query("add a client", `
		INSERT INTO client (account_id, id, name, state, created_at) VALUES ($1, $2, $3, $4, $5)`)
	dropClient     = query("drop a merged client", `DELETE FROM client WHERE account_id = $1 AND id = $2`)
	dropClientWork = query("drop a client's work", `DELETE FROM client_work WHERE account_id = $1 AND client_id = $2`)
	readClient     = query("read a client", `
		SELECT name, state, contact_id, provisional, decision_id, created_at FROM client WHERE account_id = $1 AND id = $2`)
	lockClient = hot("read a client and lock it", `
		SELECT name, state, contact_id, provisional, decision_id, created_at FROM client WHERE account_id = $1 AND id = $2 FOR UPDATE`, `
		SELECT name, state, contact_id, provisional, decision_id, created_at FROM client WHERE account_id = $1 AND id = $2`)
	setClientState = query("set a client's state", `UPDATE client SET state = $3 WHERE account_id = $1 AND id = $2 AND state <> $3`)
	addClientWork  = query("ask for a client's work", `
		INSERT INTO client_work (account_id, client_id, channel_id, kind, employee_id, due_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (account_id, client_id) DO NOTHING`)
	holdClient     = query("hold a client for an employee", `UPDATE client SET provisional = $3 WHERE account_id = $1 AND id = $2`)
	stepsUnderWay  = query("count a client's saga steps", `SELECT count(*) FROM client_step WHERE account_id = $1 AND client_id = $2`)
	listIdentities = query("list a client's identities", `
		SELECT kind, value, verified FROM identity WHERE account_id = $1 AND client_id = $2 ORDER BY kind, value`)
)

// FindChat finds and locks the chat of an address; switchboard.ErrNotFound when there
// is none yet.
func (s *Store) FindChat(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID, address string) (c switchboard.FoundChat, err error) {
	var settled int64
	err = scan(s.on(tx).one(ctx, findChat, account, channel, address), &c.ID, &c.Client, &settled)
	c.Settled = settled == 1
	return c, err
}

// Client reads a client. tx may be nil.
func (s *Store) Client(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID) (switchboard.Client, error) {
	c, _, err := s.client(ctx, tx, readClient, account, id)
	return c, err
}

// LockClient reads a client and keeps others from changing it until the end of tx; it
// also gives the id of the latest decision.
func (s *Store) LockClient(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID) (switchboard.Client, switchboard.DecisionID, error) {
	return s.client(ctx, tx, lockClient, account, id)
}

func (s *Store) client(ctx context.Context, tx switchboard.Tx, q *Query, account switchboard.AccountID, id switchboard.ClientID) (c switchboard.Client, decision switchboard.DecisionID, err error) {
	var created int64
	c.Account, c.ID = account, id
	err = scan(s.on(tx).one(ctx, q, account, id), &c.Name, &c.State, &c.Contact, &c.Provisional, &decision, &created)
	c.CreatedAt = at(created)
	return c, decision, err
}

// Identities lists a client's addresses. tx may be nil.
func (s *Store) Identities(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID) ([]switchboard.Identity, error) {
	r, err := s.on(tx).many(ctx, listIdentities, account, id)
	return collect(r, err, func(r row) (i switchboard.Identity, err error) {
		var verified int64
		err = r.Scan(&i.Kind, &i.Value, &verified)
		i.Verified = verified == 1
		return i, err
	})
}

// ResolveClient finds or makes the one client behind the identities of a new peer;
// newID is used when nobody is known by any of them. Claims are made in sorted order,
// so two nodes never wait for each other.
func (s *Store) ResolveClient(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, newID switchboard.ClientID, name string, state switchboard.ClientState, ids []switchboard.Identity) (switchboard.ClientID, error) {
	known, err := s.claimIdentities(ctx, tx, account, newID, ids)
	if err != nil {
		return "", err
	}
	if len(known) == 0 {
		_, err := s.on(tx).exec(ctx, addClient, account, newID, name, state, ms(s.clock()))
		return newID, err
	}
	stays, err := s.mergeKnown(ctx, tx, account, known)
	if err != nil {
		return "", err
	}
	_, err = s.on(tx).exec(ctx, moveIdentities, account, newID, stays)
	return stays, err
}

// JoinIdentities adds identities to a client; when a verified one belongs to another
// client, the two are merged as far as they may be. It gives the client that has the
// chats of id afterwards.
func (s *Store) JoinIdentities(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID, ids []switchboard.Identity) (switchboard.ClientID, error) {
	known, err := s.claimIdentities(ctx, tx, account, id, ids)
	if err != nil {
		return "", err
	}
	overlap := []knownClient{{id, true}}
	for _, k := range known {
		if k.verified {
			overlap = append(overlap, k)
		}
	}
	if len(overlap) == 1 {
		return id, nil
	}
	stays, err := s.mergeKnown(ctx, tx, account, overlap)
	if err != nil {
		return "", err
	}
	if _, err := s.Client(ctx, tx, account, id); !errors.Is(err, switchboard.ErrNotFound) {
		return id, err
	}
	return stays, nil
}

// knownClient is a client found by an identity, verified when that identity is.
type knownClient struct {
	id       switchboard.ClientID
	verified bool
}

// claimIdentities claims identities for a client and gives the others who had some.
func (s *Store) claimIdentities(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, client switchboard.ClientID, ids []switchboard.Identity) ([]knownClient, error) {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b switchboard.Identity) int {
		return strings.Compare(string(a.Kind)+a.Value, string(b.Kind)+b.Value)
	})
	var known []knownClient
	for _, id := range ids {
		var owner switchboard.ClientID
		if err := scan(s.on(tx).one(ctx, claimIdentity, account, id.Kind, id.Value, client, bit(id.Verified), ms(s.clock())), &owner); err != nil {
			return nil, fmt.Errorf("claim identity: %w", err)
		}
		if owner == client {
			continue
		}
		i := slices.IndexFunc(known, func(k knownClient) bool { return k.id == owner })
		if i < 0 {
			known = append(known, knownClient{id: owner})
			i = len(known) - 1
		}
		known[i].verified = known[i].verified || id.Verified
	}
	return known, nil
}

// mergeKnown picks the client that stays (one with CRM work done, else the oldest)
// and merges the others into it: only those found by a verified identity, and only
// while nothing was done for them in the CRM.
func (s *Store) mergeKnown(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, known []knownClient) (switchboard.ClientID, error) {
	slices.SortFunc(known, func(a, b knownClient) int { return strings.Compare(string(a.id), string(b.id)) }) // version 7: oldest first
	stays := 0
	idle := make([]bool, len(known))
	for i, k := range known {
		var err error
		if idle[i], err = s.untouched(ctx, tx, account, k.id); err != nil {
			return "", err
		}
		if !idle[i] && idle[stays] {
			stays = i
		}
	}
	for i, k := range known {
		if i == stays || !idle[i] || !k.verified {
			continue
		}
		if err := s.mergeClient(ctx, tx, account, k.id, known[stays].id); err != nil {
			return "", err
		}
	}
	return known[stays].id, nil
}

// untouched says that nothing was decided or done for the client yet.
func (s *Store) untouched(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID) (bool, error) {
	c, _, err := s.LockClient(ctx, tx, account, id)
	if err != nil {
		return false, err
	}
	var steps int64
	if err := scan(s.on(tx).one(ctx, stepsUnderWay, account, id), &steps); err != nil {
		return false, err
	}
	idle := c.State == switchboard.ClientNew || c.State == switchboard.ClientOpened || c.State == switchboard.ClientWaiting
	return idle && steps == 0 && c.Contact == "", nil
}

func (s *Store) mergeClient(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, from, into switchboard.ClientID) error {
	settled, err := s.clientSettled(ctx, tx, account, into)
	if err != nil {
		return err
	}
	q := s.on(tx)
	for _, step := range []struct {
		q    *Query
		args []any
	}{
		{moveIdentities, []any{account, from, into}},
		{moveChats, []any{account, from, into, bit(settled)}},
		{moveWaiting, []any{account, from, into}},
		{dropClientWork, []any{account, from}},
		{dropClient, []any{account, from}},
	} {
		if _, err := q.exec(ctx, step.q, step.args...); err != nil {
			return err
		}
	}
	s.Emit(tx, switchboard.Event{Account: account, Kind: switchboard.EventClientChanged, Client: into})
	return s.RefreshOwners(ctx, tx, account, into)
}

// AddChat makes the chat of an address, unless another transaction made it first.
func (s *Store) AddChat(ctx context.Context, tx switchboard.Tx, c switchboard.Chat) error {
	settled, err := s.clientSettled(ctx, tx, c.Account, c.Client)
	if err != nil {
		return err
	}
	_, err = s.on(tx).exec(ctx, addChat, c.Account, c.ID, c.Channel, c.Address, c.Client, c.Name, c.Username, bit(settled), ms(s.clock()))
	if err != nil {
		return err
	}
	return s.RefreshOwners(ctx, tx, c.Account, c.Client)
}

// RenameChat notes how the messenger shows the peer now.
func (s *Store) RenameChat(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ChatID, name, username string) error {
	n, err := s.on(tx).exec(ctx, renameChat, account, id, name, username)
	if err == nil && n > 0 {
		s.Emit(tx, switchboard.Event{Account: account, Kind: switchboard.EventChatChanged, Chat: id})
	}
	return err
}

// AskClientWork makes sure a row of work exists; the job must have been inserted
// before, in the same transaction.
func (s *Store) AskClientWork(ctx context.Context, tx switchboard.Tx, w switchboard.ClientWork) error {
	kind := "client_wrote"
	if w.Employee != "" {
		kind = "employee_wrote"
	}
	_, err := s.on(tx).exec(ctx, addClientWork, w.Account, w.Client, w.Channel, kind, w.Employee, ms(s.clock()))
	return err
}

// SetClientState moves a client's state and tells the journal.
func (s *Store) SetClientState(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID, state switchboard.ClientState) error {
	n, err := s.on(tx).exec(ctx, setClientState, account, id, state)
	if err == nil && n > 0 {
		s.Emit(tx, switchboard.Event{Account: account, Kind: switchboard.EventClientChanged, Client: id})
	}
	return err
}

// HoldForEmployee gives a client that the CRM does not know yet to an employee, until
// the CRM says more (DEAL-6, QUEUE-10).
func (s *Store) HoldForEmployee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, client switchboard.ClientID, employee switchboard.EmployeeID) error {
	if _, err := s.on(tx).exec(ctx, holdClient, account, client, employee); err != nil {
		return err
	}
	return s.RefreshOwners(ctx, tx, account, client)
}
