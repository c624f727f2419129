package store

import (
	"context"
	"errors"

	"switchboard"
)

var (
	peekChat = query("read whose a chat is", `
		SELECT client_id, settled FROM chat WHERE account_id = $1 AND channel_id = $2 AND address = $3`)
	peekIdentity = query("read whose an identity is", `
		SELECT client_id FROM identity WHERE account_id = $1 AND kind = $2 AND value = $3`)
)

// PeekClient reads, locking nothing, whose a message will be as things stand: the chat's
// client or, for a new chat, one known by an identity; switchboard.ErrNotFound when
// nobody is known. Settled: a message needs no CRM work. It may be wrong once other
// transactions end. tx may be nil.
func (s *Store) PeekClient(ctx context.Context, tx switchboard.Tx, in *switchboard.Incoming) (client switchboard.ClientID, settled bool, err error) {
	var is int64
	err = scan(s.on(tx).one(ctx, peekChat, in.Message.Account, in.Channel, in.Address), &client, &is)
	if !errors.Is(err, switchboard.ErrNotFound) {
		return client, is == 1, err
	}
	for _, id := range in.Identities {
		var known switchboard.ClientID
		err := scan(s.on(tx).one(ctx, peekIdentity, in.Message.Account, id.Kind, id.Value), &known)
		if err != nil && !errors.Is(err, switchboard.ErrNotFound) {
			return "", false, err
		}
		if known != "" && (client == "" || known < client) {
			client = known
		}
	}
	if client == "" {
		return "", false, switchboard.ErrNotFound
	}
	return client, false, nil
}
