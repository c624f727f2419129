package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"switchboard"
)

var (
	clientOwners = query("list the employees who own a client's records", `
		SELECT e.id FROM employee e WHERE e.account_id = $1 AND e.owner_id <> '' AND e.owner_id IN (
			SELECT t.owner_id FROM client c JOIN contact t ON t.account_id = c.account_id AND t.id = c.contact_id
			WHERE c.account_id = $1 AND c.id = $2 AND t.deleted = 0
			UNION SELECT d.owner_id FROM client c JOIN deal d ON d.account_id = c.account_id AND d.contact_id = c.contact_id
			WHERE c.account_id = $1 AND c.id = $2 AND c.contact_id <> '' AND d.open = 1)
		UNION SELECT c.provisional FROM client c WHERE c.account_id = $1 AND c.id = $2 AND c.provisional <> ''
		ORDER BY 1`)
	clientChats = hot("list a client's chats and lock them", `
		SELECT id, channel_id, unanswered, waiting, last_at, settled FROM chat WHERE account_id = $1 AND client_id = $2 ORDER BY id FOR UPDATE`, `
		SELECT id, channel_id, unanswered, waiting, last_at, settled FROM chat WHERE account_id = $1 AND client_id = $2 ORDER BY id`)
	chatOwners = query("list a chat's owners", `
		SELECT employee_id FROM chat_owner WHERE account_id = $1 AND chat_id = $2 ORDER BY employee_id`)
	addOwner = query("add an owner of a chat", `
		INSERT INTO chat_owner (account_id, employee_id, chat_id, channel_id, unanswered, waiting, last_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`)
	dropOwner = query("drop an owner of a chat", `
		DELETE FROM chat_owner WHERE account_id = $1 AND chat_id = $2 AND employee_id = $3`)
	isSettled = query("say whether a client needs no more CRM work", `
		SELECT CASE WHEN c.state = 'linked' AND t.owner_id <> '' AND t.deleted = 0
			AND NOT EXISTS (SELECT 1 FROM client_work w WHERE w.account_id = c.account_id AND w.client_id = c.id)
			THEN 1 ELSE 0 END
		FROM client c JOIN contact t ON t.account_id = c.account_id AND t.id = c.contact_id
		WHERE c.account_id = $1 AND c.id = $2`)
	settleChats = query("note whether a client's chats are settled", `
		UPDATE chat SET settled = $3 WHERE account_id = $1 AND client_id = $2 AND settled <> $3`)
)

// clientSettled says whether a message of the client needs no CRM work: linked to a
// contact that has a responsible, and no work is waiting.
func (s *Store) clientSettled(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID) (bool, error) {
	var settled int64
	err := scan(s.on(tx).one(ctx, isSettled, account, id), &settled)
	if errors.Is(err, switchboard.ErrNotFound) {
		return false, nil
	}
	return settled == 1, err
}

// RefreshOwners recomputes who owns the client's chats from the mirror and from a
// provisional decision, and tells the journal of every chat whose owners changed
// (ROLE-1, OWNER-1). It is called in the transaction of whatever changed them.
func (s *Store) RefreshOwners(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID) error {
	settled, err := s.clientSettled(ctx, tx, account, id)
	if err != nil {
		return fmt.Errorf("look whether a client is settled: %w", err)
	}
	if _, err := s.on(tx).exec(ctx, settleChats, account, id, bit(settled)); err != nil {
		return err
	}
	owners, err := s.employees(ctx, tx, clientOwners, account, id)
	if err != nil {
		return err
	}
	chats, err := s.chatsOfClient(ctx, tx, account, id)
	if err != nil {
		return err
	}
	for i := range chats {
		if err := s.setOwners(ctx, tx, account, id, &chats[i], owners); err != nil {
			return err
		}
	}
	return nil
}

type ownedChat struct {
	id                                 switchboard.ChatID
	channel                            switchboard.ChannelID
	unanswered, waiting, last, settled int64
}

func (s *Store) chatsOfClient(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID) ([]ownedChat, error) {
	r, err := s.on(tx).many(ctx, clientChats, account, id)
	return collect(r, err, func(r row) (c ownedChat, err error) {
		return c, r.Scan(&c.id, &c.channel, &c.unanswered, &c.waiting, &c.last, &c.settled)
	})
}

func (s *Store) employees(ctx context.Context, tx switchboard.Tx, q *Query, args ...any) ([]switchboard.EmployeeID, error) {
	r, err := s.on(tx).many(ctx, q, args...)
	return collect(r, err, func(r row) (id switchboard.EmployeeID, err error) { return id, r.Scan(&id) })
}

func (s *Store) setOwners(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, client switchboard.ClientID, c *ownedChat, owners []switchboard.EmployeeID) error {
	before, err := s.employees(ctx, tx, chatOwners, account, c.id)
	if err != nil || slices.Equal(before, owners) {
		return err
	}
	for _, id := range before {
		if slices.Contains(owners, id) {
			continue
		}
		if _, err := s.on(tx).exec(ctx, dropOwner, account, c.id, id); err != nil {
			return err
		}
	}
	for _, id := range owners {
		if slices.Contains(before, id) {
			continue
		}
		if _, err := s.on(tx).exec(ctx, addOwner, account, id, c.id, c.channel, c.unanswered, c.waiting, c.last); err != nil {
			return err
		}
	}
	s.Emit(tx, switchboard.Event{Account: account, Kind: switchboard.EventOwnersChanged, Chat: c.id, Client: client,
		Before: before, After: owners})
	return nil
}
