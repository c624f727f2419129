package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"switchboard"
)

var (
	waitForContact = query("keep a message until its contact is there", `
		INSERT INTO timeline_waiting (account_id, client_id, number, chat_id, seq, message_id) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT DO NOTHING`)
	hopefulSteps = query("count a client's open steps that did not fail", `
		SELECT count(*) FROM client_step WHERE account_id = $1 AND client_id = $2 AND state IN ('todo', 'sent') AND last_error = ''`)
	addIntent = query("mean to write a timeline entry", `
		INSERT INTO timeline_intent (account_id, chat_id, seq, message_id, contact_id, number, state) VALUES ($1, $2, $3, $4, $5, $6, 'todo')
		ON CONFLICT DO NOTHING`)
	takeWaiting = query("turn waiting messages into entries to write", `
		INSERT INTO timeline_intent (account_id, chat_id, seq, message_id, contact_id, number, state)
		SELECT account_id, chat_id, seq, message_id, $3, number, 'todo' FROM timeline_waiting WHERE account_id = $1 AND client_id = $2
		ON CONFLICT DO NOTHING`)
	followContact = query("move a client's entries to write to another contact", `
		UPDATE timeline_intent SET contact_id = $3, due_at = 0 WHERE account_id = $1 AND state = 'todo' AND contact_id <> $3
		AND chat_id IN (SELECT id FROM chat WHERE account_id = $1 AND client_id = $2)`)
	dropWaiting = query("drop waiting messages of a client", `DELETE FROM timeline_waiting WHERE account_id = $1 AND client_id = $2`)
	intentsTodo = query("list timeline entries to write", intents(`i.state = 'todo'
			AND NOT EXISTS (SELECT 1 FROM blocked b WHERE b.contact_id = i.contact_id AND b.number < i.number)`))
	intentsSent = query("list timeline entries of unknown outcome", intents(`i.state = 'sent'`))
	startIntent = query("note that a timeline entry is being written", `
		UPDATE timeline_intent SET state = 'sent', deals = $4, entry_at = $5, attempts = attempts + 1
		WHERE account_id = $1 AND chat_id = $2 AND seq = $3 AND state = 'todo'`)
	endIntent = query("note what became of a timeline entry", `
		UPDATE timeline_intent SET state = $4, remote_id = $5, due_at = $6, last_error = $7,
			contact_id = CASE WHEN $4 = 'todo' THEN COALESCE((SELECT k.contact_id FROM chat c JOIN client k
				ON k.account_id = c.account_id AND k.id = c.client_id
				WHERE c.account_id = $1 AND c.id = $2 AND k.contact_id <> ''), contact_id) ELSE contact_id END
		WHERE account_id = $1 AND chat_id = $2 AND seq = $3 AND state IN ('todo', 'sent')`)
	nextEntryAt = query("take the next time of a contact's timeline", `
		INSERT INTO contact (account_id, id, timeline_at) VALUES ($1, $2, $3) ON CONFLICT (account_id, id) DO UPDATE
		SET timeline_at = CASE WHEN contact.timeline_at >= EXCLUDED.timeline_at THEN contact.timeline_at + 1 ELSE EXCLUDED.timeline_at END
		RETURNING timeline_at`)
	openDeals = query("list a contact's open deals", `
		SELECT id FROM deal WHERE account_id = $1 AND contact_id = $2 AND open = 1 ORDER BY id LIMIT 50`)
	intentDue = query("say when a timeline entry is due", `
		WITH blocked AS MATERIALIZED (SELECT contact_id, MIN(number) AS number FROM timeline_intent
			WHERE account_id = $1 AND state IN ('todo', 'sent') AND (state = 'sent' OR due_at > $2) GROUP BY contact_id)
		SELECT MIN(i.due_at) FROM timeline_intent i WHERE i.account_id = $1 AND i.state IN ('todo', 'sent')
		AND NOT EXISTS (SELECT 1 FROM blocked b WHERE b.contact_id = i.contact_id AND b.number < i.number) HAVING COUNT(*) > 0`)
	timelineMissing = query("list accounts with timeline work", `
		SELECT c.account_id, c.id FROM crm_connection c WHERE c.state = 'active' AND (
			EXISTS (SELECT 1 FROM timeline_intent i WHERE i.account_id = c.account_id AND i.state IN ('todo', 'sent') AND i.due_at <= $1)
			OR EXISTS (SELECT 1 FROM follower f JOIN account_head h ON h.account_id = f.account_id
				WHERE f.account_id = c.account_id AND f.name = 'timeline' AND f.key = c.id AND f.position < h.number)) LIMIT $2`)
	dropIntents = query("drop written timeline entries", `
		DELETE FROM timeline_intent WHERE account_id = $1 AND state = 'done' AND entry_at < $2`)
)

