package store

import (
	"context"
	"errors"

	"switchboard"
	"switchboard/journal"
)

var (
	readPosition = query("read a follower's position", `
		SELECT position FROM follower WHERE account_id = $1 AND name = $2 AND key = $3`)
	addFollower = query("add a follower", `
		INSERT INTO follower (account_id, name, key, position, updated_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`)
	movePosition = query("move a follower's position", `
		UPDATE follower SET position = $5, updated_at = $6 WHERE account_id = $1 AND name = $2 AND key = $3 AND position = $4`)
	dropFollower = query("drop a follower", `DELETE FROM follower WHERE account_id = $1 AND name = $2 AND key = $3`)
	parkEvent    = query("park an event", `
		INSERT INTO parked_event (account_id, name, key, number, reason, at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`)
)

// Position reads a follower's cursor, making it at the head or at the oldest event.
func (s *Store) Position(ctx context.Context, account switchboard.AccountID, name, key string, start journal.Start) (position int64, err error) {
	err = scan(s.on(nil).one(ctx, readPosition, account, name, key), &position)
	if !errors.Is(err, switchboard.ErrNotFound) {
		return position, err
	}
	err = s.InTx(ctx, func(tx switchboard.Tx) error {
		from, err := s.Head(ctx, tx, account)
		if err != nil {
			return err
		}
		if start == journal.FromOldest {
			err = scan(s.on(tx).one(ctx, oldestEvent, account), &from)
			switch {
			case err == nil:
				from--
			case !errors.Is(err, switchboard.ErrNotFound):
				return err
			}
		}
		if _, err := s.on(tx).exec(ctx, addFollower, account, name, key, from, ms(s.clock())); err != nil {
			return err
		}
		return scan(s.on(tx).one(ctx, readPosition, account, name, key), &position)
	})
	return position, err
}

// Move sets a follower's cursor by compare-and-set; journal.ErrMoved when it was moved.
func (s *Store) Move(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, name, key string, from, to int64) error {
	n, err := s.on(tx).exec(ctx, movePosition, account, name, key, from, to, ms(s.clock()))
	if err == nil && n == 0 {
		return journal.ErrMoved
	}
	return err
}

// DropFollower forgets a follower and its cursor.
func (s *Store) DropFollower(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, name, key string) error {
	_, err := s.on(tx).exec(ctx, dropFollower, account, name, key)
	return err
}

// Park keeps an event that a follower can never handle.
func (s *Store) Park(ctx context.Context, tx switchboard.Tx, p journal.Parked) error {
	_, err := s.on(tx).exec(ctx, parkEvent, p.Account, p.Name, p.Key, p.Number, p.Reason, ms(s.clock()))
	return err
}
