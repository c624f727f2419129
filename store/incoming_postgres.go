package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"switchboard"
)

// On PostgreSQL messages of settled chats are stored by two statements in one round
// trip and one transaction. The first locks the chats, in the order in which the long
// way does; the second sees everything that was committed before (owners, early news)
// and writes dedupe keys, messages, counters, raw bodies, the client's view, owners'
// copies, event numbers and events. One message has a text of its own: an executor
// starts it in half the time.
//
// The tables that grow are reached by LATERAL ... LIMIT or by row address, so that no
// plan can scan an account's rows, however old the statistics are.
var (
	lockKnownOne = hot("lock the chat of a message", `
		SELECT 1 FROM chat WHERE account_id = $1 AND channel_id = $2 AND address = $3 FOR UPDATE`, "")
	addKnownOne = hot("add a message of a settled chat at once", `
WITH found AS (
	SELECT c.id FROM chat c WHERE c.account_id = $1 AND c.channel_id = $2 AND c.address = $3 AND c.settled = 1
	AND NOT EXISTS (SELECT 1 FROM early_change e WHERE e.account_id = $1 AND e.channel_id = $2 AND e.address = $3 AND e.provider_id = $8)
	AND ($11::bigint = 0 OR NOT EXISTS (SELECT 1 FROM message m WHERE m.account_id = $1 AND m.chat_id = c.id AND m.id = $5))
	LIMIT 1
), fresh AS (
	INSERT INTO dedupe (account_id, channel_id, key, chat_id, message_id)
	SELECT $1, $2, $4, id, $5 FROM found`+onSeenKey+` RETURNING chat_id
), moved AS (
	UPDATE chat c SET last_seq = c.last_seq + 1, last_at = GREATEST(c.last_at, $15::bigint),
		waiting_since = CASE WHEN $10::bigint > 0 AND c.unanswered = 0 THEN $15::bigint ELSE c.waiting_since END,
		unanswered = c.unanswered + $10::bigint, waiting = CASE WHEN c.unanswered + $10::bigint > 0 THEN 1 ELSE 0 END,
		view_seq = c.view_seq + $11::bigint, unreachable = 0
	FROM fresh f WHERE c.account_id = $1 AND c.id = f.chat_id
	RETURNING c.id, c.last_seq, c.view_seq, c.client_id, c.unanswered, c.waiting, c.last_at
), added AS (
	INSERT INTO message (account_id, chat_id, seq, id, direction, kind, text, content, provider_id, at, stored_at, status, view_seq)
	SELECT $1, id, last_seq, $5, 'in', $6, $7, $14, $8, $9::bigint, $15::bigint, 'received', CASE WHEN $11::bigint > 0 THEN view_seq ELSE 0 END FROM moved
), viewed AS (
	INSERT INTO view_entry (account_id, chat_id, seq, kind, id, message_id, at)
	SELECT $1, id, view_seq, 'message', $5, $5, $15::bigint FROM moved WHERE $11::bigint > 0
), owned AS (
	UPDATE chat_owner o SET unanswered = m.unanswered, waiting = m.waiting, last_at = m.last_at
	FROM moved m WHERE o.account_id = $1 AND o.chat_id = m.id
), bodies AS (
	INSERT INTO raw_body (account_id, id, channel_id, at, body)
	SELECT $1, $12, $2, $15::bigint, $13::bytea FROM moved ON CONFLICT DO NOTHING
), head AS (
	UPDATE account_head SET number = number + 1 WHERE account_id = $1 AND EXISTS (SELECT 1 FROM moved) RETURNING number
), journal AS (
	INSERT INTO event (account_id, number, kind, at, chat_id, client_id, message_id, seq)
	SELECT $1, h.number, 'message.added', $15::bigint, m.id, m.client_id, $5, m.last_seq FROM moved m CROSS JOIN head h
)
SELECT 1::bigint, id, client_id, $5::text, last_seq, CASE WHEN $11::bigint > 0 THEN view_seq ELSE 0 END FROM moved`, "")

	lockKnownMany = hot("lock the chats of messages", `
		SELECT 1 FROM unnest($2::text[], $3::text[]) AS i(channel_id, address) CROSS JOIN LATERAL (
			SELECT 1 FROM chat WHERE account_id = $1 AND channel_id = i.channel_id AND address = i.address FOR UPDATE) c`, "")
	// The counter of the account is moved by what was numbered, so that it is locked
	// after the chats, as everywhere else.
	addKnownMany = hot("add messages of settled chats at once", `
WITH input AS (
	SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
		$9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::bytea[], $14::text[])
	WITH ORDINALITY AS i(channel_id, address, key, message_id, kind, text, provider_id, at, counts, views, raw_id, raw, content, n)
), known AS (
	SELECT i.*, c.id AS chat_id, c.place FROM input i CROSS JOIN LATERAL (
		SELECT c.id, c.ctid AS place FROM chat c
		WHERE c.account_id = $1 AND c.channel_id = i.channel_id AND c.address = i.address AND c.settled = 1
		AND NOT EXISTS (SELECT 1 FROM early_change e WHERE e.account_id = $1 AND e.channel_id = i.channel_id
			AND e.address = i.address AND e.provider_id = i.provider_id)
		AND (i.views = 0 OR NOT EXISTS (SELECT 1 FROM message m WHERE m.account_id = $1 AND m.chat_id = c.id AND m.id = i.message_id))
		LIMIT 1) c
), fresh AS (
	INSERT INTO dedupe (account_id, channel_id, key, chat_id, message_id)
	SELECT $1, channel_id, key, chat_id, message_id FROM known ORDER BY channel_id, key`+onSeenKey+` RETURNING channel_id, key
), numbered AS (
	SELECT k.*, row_number() OVER (PARTITION BY k.chat_id ORDER BY k.n) AS nth,
		sum(k.views) OVER (PARTITION BY k.chat_id ORDER BY k.n) AS view_nth, row_number() OVER (ORDER BY k.chat_id, k.n) AS event_nth
	FROM known k JOIN fresh f ON f.channel_id = k.channel_id AND f.key = k.key
), moved AS (
	UPDATE chat c SET last_seq = c.last_seq + g.messages, last_at = GREATEST(c.last_at, $15::bigint),
		waiting_since = CASE WHEN g.counts > 0 AND c.unanswered = 0 THEN $15::bigint ELSE c.waiting_since END,
		unanswered = c.unanswered + g.counts, waiting = CASE WHEN c.unanswered + g.counts > 0 THEN 1 ELSE 0 END,
		view_seq = c.view_seq + g.views, unreachable = 0
	FROM (SELECT chat_id, place, count(*) AS messages, sum(counts)::bigint AS counts, sum(views)::bigint AS views
		FROM numbered GROUP BY chat_id, place) g
	WHERE c.ctid = g.place AND c.account_id = $1 AND c.id = g.chat_id
	RETURNING c.id, c.last_seq - g.messages AS base, c.view_seq - g.views AS view_base, c.client_id, c.unanswered, c.waiting, c.last_at
), placed AS (
	SELECT n.*, m.base + n.nth AS seq, CASE WHEN n.views > 0 THEN m.view_base + n.view_nth ELSE 0 END AS view_seq, m.client_id
	FROM numbered n JOIN moved m ON m.id = n.chat_id
), added AS (
	INSERT INTO message (account_id, chat_id, seq, id, direction, kind, text, content, provider_id, at, stored_at, status, view_seq)
	SELECT $1, chat_id, seq, message_id, 'in', kind, text, content, provider_id, at, $15::bigint, 'received', view_seq FROM placed
), viewed AS (
	INSERT INTO view_entry (account_id, chat_id, seq, kind, id, message_id, at)
	SELECT $1, chat_id, view_seq, 'message', message_id, message_id, $15::bigint FROM placed WHERE views > 0
), owned AS (
	UPDATE chat_owner o SET unanswered = p.unanswered, waiting = p.waiting, last_at = p.last_at
	FROM (SELECT m.*, x.place FROM moved m CROSS JOIN LATERAL (
		SELECT ctid AS place FROM chat_owner WHERE account_id = $1 AND chat_id = m.id OFFSET 0) x) p
	WHERE o.ctid = p.place
), bodies AS (
	INSERT INTO raw_body (account_id, id, channel_id, at, body)
	SELECT $1, raw_id, channel_id, $15::bigint, raw FROM placed ON CONFLICT DO NOTHING
), head AS (
	UPDATE account_head SET number = number + (SELECT count(*) FROM placed)
	WHERE account_id = $1 AND EXISTS (SELECT 1 FROM placed) RETURNING number
), journal AS (
	INSERT INTO event (account_id, number, kind, at, chat_id, client_id, message_id, seq)
	SELECT $1, h.number - (SELECT count(*) FROM placed) + p.event_nth, 'message.added', $15::bigint, p.chat_id, p.client_id, p.message_id, p.seq
	FROM placed p CROSS JOIN head h
)
SELECT n, chat_id, client_id, message_id, seq, view_seq FROM placed`, "")
)