// intents reads the oldest open entries that fit, with what they say. The contacts that
// an unsettled or delayed entry blocks are found first, and the state stands in the
// text: so both engines walk the index of the open entries in its order and stop at the
// limit, however many wait behind, and know nothing about the tables.
func intents(fit string) string {
	return `
		WITH blocked AS MATERIALIZED (SELECT contact_id, MIN(number) AS number FROM timeline_intent
			WHERE account_id = $1 AND state IN ('todo', 'sent') AND (state = 'sent' OR due_at > $2) GROUP BY contact_id)
		SELECT i.chat_id, i.seq, i.message_id, i.contact_id, i.number, i.deals, i.entry_at, i.attempts, i.state,
			m.direction, m.kind, m.text, m.content, m.stored_at, COALESCE(e.name, ''), COALESCE(e.owner_id, ''),
			c.client_id, c.name, h.name, h.transport
		FROM (SELECT * FROM timeline_intent i WHERE i.account_id = $1 AND i.state IN ('todo', 'sent') AND i.due_at <= $2
			AND ` + fit + ` ORDER BY i.number LIMIT $3) i
		JOIN message m ON m.account_id = i.account_id AND m.chat_id = i.chat_id AND m.seq = i.seq AND m.id = i.message_id
		JOIN chat c ON c.account_id = i.account_id AND c.id = i.chat_id
		JOIN channel h ON h.account_id = i.account_id AND h.id = c.channel_id
		LEFT JOIN employee e ON e.account_id = m.account_id AND e.id = m.author_id
		ORDER BY i.number`
}

// PlaceInTimeline turns a message into an entry to write or, while its client has no
// contact, into one that waits for it. The client is locked, so a contact that appears
// meanwhile takes the waiting ones along.
func (s *Store) PlaceInTimeline(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, m switchboard.TimelineMessage) error {
	c, _, err := s.LockClient(ctx, tx, account, m.Client)
	if err != nil {
		return fmt.Errorf("lock client: %w", err)
	}
	soon, err := s.recordsSoon(ctx, tx, account, c)
	if err != nil {
		return err
	}
	if c.Contact == "" || soon {
		_, err = s.on(tx).exec(ctx, waitForContact, account, m.Client, m.Number, m.Chat, m.Seq, m.Message)
		return err
	}
	_, err = s.on(tx).exec(ctx, addIntent, account, m.Chat, m.Seq, m.Message, c.Contact, m.Number)
	return err
}

// recordsSoon says that the saga is about to make the client's deal, which the entry
// then belongs to as well (TIME-1). A write that the CRM refused is not waited for.
func (s *Store) recordsSoon(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, c switchboard.Client) (bool, error) {
	if c.State != switchboard.ClientCreating {
		return false, nil
	}
	var steps int64
	err := scan(s.on(tx).one(ctx, hopefulSteps, account, c.ID), &steps)
	return steps > 0, err
}

// ContactAppeared turns the messages that waited for a client's contact into entries
// to write, in their order; those meant for a contact that is gone follow.
func (s *Store) ContactAppeared(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, client switchboard.ClientID, contact switchboard.ContactID) error {
	if _, err := s.on(tx).exec(ctx, takeWaiting, account, client, contact); err != nil {
		return err
	}
	if _, err := s.on(tx).exec(ctx, followContact, account, client, contact); err != nil {
		return err
	}
	_, err := s.on(tx).exec(ctx, dropWaiting, account, client)
	return err
}

