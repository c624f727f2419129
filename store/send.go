package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"switchboard"
)

var (
	lockChat = hot("read a chat and lock it", `
		SELECT channel_id, client_id, address, last_seq, unanswered, unreachable FROM chat WHERE account_id = $1 AND id = $2 FOR UPDATE`, `
		SELECT channel_id, client_id, address, last_seq, unanswered, unreachable FROM chat WHERE account_id = $1 AND id = $2`)
	findSent = query("find an outgoing message by its id", `
		SELECT seq, direction, text, status FROM message WHERE account_id = $1 AND chat_id = $2 AND id = $3`)
	moveChatOut = query("move a chat's counters for an outgoing message", `
		UPDATE chat SET last_seq = last_seq + 1, last_at = CASE WHEN last_at > $3 THEN last_at ELSE $3 END,
			unanswered = 0, waiting = 0, waiting_since = 0
		WHERE account_id = $1 AND id = $2 RETURNING last_seq, last_at`)
	recount = query("count a chat's unanswered messages anew", `
		UPDATE chat SET unanswered = x.n, waiting = CASE WHEN x.n > 0 THEN 1 ELSE 0 END, waiting_since = x.since
		FROM (SELECT count(*) AS n, COALESCE(MIN(m.stored_at), 0) AS since FROM message m
			WHERE m.account_id = $1 AND m.chat_id = $2 AND m.direction = 'in' AND m.kind <> 'service'
			AND m.seq > (SELECT c.answered_seq FROM chat c WHERE c.account_id = $1 AND c.id = $2)
			AND m.seq > COALESCE((SELECT MAX(o.seq) FROM message o WHERE o.account_id = $1 AND o.chat_id = $2
				AND o.direction = 'out' AND o.kind <> 'service' AND o.status <> 'failed'), 0)) x
		WHERE chat.account_id = $1 AND chat.id = $2
		RETURNING chat.unanswered, chat.waiting, chat.last_at`)
	addAttempt = query("add a send attempt", `
		INSERT INTO send_attempt (account_id, chat_id, message_id, number, seq, state, due_at)
		SELECT $1, $2, $3, COALESCE((SELECT MAX(number) FROM send_attempt WHERE account_id = $1 AND chat_id = $2 AND message_id = $3), 0) + 1,
			CAST($4 AS BIGINT), 'queued', CAST($5 AS BIGINT)`)
	nextAttempt = query("find the next send attempt of a chat", `
		SELECT message_id, number, seq, state, due_at, tries, node FROM send_attempt
		WHERE account_id = $1 AND chat_id = $2 AND state IN ('queued', 'sending') ORDER BY seq LIMIT 1`)
	startAttempt = query("start a send attempt", `
		UPDATE send_attempt SET state = 'sending', node = $5, tries = tries + 1, started_at = $6
		WHERE account_id = $1 AND chat_id = $2 AND message_id = $3 AND number = $4 AND state = 'queued' RETURNING tries`)
	endAttempt = query("end a send attempt", `
		UPDATE send_attempt SET state = $6, due_at = $7, last_error = $8, ended_at = $9
		WHERE account_id = $1 AND chat_id = $2 AND message_id = $3 AND number = $4 AND state = 'sending' AND tries = $5`)
	refuseAttempt = query("refuse a queued send attempt", `
		UPDATE send_attempt SET state = 'failed', last_error = $5, ended_at = $6
		WHERE account_id = $1 AND chat_id = $2 AND message_id = $3 AND number = $4 AND state = 'queued'`)
	setSent = query("note what became of an outgoing message", `
		UPDATE message SET status = $4, reason = $5, provider_id = CASE WHEN $6 = '' THEN provider_id ELSE $6 END
		WHERE account_id = $1 AND chat_id = $2 AND id = $3 AND direction = 'out'
		AND status NOT IN ('delivered', 'read')`)
	moveAddress = query("note a chat's new address", `UPDATE chat SET address = $3 WHERE account_id = $1 AND id = $2`)
	sendPending = query("say when a chat has something to send", `
		SELECT CASE state WHEN 'sending' THEN 0 ELSE due_at END FROM send_attempt
		WHERE account_id = $1 AND chat_id = $2 AND state IN ('queued', 'sending') ORDER BY seq LIMIT 1`)
	sendMissing = query("list chats with something to send", `
		SELECT DISTINCT account_id, chat_id FROM send_attempt
		WHERE state IN ('queued', 'sending') AND due_at <= $1 LIMIT $2`)
	clearWaiting = query("note that a chat needs no reply", `
		UPDATE chat SET cleared_from = answered_seq, answered_seq = last_seq, cleared_at = $3, unanswered = 0, waiting = 0, waiting_since = 0
		WHERE account_id = $1 AND id = $2 AND unanswered > 0 RETURNING last_at`)
	restoreWaiting = query("take back that a chat needs no reply", `
		UPDATE chat SET answered_seq = cleared_from, cleared_at = 0 WHERE account_id = $1 AND id = $2 AND cleared_at >= $3`)
	readOutbound = query("read what is to be sent", `
		SELECT m.id, m.seq, m.kind, m.text, m.content, m.at, m.author_id, COALESCE(e.name, ''), c.channel_id, c.address, c.client_id,
			COALESCE((SELECT q.provider_id FROM message q WHERE q.account_id = m.account_id AND q.chat_id = m.chat_id AND q.id = m.reply_to), '')
		FROM message m JOIN chat c ON c.account_id = m.account_id AND c.id = m.chat_id
		LEFT JOIN employee e ON e.account_id = m.account_id AND e.id = m.author_id
		WHERE m.account_id = $1 AND m.chat_id = $2 AND m.id = $3`)
)

