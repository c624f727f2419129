package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"switchboard"
)

var (
	takeNumbers = query("take the next event numbers of an account", `
		UPDATE account_head SET number = number + $2 WHERE account_id = $1 RETURNING number`)
	addEvent = query("add an event", `
		INSERT INTO event (account_id, number, kind, at, chat_id, client_id, message_id, seq, ref, before, after)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`)
	eventsAfter = query("list events after a number", `
		SELECT number, kind, at, chat_id, client_id, message_id, seq, ref, before, after
		FROM event WHERE account_id = $1 AND number > $2 ORDER BY number LIMIT $3`)
	readHead    = query("read the newest event number", `SELECT number FROM account_head WHERE account_id = $1`)
	oldestEvent = query("read the oldest kept event number", `
		SELECT number FROM event WHERE account_id = $1 ORDER BY number LIMIT 1`)
	dropEvents = query("drop old events that every follower has passed", `
		DELETE FROM event WHERE account_id = $1 AND at < $2
		AND number <= COALESCE((SELECT MIN(position) FROM follower WHERE account_id = $1), $3) AND number <= $3`)
)

// Emit adds an event to the transaction; it is numbered when the transaction ends.
func (s *Store) Emit(tx switchboard.Tx, e switchboard.Event) {
	t := tx.(*Tx)
	if e.At.IsZero() {
		e.At = s.clock()
	}
	t.events = append(t.events, e)
}

// numberEvents gives the transaction's events their numbers: the counter of each
// account is taken last, accounts in order, so numbers have no gaps and appear in
// commit order (an identity column loses events that commit late).
func (t *Tx) numberEvents(ctx context.Context) error {
	slices.SortStableFunc(t.events, func(a, b switchboard.Event) int {
		return strings.Compare(string(a.Account), string(b.Account))
	})
	for start := 0; start < len(t.events); {
		end := start
		for end < len(t.events) && t.events[end].Account == t.events[start].Account {
			end++
		}
		if err := t.numberAccount(ctx, t.events[start:end]); err != nil {
			return err
		}
		start = end
	}
	return nil
}

func (t *Tx) numberAccount(ctx context.Context, events []switchboard.Event) error {
	var head int64
	if err := scan(t.one(ctx, takeNumbers, events[0].Account, len(events)), &head); err != nil {
		return fmt.Errorf("take event numbers: %w", err)
	}
	for i := range events {
		e := &events[i]
		e.Number = head - int64(len(events)-1-i)
		if _, err := t.exec(ctx, addEvent, e.Account, e.Number, e.Kind, ms(e.At), e.Chat, e.Client,
			e.Message, e.Seq, e.Ref, idList(e.Before), idList(e.After)); err != nil {
			return err
		}
	}
	return nil
}

func idList(ids []switchboard.EmployeeID) string {
	if len(ids) == 0 {
		return ""
	}
	text, _ := json.Marshal(ids) //nolint:errchkjson // strings always marshal
	return string(text)
}

func readIDs(text string) (ids []switchboard.EmployeeID, err error) {
	if text == "" {
		return nil, nil
	}
	err = json.Unmarshal([]byte(text), &ids)
	return ids, err
}

// EventsAfter lists at most limit events with a larger number, in order. tx may be nil.
func (s *Store) EventsAfter(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, after int64, limit int) ([]switchboard.Event, error) {
	r, err := s.on(tx).many(ctx, eventsAfter, account, after, limit)
	return collect(r, err, func(r row) (e switchboard.Event, err error) {
		var when int64
		var before, now string
		e.Account = account
		if err := r.Scan(&e.Number, &e.Kind, &when, &e.Chat, &e.Client, &e.Message, &e.Seq, &e.Ref, &before, &now); err != nil {
			return e, err
		}
		e.At = at(when)
		if e.Before, err = readIDs(before); err != nil {
			return e, err
		}
		e.After, err = readIDs(now)
		return e, err
	})
}

// Head gives the number of the newest event, 0 when there is none. tx may be nil.
func (s *Store) Head(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (head int64, err error) {
	err = scan(s.on(tx).one(ctx, readHead, account), &head)
	return head, err
}

// OldestEvent gives the number of the oldest kept event, 0 when there is none.
func (s *Store) OldestEvent(ctx context.Context, account switchboard.AccountID) (number int64, err error) {
	err = scan(s.on(nil).one(ctx, oldestEvent, account), &number)
	if errors.Is(err, switchboard.ErrNotFound) {
		return 0, nil
	}
	return number, err
}

// hints tells subscribers that an account has new events; it never blocks and may
// merge several tellings into one. Losing one costs latency only.
type hints struct {
	mu   sync.Mutex
	subs map[chan switchboard.AccountID]bool
	done bool
}

// Subscribe gives a channel of accounts with new events, and its end.
func (s *Store) Subscribe() (<-chan switchboard.AccountID, func()) {
	c := make(chan switchboard.AccountID, 256)
	h := &s.hints
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subs == nil {
		h.subs = map[chan switchboard.AccountID]bool{}
	}
	h.subs[c] = true
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.subs, c)
	}
}

func (h *hints) tell(events []switchboard.Event) {
	if len(events) == 0 {
		return
	}
	accounts := map[switchboard.AccountID]bool{}
	for i := range events {
		accounts[events[i].Account] = true
	}
	names := make([]switchboard.AccountID, 0, len(accounts))
	for a := range accounts {
		names = append(names, a)
	}
	slices.Sort(names)
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.subs {
		for _, a := range names {
			select {
			case c <- a:
			default: // full: the subscriber has hints waiting and polls anyway
			}
		}
	}
}

func (h *hints) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.subs, h.done = nil, true
}