// TimelineTodo lists entries to write, oldest first; none of a contact whose earlier
// entry is not settled.
func (s *Store) TimelineTodo(ctx context.Context, account switchboard.AccountID, limit int) ([]switchboard.TimelineIntent, error) {
	return s.intents(ctx, intentsTodo, account, limit)
}

// TimelineUnsettled lists entries whose write has no known outcome.
func (s *Store) TimelineUnsettled(ctx context.Context, account switchboard.AccountID, limit int) ([]switchboard.TimelineIntent, error) {
	return s.intents(ctx, intentsSent, account, limit)
}

func (s *Store) intents(ctx context.Context, q *Query, account switchboard.AccountID, limit int) ([]switchboard.TimelineIntent, error) {
	r, err := s.on(nil).many(ctx, q, account, ms(s.clock()), limit)
	return collect(r, err, func(r row) (i switchboard.TimelineIntent, err error) {
		var deals, content string
		var entryAt, when int64
		var now switchboard.StepState
		if err := r.Scan(&i.Chat, &i.Seq, &i.Message, &i.Contact, &i.Number, &deals, &entryAt, &i.Attempts, &now,
			&i.Direction, &i.Kind, &i.Text, &content, &when, &i.Author, &i.Owner, &i.Client, &i.Name, &i.Channel, &i.Transport); err != nil {
			return i, err
		}
		i.EntryAt, i.At, i.Sent = at(entryAt), at(when), now == switchboard.StepSent
		if deals != "" {
			if err := json.Unmarshal([]byte(deals), &i.Deals); err != nil {
				return i, err
			}
		}
		i.Content, err = readContent(content)
		return i, err
	})
}

// StartIntent marks an entry as being written: its deals are those open now, its time
// is later than that of any earlier entry of the contact (TIME-3). False when somebody
// else took it.
func (s *Store) StartIntent(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, i *switchboard.TimelineIntent) (bool, error) {
	r, err := s.on(tx).many(ctx, openDeals, account, i.Contact)
	if i.Deals, err = collect(r, err, func(r row) (d switchboard.DealID, err error) { return d, r.Scan(&d) }); err != nil {
		return false, err
	}
	var entryAt int64
	if err := scan(s.on(tx).one(ctx, nextEntryAt, account, i.Contact, ms(i.At)), &entryAt); err != nil {
		return false, fmt.Errorf("take the entry's time: %w", err)
	}
	i.EntryAt = at(entryAt)
	deals, err := toJSON(i.Deals)
	if err != nil {
		return false, err
	}
	n, err := s.on(tx).exec(ctx, startIntent, account, i.Chat, i.Seq, deals, entryAt)
	return n == 1, err
}

// EndIntent notes what became of an entry; one that is to be written again follows its
// client to the contact of now.
func (s *Store) EndIntent(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, r switchboard.TimelineResult) error {
	_, err := s.on(tx).exec(ctx, endIntent, account, r.Chat, r.Seq, r.State, r.Remote, ms(r.Due), r.Reason)
	return err
}

// TimelinePending says when an account's timeline has work: at once while the follower
// is behind, else when an entry is due that no earlier one of its contact holds back.
func (s *Store) TimelinePending(ctx context.Context, tx switchboard.Tx, key switchboard.Key) (*time.Time, error) {
	head, err := s.Head(ctx, tx, key.Account)
	if err != nil {
		return nil, err
	}
	var position int64
	err = scan(s.on(tx).one(ctx, readPosition, key.Account, "timeline", key.Key), &position)
	if errors.Is(err, switchboard.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if position < head {
		now := s.clock()
		return &now, nil
	}
	return s.due(ctx, tx, intentDue, key.Account, ms(s.clock()))
}

// TimelineMissing lists connections whose timeline has work, for the sweep.
func (s *Store) TimelineMissing(ctx context.Context, limit int) ([]switchboard.Key, error) {
	return s.dueKeys(ctx, timelineMissing, "timeline", limit)
}