// LockChat reads a chat and keeps others from moving it until the end of tx.
func (s *Store) LockChat(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ChatID) (c switchboard.Chat, err error) {
	var unreachable int64
	c.Account, c.ID = account, id
	err = scan(s.on(tx).one(ctx, lockChat, account, id), &c.Channel, &c.Client, &c.Address, &c.LastSeq, &c.Unanswered, &unreachable)
	c.Unreachable = unreachable == 1
	return c, err
}

// FindMessage finds a message of a chat by its id. tx may be nil.
func (s *Store) FindMessage(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID, id switchboard.MessageID) (m switchboard.Message, err error) {
	m.Account, m.Chat, m.ID = account, chat, id
	err = scan(s.on(tx).one(ctx, findSent, account, chat, id), &m.Seq, &m.Direction, &m.Text, &m.Status)
	return m, err
}

// AddOutgoing adds a queued message with its first attempt and answers the chat
// (UNANS-1). The chat must be locked and the job inserted before. It gives the seq.
func (s *Store) AddOutgoing(ctx context.Context, tx switchboard.Tx, m switchboard.Message, client switchboard.ClientID) (int64, error) {
	q, now := s.on(tx), ms(s.clock())
	content, err := contentText(m.Content)
	if err != nil {
		return 0, fmt.Errorf("encode content: %w", err)
	}
	var seq, lastAt int64
	if err := scan(q.one(ctx, moveChatOut, m.Account, m.Chat, now), &seq, &lastAt); err != nil {
		return 0, err
	}
	if _, err := q.exec(ctx, addMessage, m.Account, m.Chat, seq, m.ID, switchboard.Out, m.Kind, m.Text, content, m.Author, m.ReplyTo,
		"", now, now, switchboard.StatusQueued, 0); err != nil {
		return 0, err
	}
	if _, err := q.exec(ctx, addAttempt, m.Account, m.Chat, m.ID, seq, now); err != nil {
		return 0, err
	}
	if _, err := q.exec(ctx, moveOwners, m.Account, m.Chat, 0, 0, lastAt); err != nil {
		return 0, err
	}
	s.Emit(tx, switchboard.Event{Account: m.Account, Kind: switchboard.EventMessageAdded, Chat: m.Chat, Client: client, Message: m.ID, Seq: seq})
	return seq, nil
}

// AddAttempt queues one more attempt of a failed or maybe sent message (CHAT-5).
func (s *Store) AddAttempt(ctx context.Context, tx switchboard.Tx, m switchboard.Message, client switchboard.ClientID) error {
	if _, err := s.on(tx).exec(ctx, addAttempt, m.Account, m.Chat, m.ID, m.Seq, ms(s.clock())); err != nil {
		return err
	}
	return s.setStatus(ctx, tx, switchboard.Attempt{Account: m.Account, Chat: m.Chat, Message: m.ID, Seq: m.Seq, Client: client}, switchboard.StatusQueued, "", "")
}

// NextAttempt gives the chat's oldest open attempt; switchboard.ErrNotFound when there
// is none.
func (s *Store) NextAttempt(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID) (a switchboard.Attempt, err error) {
	var due int64
	a.Account, a.Chat = account, chat
	err = scan(s.on(tx).one(ctx, nextAttempt, account, chat), &a.Message, &a.Number, &a.Seq, &a.State, &due, &a.Tries, &a.Node)
	a.Due = at(due)
	return a, err
}

