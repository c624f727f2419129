package store

import (
	"context"
	"time"

	"switchboard"
)

var (
	addMedia = query("add a file", `
		INSERT INTO media (account_id, id, channel_id, chat_id, kind, state, source, blob, name, mime, size, used, due_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)`)
	readMedia = query("read a file", `
		SELECT channel_id, chat_id, kind, state, source, blob, name, mime, size, attempts, last_error
		FROM media WHERE account_id = $1 AND id = $2`)
	mediaDone = query("note a fetched file", `
		UPDATE media SET state = 'ready', blob = $3, mime = $4, size = $5, last_error = '' WHERE account_id = $1 AND id = $2 AND state = 'fetching'`)
	mediaFailed = query("note a failed fetch", `
		UPDATE media SET state = CASE WHEN $4 = 0 THEN 'failed' ELSE state END, attempts = attempts + 1, last_error = $3,
			due_at = $4 WHERE account_id = $1 AND id = $2 AND state = 'fetching'`)
	useMedia = query("note that a file is sent", `
		UPDATE media SET used = 1 WHERE account_id = $1 AND id = $2 AND chat_id = $3 AND state = 'ready'`)
	mediaPending = query("say when a file is due", `
		SELECT due_at FROM media WHERE account_id = $1 AND id = $2 AND state = 'fetching'`)
	mediaMissing = query("list files to fetch", `
		SELECT account_id, id FROM media WHERE state = 'fetching' AND due_at <= $1 ORDER BY due_at LIMIT $2`)
	mediaMessage = query("find the message of a file", `
		SELECT m.id, m.seq, c.client_id FROM message m JOIN chat c ON c.account_id = m.account_id AND c.id = m.chat_id
		WHERE m.account_id = $1 AND m.chat_id = $2 AND m.content LIKE $3 ORDER BY m.seq DESC LIMIT 1`)
)

// AddMedia adds a file that is to be fetched (with its job inserted before) or that
// an employee uploaded.
func (s *Store) AddMedia(ctx context.Context, tx switchboard.Tx, m switchboard.Media) error {
	_, err := s.on(tx).exec(ctx, addMedia, m.Account, m.ID, m.Channel, m.Chat, m.Kind, m.State, m.Source, m.Blob, m.Name, m.MIME, m.Size,
		bit(m.Source != ""), ms(s.clock()))
	return err
}

// Media reads a file. tx may be nil.
func (s *Store) Media(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.MediaID) (m switchboard.Media, err error) {
	m.Account, m.ID = account, id
	err = scan(s.on(tx).one(ctx, readMedia, account, id), &m.Channel, &m.Chat, &m.Kind, &m.State, &m.Source, &m.Blob, &m.Name,
		&m.MIME, &m.Size, &m.Attempts, &m.Reason)
	return m, err
}

// UseMedia marks an upload as sent; false when it is not a ready file of the chat.
func (s *Store) UseMedia(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID, id switchboard.MediaID) (bool, error) {
	n, err := s.on(tx).exec(ctx, useMedia, account, id, chat)
	return n == 1, err
}

// MediaReady notes a fetched file and tells its chat.
func (s *Store) MediaReady(ctx context.Context, tx switchboard.Tx, m switchboard.Media) error {
	if _, err := s.on(tx).exec(ctx, mediaDone, m.Account, m.ID, m.Blob, m.MIME, m.Size); err != nil {
		return err
	}
	return s.emitMedia(ctx, tx, m)
}

// MediaFailed notes a failed fetch: tried again at next, or given up when next is zero.
func (s *Store) MediaFailed(ctx context.Context, tx switchboard.Tx, m switchboard.Media, reason string, next time.Time) error {
	if _, err := s.on(tx).exec(ctx, mediaFailed, m.Account, m.ID, reason, ms(next)); err != nil {
		return err
	}
	if !next.IsZero() {
		return nil
	}
	return s.emitMedia(ctx, tx, m)
}

func (s *Store) emitMedia(ctx context.Context, tx switchboard.Tx, m switchboard.Media) error {
	e := switchboard.Event{Account: m.Account, Kind: switchboard.EventMessageChanged, Chat: m.Chat}
	if err := scan(s.on(tx).one(ctx, mediaMessage, m.Account, m.Chat, "%"+string(m.ID)+"%"), &e.Message, &e.Seq, &e.Client); err != nil {
		return err
	}
	s.Emit(tx, e)
	return nil
}

// MediaPending says when a file is due to be fetched; nil when it is not.
func (s *Store) MediaPending(ctx context.Context, tx switchboard.Tx, key switchboard.Key) (*time.Time, error) {
	return s.due(ctx, tx, mediaPending, key.Account, key.Key)
}

// MediaMissing lists files due, for the sweep.
func (s *Store) MediaMissing(ctx context.Context, limit int) ([]switchboard.Key, error) {
	return s.dueKeys(ctx, mediaMissing, "media", limit)
}
