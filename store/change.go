package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"switchboard"
)

var (
	findProvider = query("find a message by the messenger's id", `
		SELECT id, seq FROM message WHERE account_id = $1 AND chat_id = $2 AND provider_id = $3 AND provider_id <> '' LIMIT 1`)
	editMessage = query("edit a message", `
		UPDATE message SET text = $4, content = CASE WHEN $5 = '' THEN content ELSE $5 END, edited_at = $6
		WHERE account_id = $1 AND chat_id = $2 AND id = $3 AND edited_at < $6 AND deleted_at = 0`)
	deleteMessage = query("empty a deleted message", `
		UPDATE message SET text = '', content = '', deleted_at = $4
		WHERE account_id = $1 AND chat_id = $2 AND id = $3 AND deleted_at = 0`)
	forwardStatus = query("move a message's status forward", `
		UPDATE message SET status = $4, reason = $5
		WHERE account_id = $1 AND chat_id = $2 AND id = $3 AND direction = 'out'
		AND CASE $4 WHEN 'sent' THEN 2 WHEN 'delivered' THEN 3 WHEN 'read' THEN 4 WHEN 'failed' THEN 2 ELSE 0 END >
			CASE status WHEN 'sent' THEN 2 WHEN 'delivered' THEN 3 WHEN 'read' THEN 4 WHEN 'failed' THEN 1 ELSE 1 END`)
	keepEarly = query("keep news of a message that has not come yet", `
		INSERT INTO early_change (account_id, channel_id, address, provider_id, kind, at, change)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (account_id, channel_id, address, provider_id, kind) DO UPDATE
		SET at = EXCLUDED.at, change = EXCLUDED.change WHERE EXCLUDED.at >= early_change.at`)
	takeEarly = query("take the news kept of a message", `
		DELETE FROM early_change WHERE account_id = $1 AND channel_id = $2 AND address = $3 AND provider_id = $4
		RETURNING kind, at, change`)
	setReachable = query("note whether a peer can be reached", `
		UPDATE chat SET unreachable = $4 WHERE account_id = $1 AND channel_id = $2 AND address = $3 AND unreachable <> $4
		RETURNING id`)
	keepIgnored = query("note what a channel ignores", `
		INSERT INTO ignored_source (account_id, channel_id, source, name, reason, at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account_id, channel_id, source) DO UPDATE SET name = EXCLUDED.name`)
	listIgnored = query("list what a channel ignores", `
		SELECT name, reason FROM ignored_source WHERE account_id = $1 AND channel_id = $2 ORDER BY at DESC LIMIT 100`)
)

// ApplyChange applies news to its message, or keeps it until the message comes.
func (s *Store) ApplyChange(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, address string, c switchboard.Change) error {
	chat, err := s.FindChat(ctx, tx, ch.Account, ch.ID, address)
	if err == nil {
		id, seq, findErr := s.findProvider(ctx, tx, ch.Account, chat.ID, c.ProviderID)
		if findErr == nil {
			return s.applyTo(ctx, tx, ch.Account, chat, id, seq, c)
		}
		err = findErr
	}
	if !errors.Is(err, switchboard.ErrNotFound) {
		return err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode early news: %w", err)
	}
	_, err = s.on(tx).exec(ctx, keepEarly, ch.Account, ch.ID, address, c.ProviderID, c.Kind, ms(c.At), string(text))
	return err
}

func (s *Store) findProvider(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID, provider string) (id switchboard.MessageID, seq int64, err error) {
	err = scan(s.on(tx).one(ctx, findProvider, account, chat, provider), &id, &seq)
	return id, seq, err
}

// QuotedMessage gives our id of a quoted message, "" when it is not known.
func (s *Store) QuotedMessage(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID, provider string) (switchboard.MessageID, error) {
	id, _, err := s.findProvider(ctx, tx, account, chat, provider)
	if errors.Is(err, switchboard.ErrNotFound) {
		return "", nil
	}
	return id, err
}

func (s *Store) applyTo(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.FoundChat, id switchboard.MessageID, seq int64, c switchboard.Change) error {
	var n int64
	var err error
	kind := switchboard.EventMessageChanged
	switch c.Kind {
	case switchboard.ChangeEdit:
		content, encodeErr := contentText(c.Content)
		if encodeErr != nil {
			return fmt.Errorf("encode content: %w", encodeErr)
		}
		n, err = s.on(tx).exec(ctx, editMessage, account, chat.ID, id, c.Text, content, ms(c.At))
	case switchboard.ChangeDelete:
		n, err = s.on(tx).exec(ctx, deleteMessage, account, chat.ID, id, ms(c.At))
	case switchboard.ChangeStatus:
		kind = switchboard.EventMessageStatus
		n, err = s.on(tx).exec(ctx, forwardStatus, account, chat.ID, id, c.Status, c.Reason)
	}
	if err != nil || n == 0 {
		return err
	}
	s.Emit(tx, switchboard.Event{Account: account, Kind: kind, Chat: chat.ID, Client: chat.Client, Message: id, Seq: seq})
	return nil
}

// TakeEarly applies what was kept for a message that came just now.
func (s *Store) TakeEarly(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, address, provider string, stored switchboard.Stored) error {
	if provider == "" {
		return nil
	}
	r, err := s.on(tx).many(ctx, takeEarly, ch.Account, ch.ID, address, provider)
	kept, err := collect(r, err, func(r row) (c switchboard.Change, err error) {
		var when int64
		var text string
		if err := r.Scan(&c.Kind, &when, &text); err != nil {
			return c, err
		}
		kind := c.Kind
		err = json.Unmarshal([]byte(text), &c)
		c.Kind, c.At, c.ProviderID = kind, at(when), provider
		return c, err
	})
	if err != nil {
		return err
	}
	for _, c := range kept {
		if err := s.applyTo(ctx, tx, ch.Account, switchboard.FoundChat{ID: stored.Chat, Client: stored.Client}, stored.Message, stored.Seq, c); err != nil {
			return err
		}
	}
	return nil
}

// SetReachable notes that a peer blocked us or is back.
func (s *Store) SetReachable(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, address string, reachable bool) error {
	var chat switchboard.ChatID
	err := scan(s.on(tx).one(ctx, setReachable, ch.Account, ch.ID, address, bit(!reachable)), &chat)
	if errors.Is(err, switchboard.ErrNotFound) {
		return nil
	}
	if err == nil {
		s.Emit(tx, switchboard.Event{Account: ch.Account, Kind: switchboard.EventChatChanged, Chat: chat})
	}
	return err
}

// KeepIgnored lists something a channel ignores (CHAT-8).
func (s *Store) KeepIgnored(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, source, name, reason string) error {
	_, err := s.on(tx).exec(ctx, keepIgnored, ch.Account, ch.ID, source, name, reason, ms(s.clock()))
	return err
}

// Ignored lists what a channel ignores, newest first.
func (s *Store) Ignored(ctx context.Context, account switchboard.AccountID, channel switchboard.ChannelID) ([]switchboard.IgnoredSource, error) {
	r, err := s.on(nil).many(ctx, listIgnored, account, channel)
	return collect(r, err, func(r row) (i switchboard.IgnoredSource, err error) { return i, r.Scan(&i.Name, &i.Reason) })
}