// addKnownAtOnce stores a batch, in tx or, when that is nil, in a transaction of its
// own, which is repeated when PostgreSQL chose it as a deadlock's victim.
func (s *Store) addKnownAtOnce(ctx context.Context, tx switchboard.Tx, in []switchboard.Incoming) ([]switchboard.Stored, error) {
	for attempt := 1; ; attempt++ {
		out, err := s.tryKnownAtOnce(ctx, tx, in)
		if err == nil || tx != nil || attempt == tries || !conflicted(err) {
			return out, err
		}
	}
}

func (s *Store) tryKnownAtOnce(ctx context.Context, tx switchboard.Tx, in []switchboard.Incoming) ([]switchboard.Stored, error) {
	now := ms(s.clock())
	places, batch, err := knownBatch(in, now)
	if err != nil {
		return nil, err
	}
	var answer pgx.BatchResults
	if tx == nil {
		answer = s.pool.SendBatch(ctx, batch)
	} else {
		answer = tx.(*Tx).pg.SendBatch(ctx, batch)
	}
	out := make([]switchboard.Stored, len(in))
	some, err := readKnown(answer, out, places, now)
	if ended := answer.Close(); err == nil && ended != nil { // the commit, without tx
		err = fmt.Errorf("commit messages: %w", ended)
	}
	if err != nil {
		return nil, err
	}
	if some {
		s.tellKnown(tx, in[0].Message.Account)
	}
	return out, nil
}

