package store

import (
	"context"
	"fmt"
	"math"
	"slices"

	"switchboard"
	"switchboard/access"
)

const messageColumns = `m.chat_id, m.seq, m.id, m.direction, m.kind, m.text, m.content, m.at, m.edited_at, m.deleted_at, m.status, m.reason,
	m.author_id, COALESCE(e.name, ''), m.reply_to,
	COALESCE(q.seq, 0), COALESCE(q.direction, ''), COALESCE(q.kind, ''), COALESCE(substr(q.text, 1, 200), '')`

const messageTables = `LEFT JOIN employee e ON e.account_id = m.account_id AND e.id = m.author_id
	LEFT JOIN message q ON m.reply_to <> '' AND q.account_id = m.account_id AND q.chat_id = m.chat_id AND q.id = m.reply_to`

const messagesSeen = `SELECT ` + messageColumns + ` FROM chat c JOIN message m ON m.account_id = c.account_id AND m.chat_id = c.id ` +
	messageTables + ` WHERE ` + access.SeesChat + ` AND c.id = $3 AND `

var (
	messagesBefore = query("list a chat's messages before one", messagesSeen+`m.seq < $4 ORDER BY m.seq DESC LIMIT $5`)
	messagesAfter  = query("list a chat's messages after one", messagesSeen+`m.seq > $4 ORDER BY m.seq LIMIT $5`)
	messagesNamed  = hot("read messages by chat and number", `
		SELECT `+messageColumns+` FROM jsonb_to_recordset($2::jsonb) AS n("Chat" text, "Seq" bigint)
		JOIN message m ON m.account_id = $1 AND m.chat_id = n."Chat" AND m.seq = n."Seq" `+messageTables, `
		SELECT `+messageColumns+` FROM json_each($2) AS n
		CROSS JOIN message m ON m.account_id = $1 AND m.chat_id = n.value ->> 'Chat' AND m.seq = n.value ->> 'Seq' `+messageTables)
	quotesOf = hot("list the messages that quote others", `
		SELECT m.chat_id, m.seq FROM jsonb_to_recordset($2::jsonb) AS n("Chat" text, "ID" text)
		JOIN message m ON m.account_id = $1 AND m.chat_id = n."Chat" AND m.reply_to = n."ID" AND m.reply_to <> '' LIMIT $3`, `
		SELECT m.chat_id, m.seq FROM json_each($2) AS n
		CROSS JOIN message m ON m.account_id = $1 AND m.chat_id = n.value ->> 'Chat' AND m.reply_to = n.value ->> 'ID' AND m.reply_to <> '' LIMIT $3`)
	filesNamed = hot("read files by id", `
		SELECT id, channel_id, chat_id, kind, state, blob, name, mime, size, last_error FROM media
		WHERE account_id = $1 AND id = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb)))`, `
		SELECT id, channel_id, chat_id, kind, state, blob, name, mime, size, last_error FROM media
		WHERE account_id = $1 AND id IN (SELECT value FROM json_each($2))`)
	seenMedia = query("read a file of a chat that an employee may see", `
		SELECT f.channel_id, f.kind, f.state, f.blob, f.name, f.mime, f.size FROM chat c
		JOIN media f ON f.account_id = c.account_id AND f.chat_id = c.id
		WHERE `+access.SeesChat+` AND c.id = $3 AND f.id = $4`)
)

// ListMessages gives messages of a chat that the employee may see;
// switchboard.ErrNotFound for another's and a missing one alike (ROLE-4).
func (s *Store) ListMessages(ctx context.Context, account switchboard.AccountID, employee switchboard.EmployeeID, chat switchboard.ChatID, span switchboard.MessageSpan) (page switchboard.MessagePage, err error) {
	err = s.View(ctx, func(tx switchboard.Tx) error {
		if err := s.SeesChat(ctx, tx, account, employee, chat); err != nil {
			return err
		}
		var err error
		if page.Event, err = s.Head(ctx, tx, account); err != nil {
			return fmt.Errorf("read head: %w", err)
		}
		q, from := messagesBefore, span.Before
		if from == 0 {
			from = math.MaxInt64
		}
		if span.After != nil {
			q, from = messagesAfter, *span.After
		}
		r, err := s.on(tx).many(ctx, q, account, employee, chat, from, span.Limit+1)
		if page.Rows, err = collect(r, err, scanMessage); err != nil {
			return err
		}
		if page.More = len(page.Rows) > span.Limit; page.More {
			page.Rows = page.Rows[:span.Limit]
		}
		if span.After == nil {
			slices.Reverse(page.Rows)
		}
		return s.complete(ctx, tx, account, page.Rows, page.Event)
	})
	return page, err
}

