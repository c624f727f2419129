package store

import (
	"context"
	"fmt"
	"strings"

	"switchboard"
)

var (
	addVisitor = query("add a visitor's session", `
		INSERT INTO webchat_session (account_id, channel_id, id, token_hash, name, phone, phone_e164, email, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`)
	findVisitor = query("find a visitor's session by its token's hash", `
		SELECT id, name, phone, phone_e164, email, created_at FROM webchat_session
		WHERE token_hash = $1 AND account_id = $2 AND channel_id = $3`)
	visitorThere = query("say whether a visitor's session is there", `
		SELECT 1 FROM webchat_session WHERE account_id = $1 AND channel_id = $2 AND id = $3`)
	readView = query("list the entries of a client's view", `
		SELECT v.seq, v.id, v.at, v.kind, v.message_id, v.text, m.direction, m.kind, m.text, m.deleted_at, COALESCE(e.name, '')
		FROM chat c JOIN view_entry v ON v.account_id = c.account_id AND v.chat_id = c.id
		JOIN message m ON m.account_id = v.account_id AND m.chat_id = v.chat_id AND m.id = v.message_id
		LEFT JOIN employee e ON e.account_id = m.account_id AND e.id = m.author_id
		WHERE c.account_id = $1 AND c.channel_id = $2 AND c.address = $3 AND v.seq > $4 ORDER BY v.seq LIMIT $5`)
	lockView = hot("find a message's place in the client's view and lock the chat", `
		SELECT m.view_seq FROM chat c JOIN message m ON m.account_id = c.account_id AND m.chat_id = c.id
		WHERE c.account_id = $1 AND c.id = $2 AND m.id = $3 FOR UPDATE OF c`, `
		SELECT m.view_seq FROM chat c JOIN message m ON m.account_id = c.account_id AND m.chat_id = c.id
		WHERE c.account_id = $1 AND c.id = $2 AND m.id = $3`)
	placeOf = query("read a message's place in the client's view", `
		SELECT view_seq FROM message WHERE account_id = $1 AND chat_id = $2 AND id = $3`)
	moveView = query("move a client's view", `
		UPDATE chat SET view_seq = view_seq + 1 WHERE account_id = $1 AND id = $2 RETURNING view_seq`)
	setPlace = query("note a message's place in the client's view", `
		UPDATE message SET view_seq = $4 WHERE account_id = $1 AND chat_id = $2 AND id = $3`)
)

// AddVisitor adds a site visitor's session; only the hash of the token is kept.
func (s *Store) AddVisitor(ctx context.Context, ch switchboard.Channel, v switchboard.VisitorSession) error {
	_, err := s.on(nil).exec(ctx, addVisitor, ch.Account, ch.ID, v.ID, v.TokenHash, v.Name, v.Phone, v.PhoneE164, v.Email, ms(v.CreatedAt))
	return err
}

// Visitor finds a session of the channel by its token's hash, else
// switchboard.ErrNotFound.
func (s *Store) Visitor(ctx context.Context, ch switchboard.Channel, hash string) (v switchboard.VisitorSession, err error) {
	var created int64
	v.TokenHash = hash
	err = scan(s.on(nil).one(ctx, findVisitor, hash, ch.Account, ch.ID), &v.ID, &v.Name, &v.Phone, &v.PhoneE164, &v.Email, &created)
	v.CreatedAt = at(created)
	return v, err
}

// ViewEntries gives what a visitor may see behind a number, rising; nothing for a
// session without a chat. A deleted message has no text any more.
func (s *Store) ViewEntries(ctx context.Context, ch switchboard.Channel, session string, after int64, limit int) ([]switchboard.ViewEntry, error) {
	r, err := s.on(nil).many(ctx, readView, ch.Account, ch.ID, session, after, limit)
	return collect(r, err, func(r row) (e switchboard.ViewEntry, err error) {
		var kind, changed, current, author string
		var target switchboard.MessageID
		var when, deleted int64
		err = r.Scan(&e.Seq, &e.ID, &when, &kind, &target, &changed, &e.Direction, &e.Kind, &current, &deleted, &author)
		e.At, e.Author = at(when), firstName(author)
		switch {
		case kind != "message":
			e.Change, e.Target, e.Text = kind, target, changed
		default:
			e.Text = current
		}
		if deleted != 0 {
			e.Text = ""
		}
		return e, err
	})
}

// firstName is what clients are shown of an employee.
func firstName(name string) string {
	if words := strings.Fields(name); len(words) > 0 {
		return words[0]
	}
	return ""
}

// AppendView adds one of our messages to the client's view and gives its number there;
// repeated, it gives the same number. switchboard.ErrNotFound when the session is gone.
func (s *Store) AppendView(ctx context.Context, ch switchboard.Channel, session string, chat switchboard.ChatID, id switchboard.MessageID) (seq int64, err error) {
	err = s.InTx(ctx, func(tx switchboard.Tx) error {
		q := s.on(tx)
		var one int64
		if err := scan(q.one(ctx, visitorThere, ch.Account, ch.ID, session), &one); err != nil {
			return err
		}
		if err := scan(q.one(ctx, lockView, ch.Account, chat, id), &seq); err != nil {
			return err
		}
		// Read anew behind the lock: PostgreSQL gives the joined row as it was before.
		if err := scan(q.one(ctx, placeOf, ch.Account, chat, id), &seq); err != nil || seq > 0 {
			return err
		}
		if err := scan(q.one(ctx, moveView, ch.Account, chat), &seq); err != nil {
			return fmt.Errorf("move view: %w", err)
		}
		if _, err := q.exec(ctx, setPlace, ch.Account, chat, id, seq); err != nil {
			return err
		}
		if _, err := q.exec(ctx, addView, ch.Account, chat, seq, "message", id, id, "", ms(s.clock())); err != nil {
			return err
		}
		AfterCommit(tx, func() { s.hints.tell([]switchboard.Event{{Account: ch.Account}}) })
		return nil
	})
	return seq, err
}
