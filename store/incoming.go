package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"switchboard"
)

var (
	addRaw = query("keep a raw body", `
		INSERT INTO raw_body (account_id, id, channel_id, at, body, reason) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT DO NOTHING`)
	claimKnown = query("claim the key of a message in a settled chat", `
		INSERT INTO dedupe (account_id, channel_id, key, chat_id, message_id)
		SELECT $1, $2, $3, c.id, $5 FROM chat c
		WHERE c.account_id = $1 AND c.channel_id = $2 AND c.address = $4 AND c.settled = 1
		AND NOT EXISTS (SELECT 1 FROM early_change e WHERE e.account_id = $1 AND e.channel_id = $2
			AND e.address = $4 AND e.provider_id = $6)
		AND ($7 = 0 OR NOT EXISTS (SELECT 1 FROM message m WHERE m.account_id = $1 AND m.chat_id = c.id AND m.id = $5))`+onSeenKey+` RETURNING chat_id`)
	claimKey = query("claim the key of a message", `
		INSERT INTO dedupe (account_id, channel_id, key, chat_id, message_id) VALUES ($1, $2, $3, $4, $5)`+onSeenKey)
	moveChat = query("move a chat's counters for a client message", `
		UPDATE chat SET last_seq = last_seq + 1, last_at = CASE WHEN last_at > $3 THEN last_at ELSE $3 END,
			waiting_since = CASE WHEN $4 > 0 AND unanswered = 0 THEN $3 ELSE waiting_since END,
			unanswered = unanswered + $4, waiting = CASE WHEN unanswered + $4 > 0 THEN 1 ELSE 0 END,
			view_seq = view_seq + $5, unreachable = 0
		WHERE account_id = $1 AND id = $2
		RETURNING last_seq, view_seq, client_id, unanswered, waiting, last_at`)
	moveOwners = query("move the owners' copies of a chat's counters", `
		UPDATE chat_owner SET unanswered = $3, waiting = $4, last_at = $5 WHERE account_id = $1 AND chat_id = $2`)
	addMessage = query("add a message", `
		INSERT INTO message (account_id, chat_id, seq, id, direction, kind, text, content, author_id, reply_to,
			provider_id, at, stored_at, status, view_seq)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`)
	addView = query("add an entry of the client's view", `
		INSERT INTO view_entry (account_id, chat_id, seq, kind, id, message_id, text, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`)
	findDuplicate = query("find the message a key was claimed by", `
		SELECT d.chat_id, d.message_id, COALESCE(m.seq, 0), COALESCE(m.view_seq, 0), COALESCE(m.stored_at, 0),
			COALESCE(m.text, ''), COALESCE(m.edited_at, 0)
		FROM dedupe d LEFT JOIN message m ON m.account_id = d.account_id AND m.chat_id = d.chat_id AND m.id = d.message_id
		WHERE d.account_id = $1 AND d.channel_id = $2 AND d.key = $3`)
)

// ContentText gives a message's content as stored; "" when empty.
func contentText(c switchboard.Content) (string, error) {
	if len(c.Media) == 0 && c.Location == nil && c.Contact == nil && c.Note == "" {
		return "", nil
	}
	text, err := json.Marshal(c)
	return string(text), err
}

func readContent(text string) (c switchboard.Content, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &c)
	}
	return c, err
}

// AddKnown stores the messages whose chat is settled: linked to a contact with a
// responsible, so nothing is to be decided. The others come back with Known false and
// leave no trace. On PostgreSQL it is one statement and its own transaction when tx is
// nil; on SQLite tx is needed.
func (s *Store) AddKnown(ctx context.Context, tx switchboard.Tx, in []switchboard.Incoming) ([]switchboard.Stored, error) {
	if s.engine == Postgres {
		return s.addKnownAtOnce(ctx, tx, in)
	}
	out := make([]switchboard.Stored, len(in))
	for i := range in {
		stored, err := s.addKnown(ctx, tx, &in[i])
		if err != nil {
			return nil, err
		}
		out[i] = stored
	}
	return out, nil
}

func (s *Store) addKnown(ctx context.Context, tx switchboard.Tx, in *switchboard.Incoming) (switchboard.Stored, error) {
	var chat switchboard.ChatID
	m := &in.Message
	err := scan(s.on(tx).one(ctx, claimKnown, m.Account, in.Channel, in.Key, in.Address, m.ID, m.ProviderID, bit(in.NumbersView)), &chat)
	if errors.Is(err, switchboard.ErrNotFound) {
		return switchboard.Stored{}, nil
	}
	if err != nil {
		return switchboard.Stored{}, fmt.Errorf("claim key: %w", err)
	}
	return s.addToChat(ctx, tx, in, chat)
}