// tellKnown gives the hint of new events once they are committed.
func (s *Store) tellKnown(tx switchboard.Tx, account switchboard.AccountID) {
	tell := func() { s.hints.tell([]switchboard.Event{{Account: account}}) }
	if tx != nil {
		AfterCommit(tx, tell)
		return
	}
	tell()
}

func readKnown(answer pgx.BatchResults, out []switchboard.Stored, places []int, now int64) (some bool, err error) {
	if _, err := answer.Exec(); err != nil {
		return false, fmt.Errorf("lock chats: %w", err)
	}
	r, err := answer.Query()
	if err != nil {
		return false, fmt.Errorf("add messages: %w", err)
	}
	defer r.Close()
	for r.Next() {
		var n int64
		one := switchboard.Stored{Known: true, At: at(now)}
		if err := r.Scan(&n, &one.Chat, &one.Client, &one.Message, &one.Seq, &one.ViewSeq); err != nil {
			return some, fmt.Errorf("read stored message: %w", err)
		}
		out[places[n-1]], some = one, true
	}
	return some, r.Err() //nolint:wrapcheck // the caller names the way
}

// knownBatch gives the statements, and where each of their messages stands in the
// batch: a key that comes twice is stored once and then found by the long way.
func knownBatch(in []switchboard.Incoming, now int64) (places []int, batch *pgx.Batch, err error) {
	batch = &pgx.Batch{}
	if len(in) == 1 {
		args, err := values(&in[0], now)
		batch.Queue(lockKnownOne.postgres, args[:3]...)
		batch.Queue(addKnownOne.postgres, args...)
		return []int{0}, batch, err
	}
	places = firsts(in)
	args, err := columns(in, places, now)
	if err != nil {
		return nil, nil, err
	}
	batch.Queue(lockKnownMany.postgres, args[:3]...)
	batch.Queue(addKnownMany.postgres, args...)
	return places, batch, nil
}

// firsts lists the messages whose key did not come earlier in the batch, by channel
// and address, in which order chats are locked; within a chat in the order they came.
func firsts(in []switchboard.Incoming) []int {
	type key struct {
		channel switchboard.ChannelID
		key     string
	}
	seen := make(map[key]bool, len(in))
	places := make([]int, 0, len(in))
	for i := range in {
		k := key{in[i].Channel, in[i].Key}
		if !seen[k] {
			seen[k], places = true, append(places, i)
		}
	}
	slices.SortStableFunc(places, func(a, b int) int {
		return cmp.Or(cmp.Compare(in[a].Channel, in[b].Channel), cmp.Compare(in[a].Address, in[b].Address))
	})
	return places
}

// values gives a message's parameters in the order of columns.
func values(in *switchboard.Incoming, now int64) ([]any, error) {
	m := &in.Message
	content, err := contentText(m.Content)
	if err != nil {
		return make([]any, 3), fmt.Errorf("encode content: %w", err)
	}
	return []any{string(m.Account), string(in.Channel), in.Address, in.Key, string(m.ID), string(m.Kind), m.Text, m.ProviderID,
		ms(m.At), bit(in.Counts), bit(in.NumbersView), in.RawID, body(in.Raw), content, now}, nil
}

// columns turns messages into one array per column, as unnest wants them.
func columns(in []switchboard.Incoming, places []int, now int64) ([]any, error) {
	n := len(places)
	var texts [9][]string
	var numbers [3][]int64
	for i := range texts {
		texts[i] = make([]string, n)
	}
	for i := range numbers {
		numbers[i] = make([]int64, n)
	}
	raws := make([][]byte, n)
	for row, place := range places {
		one, m := &in[place], &in[place].Message
		content, err := contentText(m.Content)
		if err != nil {
			return nil, fmt.Errorf("encode content: %w", err)
		}
		for c, v := range [9]string{string(one.Channel), one.Address, one.Key, string(m.ID), string(m.Kind), m.Text, m.ProviderID, one.RawID, content} {
			texts[c][row] = v
		}
		numbers[0][row], numbers[1][row], numbers[2][row] = ms(m.At), bit(one.Counts), bit(one.NumbersView)
		raws[row] = body(one.Raw)
	}
	return []any{string(in[0].Message.Account), texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], texts[6],
		numbers[0], numbers[1], numbers[2], texts[7], raws, texts[8], now}, nil
}

// body is never NULL in the database.
func body(raw []byte) []byte {
	if raw == nil {
		return []byte{}
	}
	return raw
}