// MessageRows reads messages by chat and number, in no order; rights are the caller's.
func (s *Store) MessageRows(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, refs []switchboard.MessageRef, version int64) ([]switchboard.MessageRow, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	list, err := toJSON(refs)
	if err != nil {
		return nil, fmt.Errorf("encode names: %w", err)
	}
	r, err := s.on(tx).many(ctx, messagesNamed, account, list)
	rows, err := collect(r, err, scanMessage)
	if err != nil {
		return nil, err
	}
	return rows, s.complete(ctx, tx, account, rows, version)
}

// messageName names one message by its id.
type messageName struct {
	Chat switchboard.ChatID
	ID   switchboard.MessageID
}

// maxQuotes bounds how many quoting messages follow a change.
const maxQuotes = 200

// QuotesOf lists messages that quote the given ones, 200 at most.
func (s *Store) QuotesOf(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, events []switchboard.Event) ([]switchboard.MessageRef, error) {
	if len(events) == 0 {
		return nil, nil
	}
	names := make([]messageName, 0, len(events))
	for _, e := range events {
		names = append(names, messageName{e.Chat, e.Message})
	}
	list, err := toJSON(names)
	if err != nil {
		return nil, fmt.Errorf("encode names: %w", err)
	}
	r, err := s.on(tx).many(ctx, quotesOf, account, list, maxQuotes)
	return collect(r, err, func(r row) (m switchboard.MessageRef, err error) { return m, r.Scan(&m.Chat, &m.Seq) })
}

func scanMessage(r row) (m switchboard.MessageRow, err error) {
	var content string
	var when, edited, deleted int64
	err = r.Scan(&m.Chat, &m.Seq, &m.ID, &m.Direction, &m.Kind, &m.Text, &content, &when, &edited, &deleted, &m.Status, &m.Reason,
		&m.Author, &m.AuthorName, &m.ReplyTo, &m.Quoted.Seq, &m.Quoted.Direction, &m.Quoted.Kind, &m.Quoted.Text)
	if err != nil {
		return m, err
	}
	m.At, m.EditedAt, m.DeletedAt = at(when), at(edited), at(deleted)
	m.Content, err = readContent(content)
	return m, err
}

// complete adds the files' states.
func (s *Store) complete(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, rows []switchboard.MessageRow, version int64) error {
	var ids []switchboard.MediaID
	for i := range rows {
		rows[i].Account, rows[i].Version = account, version
		for _, a := range rows[i].Content.Media {
			ids = append(ids, a.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	files, err := s.files(ctx, tx, account, ids)
	if err != nil {
		return fmt.Errorf("read files: %w", err)
	}
	for i := range rows {
		for _, a := range rows[i].Content.Media {
			f := files[a.ID]
			f.Account, f.ID = account, a.ID
			rows[i].Files = append(rows[i].Files, f)
		}
	}
	return nil
}

func (s *Store) files(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, ids []switchboard.MediaID) (map[switchboard.MediaID]switchboard.Media, error) {
	list, err := toJSON(ids)
	if err != nil {
		return nil, err
	}
	r, err := s.on(tx).many(ctx, filesNamed, account, list)
	all, err := collect(r, err, func(r row) (f switchboard.Media, err error) {
		return f, r.Scan(&f.ID, &f.Channel, &f.Chat, &f.Kind, &f.State, &f.Blob, &f.Name, &f.MIME, &f.Size, &f.Reason)
	})
	files := make(map[switchboard.MediaID]switchboard.Media, len(all))
	for _, f := range all {
		files[f.ID] = f
	}
	return files, err
}

// SeenMedia reads a file of a chat that the employee may see, else
// switchboard.ErrNotFound (ROLE-4).
func (s *Store) SeenMedia(ctx context.Context, account switchboard.AccountID, employee switchboard.EmployeeID, chat switchboard.ChatID, id switchboard.MediaID) (f switchboard.Media, err error) {
	f.Account, f.Chat, f.ID = account, chat, id
	err = scan(s.on(nil).one(ctx, seenMedia, account, employee, chat, id), &f.Channel, &f.Kind, &f.State, &f.Blob, &f.Name, &f.MIME, &f.Size)
	return f, err
}
