package store

import (
	"context"
	"fmt"

	"switchboard"
)

// addKnownBatch is the hot path on PostgreSQL: dedupe, chat, message, raw body, view,
// owners' counters, event numbers and events in one statement, for any number of
// messages. The counter of the account is updated from a count of what was numbered,
// so the chats' locks are taken before it, as everywhere else.
var addKnownBatch = hot("add messages of settled chats at once", `
WITH input AS (
	SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
		$10::bigint[], $11::bigint[], $12::bigint[], $13::text[], $14::bytea[])
	WITH ORDINALITY AS i(channel_id, address, key, message_id, kind, text, content, provider_id, at, counts, views, raw_id, raw, n)
), known AS (
	SELECT i.*, c.id AS chat_id FROM input i
	JOIN chat c ON c.account_id = $1 AND c.channel_id = i.channel_id AND c.address = i.address AND c.settled = 1
	WHERE NOT EXISTS (SELECT 1 FROM early_change e WHERE e.account_id = $1 AND e.channel_id = i.channel_id
		AND e.address = i.address AND e.provider_id = i.provider_id)
	AND (i.views = 0 OR NOT EXISTS (SELECT 1 FROM message m WHERE m.account_id = $1 AND m.chat_id = c.id AND m.id = i.message_id))
), fresh AS (
	INSERT INTO dedupe (account_id, channel_id, key, chat_id, message_id)
	SELECT $1, channel_id, key, chat_id, message_id FROM known ORDER BY channel_id, key
	ON CONFLICT DO NOTHING RETURNING channel_id, key, message_id
), numbered AS (
	SELECT k.*, row_number() OVER (PARTITION BY k.chat_id ORDER BY k.n) AS nth,
		sum(k.views) OVER (PARTITION BY k.chat_id ORDER BY k.n) AS view_nth, row_number() OVER (ORDER BY k.n) AS event_nth
	FROM known k JOIN fresh f ON f.channel_id = k.channel_id AND f.key = k.key AND f.message_id = k.message_id
), moved AS (
	UPDATE chat c SET last_seq = c.last_seq + g.messages, last_at = GREATEST(c.last_at, $15),
		waiting_since = CASE WHEN g.counts > 0 AND c.unanswered = 0 THEN $15 ELSE c.waiting_since END,
		unanswered = c.unanswered + g.counts, waiting = CASE WHEN c.unanswered + g.counts > 0 THEN 1 ELSE 0 END,
		view_seq = c.view_seq + g.views, unreachable = 0
	FROM (SELECT chat_id, count(*) AS messages, sum(counts)::bigint AS counts, sum(views)::bigint AS views
		FROM numbered GROUP BY chat_id ORDER BY chat_id) g
	WHERE c.account_id = $1 AND c.id = g.chat_id
	RETURNING c.id, c.last_seq - g.messages AS base, c.view_seq - g.views AS view_base, c.client_id, c.unanswered, c.waiting, c.last_at
), placed AS (
	SELECT n.*, m.base + n.nth AS seq, CASE WHEN n.views > 0 THEN m.view_base + n.view_nth ELSE 0 END AS view_seq, m.client_id
	FROM numbered n JOIN moved m ON m.id = n.chat_id
), added AS (
	INSERT INTO message (account_id, chat_id, seq, id, direction, kind, text, content, provider_id, at, stored_at, status, view_seq)
	SELECT $1, chat_id, seq, message_id, 'in', kind, text, content, provider_id, at, $15, 'received', view_seq FROM placed
), viewed AS (
	INSERT INTO view_entry (account_id, chat_id, seq, kind, id, message_id, at)
	SELECT $1, chat_id, view_seq, 'message', message_id, message_id, $15 FROM placed WHERE views > 0
), owned AS (
	UPDATE chat_owner o SET unanswered = m.unanswered, waiting = m.waiting, last_at = m.last_at
	FROM moved m WHERE o.account_id = $1 AND o.chat_id = m.id
), bodies AS (
	INSERT INTO raw_body (account_id, id, channel_id, at, body)
	SELECT DISTINCT ON (raw_id) $1, raw_id, channel_id, $15, raw FROM placed ON CONFLICT DO NOTHING
), head AS (
	UPDATE account_head SET number = number + (SELECT count(*) FROM placed) WHERE account_id = $1 RETURNING number
), journal AS (
	INSERT INTO event (account_id, number, kind, at, chat_id, client_id, message_id, seq)
	SELECT $1, h.number - (SELECT count(*) FROM placed) + p.event_nth, 'message.added', $15, p.chat_id, p.client_id, p.message_id, p.seq
	FROM placed p CROSS JOIN head h
)
SELECT n, chat_id, client_id, message_id, seq, view_seq FROM placed`, "")

func (s *Store) addKnownAtOnce(ctx context.Context, tx switchboard.Tx, in []switchboard.Incoming) ([]switchboard.Stored, error) {
	now := ms(s.clock())
	args, err := columns(in, now)
	if err != nil {
		return nil, err
	}
	out := make([]switchboard.Stored, len(in))
	r, err := s.on(tx).many(ctx, addKnownBatch, args...)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	stored := false
	for r.Next() {
		var n int64
		one := switchboard.Stored{Known: true, At: at(now)}
		if err := r.Scan(&n, &one.Chat, &one.Client, &one.Message, &one.Seq, &one.ViewSeq); err != nil {
			return nil, fmt.Errorf("read stored message: %w", err)
		}
		out[n-1], stored = one, true
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	if stored && tx == nil {
		s.hints.tell([]switchboard.Event{{Account: in[0].Message.Account}})
	}
	return out, nil
}

// columns turns messages into one array per column, as unnest wants them.
func columns(in []switchboard.Incoming, now int64) ([]any, error) {
	n := len(in)
	text := make([][]string, 9)
	for i := range text {
		text[i] = make([]string, n)
	}
	numbers := [3][]int64{make([]int64, n), make([]int64, n), make([]int64, n)}
	raws := make([][]byte, n)
	for i := range in {
		m := &in[i].Message
		content, err := contentText(m.Content)
		if err != nil {
			return nil, fmt.Errorf("encode content: %w", err)
		}
		for c, v := range []string{string(in[i].Channel), in[i].Address, in[i].Key, string(m.ID), string(m.Kind), m.Text,
			content, m.ProviderID, in[i].RawID} {
			text[c][i] = v
		}
		numbers[0][i], numbers[1][i], numbers[2][i] = ms(m.At), bit(in[i].Counts), bit(in[i].NumbersView)
		raws[i] = in[i].Raw
	}
	return []any{string(in[0].Message.Account), text[0], text[1], text[2], text[3], text[4], text[5], text[6], text[7],
		numbers[0], numbers[1], numbers[2], text[8], raws, now}, nil
}
