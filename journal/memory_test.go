package journal_test

import (
	"context"
	"maps"
	"slices"

	"switchboard"
	. "switchboard/journal"
)

// memory is a database in memory: transactions work on a copy that commit puts in
// place. Every step may be the last one of the process: see step.
type memory struct {
	state
	// step is called before and after everything that could be the end of a process.
	step func(name string)
	// rerun makes the next transaction run twice, as after a deadlock.
	rerun bool
}

type state struct {
	head    int64
	oldest  int64 // of the kept events
	cursors map[string]int64
	results []int64
	parked  []Parked
	intents map[int64]bool
}

func (s state) clone() state {
	s.cursors, s.intents = maps.Clone(s.cursors), maps.Clone(s.intents)
	s.results, s.parked = slices.Clone(s.results), slices.Clone(s.parked)
	return s
}

func newMemory() *memory {
	return &memory{
		state: state{oldest: 1, cursors: map[string]int64{}, intents: map[int64]bool{}},
		step:  func(string) {},
	}
}

// memoryTx is one open transaction.
type memoryTx struct{ state }

func (*memoryTx) Raw() any { return nil }

func (m *memory) EventsAfter(_ context.Context, _ switchboard.Tx, account switchboard.AccountID, after int64, limit int) ([]switchboard.Event, error) {
	m.step("read events")
	var events []switchboard.Event
	for n := max(after+1, m.oldest); n <= m.head && len(events) < limit; n++ {
		events = append(events, switchboard.Event{Account: account, Number: n})
	}
	return events, nil
}

func (m *memory) Head(context.Context, switchboard.Tx, switchboard.AccountID) (int64, error) {
	return m.head, nil
}

func (m *memory) Position(_ context.Context, _ switchboard.AccountID, name, key string, start Start) (int64, error) {
	m.step("read cursor")
	id := name + "/" + key
	if _, known := m.cursors[id]; !known {
		m.cursors[id] = m.oldest - 1
		if start == FromHead {
			m.cursors[id] = m.head
		}
		m.step("cursor made")
	}
	return m.cursors[id], nil
}

func (m *memory) Move(_ context.Context, tx switchboard.Tx, _ switchboard.AccountID, name, key string, from, to int64) error {
	m.step("move cursor")
	t := tx.(*memoryTx)
	id := name + "/" + key
	if t.cursors[id] != from {
		return ErrMoved
	}
	t.cursors[id] = to
	m.step("cursor moved")
	return nil
}

func (m *memory) Park(_ context.Context, tx switchboard.Tx, p Parked) error {
	m.step("park")
	t := tx.(*memoryTx)
	t.parked = append(t.parked, p)
	return nil
}

func (m *memory) InTx(_ context.Context, do func(tx switchboard.Tx) error) error {
	m.step("begin")
	if m.rerun {
		m.rerun = false
		if err := do(&memoryTx{m.state.clone()}); err != nil {
			return err
		}
	}
	tx := &memoryTx{m.state.clone()}
	if err := do(tx); err != nil {
		return err
	}
	m.step("commit")
	m.state = tx.state
	m.step("committed")
	return nil
}

// partner is somebody else's system, which outlives our crashes and keeps a ledger.
type partner struct{ ledger []int64 }

func (p *partner) has(n int64) bool { return slices.Contains(p.ledger, n) }

// worker tells a partner of every event, in the manner the package asks for: intents,
// calls, results. It settles with the partner what a crash left open.
type worker struct {
	db      *memory
	partner *partner
	poison  map[int64]bool
	// inside runs between intents and calls.
	inside func()
}

func (w *worker) handle(ctx context.Context, events []switchboard.Event) (Done, error) {
	for _, e := range events {
		if w.poison[e.Number] {
			return nil, &Poison{Number: e.Number, Reason: "unreadable"}
		}
	}
	open := map[int64]bool{}
	err := w.db.InTx(ctx, func(tx switchboard.Tx) error {
		t := tx.(*memoryTx)
		for _, e := range events {
			open[e.Number] = t.intents[e.Number]
			t.intents[e.Number] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if w.inside != nil {
		w.inside()
	}
	for _, e := range events {
		if open[e.Number] && w.partner.has(e.Number) {
			continue
		}
		w.db.step("call")
		w.partner.ledger = append(w.partner.ledger, e.Number)
		w.db.step("called")
	}
	return func(tx switchboard.Tx) error {
		t := tx.(*memoryTx)
		w.db.step("store results")
		for _, e := range events {
			t.results = append(t.results, e.Number)
			delete(t.intents, e.Number)
		}
		w.db.step("results stored")
		return nil
	}, nil
}

func follow(db *memory, handle Handle, page int) Follower {
	return Follower{
		Account: "acme", Name: "timeline", Key: "hubspot", Start: FromOldest,
		Page: page, Store: db, Handle: handle,
	}
}