// StartAttempt marks a queued attempt as under way; false when somebody else did.
func (s *Store) StartAttempt(ctx context.Context, tx switchboard.Tx, a *switchboard.Attempt, node string) (bool, error) {
	err := scan(s.on(tx).one(ctx, startAttempt, a.Account, a.Chat, a.Message, a.Number, node, ms(s.clock())), &a.Tries)
	if errors.Is(err, switchboard.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, s.setStatus(ctx, tx, *a, switchboard.StatusSending, "", "")
}

// EndAttempt notes the outcome of the try that StartAttempt began; false when it is
// not ours any more (fence: another node settled it). Queued puts it back until due.
func (s *Store) EndAttempt(ctx context.Context, tx switchboard.Tx, a switchboard.Attempt, status switchboard.Status, due time.Time, reason, provider string) (bool, error) {
	n, err := s.on(tx).exec(ctx, endAttempt, a.Account, a.Chat, a.Message, a.Number, a.Tries, status, ms(due), reason, ms(s.clock()))
	if err != nil || n == 0 {
		return false, err
	}
	return true, s.setStatus(ctx, tx, a, status, reason, provider)
}

// RefuseAttempt fails an attempt that was not started.
func (s *Store) RefuseAttempt(ctx context.Context, tx switchboard.Tx, a switchboard.Attempt, reason string) error {
	n, err := s.on(tx).exec(ctx, refuseAttempt, a.Account, a.Chat, a.Message, a.Number, reason, ms(s.clock()))
	if err != nil || n == 0 {
		return err
	}
	return s.setStatus(ctx, tx, a, switchboard.StatusFailed, reason, "")
}

func (s *Store) setStatus(ctx context.Context, tx switchboard.Tx, a switchboard.Attempt, status switchboard.Status, reason, provider string) error {
	if status == switchboard.StatusQueued || status == switchboard.StatusSending {
		reason = ""
	}
	if _, err := s.on(tx).exec(ctx, setSent, a.Account, a.Chat, a.Message, status, reason, provider); err != nil {
		return err
	}
	if err := s.Recount(ctx, tx, a.Account, a.Chat); err != nil {
		return err
	}
	s.Emit(tx, switchboard.Event{Account: a.Account, Kind: switchboard.EventMessageStatus, Chat: a.Chat, Client: a.Client, Message: a.Message, Seq: a.Seq})
	return nil
}

// Recount counts a chat's unanswered messages anew (UNANS-1: a failed answer gives the
// count back).
func (s *Store) Recount(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID) error {
	var unanswered, waiting, lastAt int64
	if err := scan(s.on(tx).one(ctx, recount, account, chat), &unanswered, &waiting, &lastAt); err != nil {
		return fmt.Errorf("recount: %w", err)
	}
	_, err := s.on(tx).exec(ctx, moveOwners, account, chat, unanswered, waiting, lastAt)
	return err
}

// ClearUnanswered is «Отвечать не нужно»; false when nothing was unanswered.
func (s *Store) ClearUnanswered(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID) (bool, error) {
	var lastAt int64
	err := scan(s.on(tx).one(ctx, clearWaiting, account, chat, ms(s.clock())), &lastAt)
	if errors.Is(err, switchboard.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, err := s.on(tx).exec(ctx, moveOwners, account, chat, 0, 0, lastAt); err != nil {
		return false, err
	}
	s.Emit(tx, switchboard.Event{Account: account, Kind: switchboard.EventChatChanged, Chat: chat})
	return true, nil
}

// RestoreUnanswered takes ClearUnanswered back if it happened since; false when not.
func (s *Store) RestoreUnanswered(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID, since time.Time) (bool, error) {
	n, err := s.on(tx).exec(ctx, restoreWaiting, account, chat, ms(since))
	if err != nil || n == 0 {
		return false, err
	}
	if err := s.Recount(ctx, tx, account, chat); err != nil {
		return false, err
	}
	s.Emit(tx, switchboard.Event{Account: account, Kind: switchboard.EventChatChanged, Chat: chat})
	return true, nil
}

// Outgoing reads what an attempt sends. tx may be nil.
func (s *Store) Outgoing(ctx context.Context, tx switchboard.Tx, a switchboard.Attempt) (o switchboard.Outgoing, err error) {
	m := &o.Message
	var content string
	var when int64
	m.Account, m.Chat = a.Account, a.Chat
	if err := scan(s.on(tx).one(ctx, readOutbound, a.Account, a.Chat, a.Message), &m.ID, &m.Seq, &m.Kind, &m.Text, &content, &when,
		&m.Author, &o.Author, &o.Channel, &o.Address, &o.Client, &o.Quoted); err != nil {
		return o, err
	}
	m.At = at(when)
	m.Content, err = readContent(content)
	return o, err
}

// MoveAddress notes that the messenger moved a chat.
func (s *Store) MoveAddress(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID, address string) error {
	_, err := s.on(tx).exec(ctx, moveAddress, account, chat, address)
	return err
}

// SendPending says when the chat has something to send; nil when it has not.
func (s *Store) SendPending(ctx context.Context, tx switchboard.Tx, key switchboard.Key) (*time.Time, error) {
	return s.due(ctx, tx, sendPending, key.Account, key.Key)
}

// SendMissing lists chats with something due, for the sweep.
func (s *Store) SendMissing(ctx context.Context, limit int) ([]switchboard.Key, error) {
	return s.dueKeys(ctx, sendMissing, "send", limit)
}
