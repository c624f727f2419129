package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"switchboard"
)

var (
	dropRaw     = query("drop old bodies", `DELETE FROM raw_body WHERE at < $1 AND reason = ''`)
	dropBadRaw  = query("drop old unreadable bodies", `DELETE FROM raw_body WHERE at < $1 AND reason <> ''`)
	dropUploads = query("drop uploads that were never sent", `DELETE FROM media WHERE used = 0 AND source = '' AND created_at < $1`)
	dropEnded   = query("drop ended sessions", `DELETE FROM session WHERE expires_at < $1`)
	dropUsed    = query("drop links past their time", `DELETE FROM link WHERE expires_at < $1`)
	dropEarly   = query("drop news of messages that never came", `DELETE FROM early_change WHERE at < $1`)
	writeProof  = query("keep a proof of the key", `INSERT INTO key_proof (id, sealed) VALUES (1, $1) ON CONFLICT DO NOTHING`)
	readProof   = query("read the proof of the key", `SELECT sealed FROM key_proof WHERE id = 1`)
)

// Before says up to when what is dropped.
type Before struct{ Events, Raw, Uploads time.Time }

// Tidy drops what is past its time. Events stay until every follower has passed them.
func (s *Store) Tidy(ctx context.Context, b Before) error {
	accounts, err := s.AccountIDs(ctx)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		err := s.InTx(ctx, func(tx switchboard.Tx) error {
			head, err := s.Head(ctx, tx, account)
			if err != nil {
				return err
			}
			if _, err := s.on(tx).exec(ctx, dropEvents, account, ms(b.Events), head); err != nil {
				return err
			}
			_, err = s.on(tx).exec(ctx, dropIntents, account, ms(b.Events))
			return err
		})
		if err != nil {
			return fmt.Errorf("drop events: %w", err)
		}
	}
	return s.InTx(ctx, func(tx switchboard.Tx) error {
		for _, step := range []struct {
			q    *Query
			till time.Time
		}{{dropRaw, b.Raw}, {dropBadRaw, b.Raw}, {dropUploads, b.Uploads}, {dropEarly, b.Raw}, {dropEnded, s.clock()}, {dropUsed, b.Raw}} {
			if _, err := s.on(tx).exec(ctx, step.q, ms(step.till)); err != nil {
				return err
			}
		}
		return nil
	})
}

// ProveKey makes sure that the key ring is the one this database was made with.
func (s *Store) ProveKey(ctx context.Context) error {
	place := SecretPlace{Table: "key_proof", Column: "sealed", ID: "1"}
	var sealed []byte
	err := scan(s.on(nil).one(ctx, readProof), &sealed)
	if err == nil {
		_, err = s.vault.Open(sealed, place)
		return err
	}
	if !errors.Is(err, switchboard.ErrNotFound) {
		return err
	}
	if sealed, err = s.vault.Seal([]byte("switchboard"), place); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	return s.InTx(ctx, func(tx switchboard.Tx) error {
		_, err := s.on(tx).exec(ctx, writeProof, sealed)
		return err
	})
}