// AddToChat stores a message whose chat row exists, settled or not, and whose key is
// not claimed yet; a claimed one comes back as Duplicate.
func (s *Store) AddToChat(ctx context.Context, tx switchboard.Tx, in *switchboard.Incoming, chat switchboard.ChatID) (switchboard.Stored, error) {
	n, err := s.on(tx).exec(ctx, claimKey, in.Message.Account, in.Channel, in.Key, chat, in.Message.ID)
	if err != nil {
		return switchboard.Stored{}, err
	}
	if n == 0 {
		dup, found, err := s.Duplicate(ctx, tx, in)
		if err != nil || found {
			return dup, err
		}
		return switchboard.Stored{}, errors.New("a key is claimed but not to be found")
	}
	if in.NumbersView { // the id is the client's: it may be that of another message of the chat
		had, err := s.FindMessage(ctx, tx, in.Message.Account, chat, in.Message.ID)
		if err == nil {
			return switchboard.Stored{Chat: chat, Message: had.ID, Seq: had.Seq, Duplicate: true, Conflict: true, Known: true}, nil
		}
		if !errors.Is(err, switchboard.ErrNotFound) {
			return switchboard.Stored{}, err
		}
	}
	return s.addToChat(ctx, tx, in, chat)
}

func (s *Store) addToChat(ctx context.Context, tx switchboard.Tx, in *switchboard.Incoming, chat switchboard.ChatID) (switchboard.Stored, error) {
	m, q := &in.Message, s.on(tx)
	now := s.clock()
	content, err := contentText(m.Content)
	if err != nil {
		return switchboard.Stored{}, fmt.Errorf("encode content: %w", err)
	}
	if _, err := q.exec(ctx, addRaw, m.Account, in.RawID, in.Channel, ms(now), in.Raw, ""); err != nil {
		return switchboard.Stored{}, err
	}
	out := switchboard.Stored{Chat: chat, Message: m.ID, At: at(ms(now)), Known: true}
	var unanswered, waiting, lastAt int64
	if err := scan(q.one(ctx, moveChat, m.Account, chat, ms(now), bit(in.Counts), bit(in.NumbersView)),
		&out.Seq, &out.ViewSeq, &out.Client, &unanswered, &waiting, &lastAt); err != nil {
		return switchboard.Stored{}, fmt.Errorf("move chat: %w", err)
	}
	if !in.NumbersView {
		out.ViewSeq = 0
	}
	if _, err := q.exec(ctx, addMessage, m.Account, chat, out.Seq, m.ID, switchboard.In, m.Kind, m.Text, content, "", m.ReplyTo,
		m.ProviderID, ms(m.At), ms(now), switchboard.StatusReceived, out.ViewSeq); err != nil {
		return switchboard.Stored{}, err
	}
	if in.NumbersView {
		if _, err := q.exec(ctx, addView, m.Account, chat, out.ViewSeq, "message", m.ID, m.ID, "", ms(now)); err != nil {
			return switchboard.Stored{}, err
		}
	}
	if _, err := q.exec(ctx, moveOwners, m.Account, chat, unanswered, waiting, lastAt); err != nil {
		return switchboard.Stored{}, err
	}
	s.Emit(tx, switchboard.Event{Account: m.Account, Kind: switchboard.EventMessageAdded, At: now, Chat: chat,
		Client: out.Client, Message: m.ID, Seq: out.Seq})
	return out, nil
}

// Duplicate finds what an already claimed key stands for. tx may be nil.
func (s *Store) Duplicate(ctx context.Context, tx switchboard.Tx, in *switchboard.Incoming) (switchboard.Stored, bool, error) {
	out := switchboard.Stored{Duplicate: true, Known: true}
	var text string
	var edited, stored int64
	err := scan(s.on(tx).one(ctx, findDuplicate, in.Message.Account, in.Channel, in.Key),
		&out.Chat, &out.Message, &out.Seq, &out.ViewSeq, &stored, &text, &edited)
	out.At = at(stored)
	if errors.Is(err, switchboard.ErrNotFound) {
		return switchboard.Stored{}, false, nil
	}
	out.Conflict = err == nil && edited == 0 && text != in.Message.Text
	return out, err == nil, err
}

// KeepRaw keeps a body that brought no message; with a reason when it is authentic but
// cannot be read, which lists it.
func (s *Store) KeepRaw(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, id string, body []byte, reason string) error {
	_, err := s.on(tx).exec(ctx, addRaw, ch.Account, id, ch.ID, ms(s.clock()), body, reason)
	return err
}

// AddsKnownAlone says that AddKnown without a transaction is one statement that commits
// by itself.
func (s *Store) AddsKnownAlone() bool { return s.engine == Postgres }
