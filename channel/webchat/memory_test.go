package webchat_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"switchboard"
	"switchboard/channel"
)

// memory is the house behind the handler, in memory: channels, sessions, the door, the
// view and the outbox.
type memory struct {
	mu       sync.Mutex
	changed  chan struct{}
	channels map[string]switchboard.Channel
	sessions map[string]switchboard.VisitorSession
	view     map[string][]switchboard.ViewEntry // by session
	keys     map[string]channel.Received
	texts    map[string]string
	batches  []channel.Batch
	outgoing map[switchboard.MessageID]channel.Outbound
	waits    int
	fail     error
}

func newMemory() *memory {
	return &memory{
		changed: make(chan struct{}), channels: map[string]switchboard.Channel{}, sessions: map[string]switchboard.VisitorSession{},
		view: map[string][]switchboard.ViewEntry{}, keys: map[string]channel.Received{}, texts: map[string]string{},
		outgoing: map[switchboard.MessageID]channel.Outbound{},
	}
}

func (m *memory) lock() func() {
	m.mu.Lock()
	return m.mu.Unlock
}

func (m *memory) signal() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *memory) ChannelByKey(_ context.Context, key string) (switchboard.Channel, error) {
	defer m.lock()()
	ch, ok := m.channels[key]
	if !ok {
		return ch, switchboard.ErrNotFound
	}
	return ch, m.fail
}

func (m *memory) AddVisitor(_ context.Context, ch switchboard.Channel, s switchboard.VisitorSession) error {
	defer m.lock()()
	m.sessions[string(ch.ID)+s.TokenHash] = s
	return nil
}

func (m *memory) Visitor(_ context.Context, ch switchboard.Channel, hash string) (switchboard.VisitorSession, error) {
	defer m.lock()()
	s, ok := m.sessions[string(ch.ID)+hash]
	if !ok {
		return s, switchboard.ErrNotFound
	}
	return s, nil
}

func (m *memory) Receive(_ context.Context, _ switchboard.Channel, b channel.Batch) ([]channel.Received, error) {
	defer m.lock()()
	if m.fail != nil {
		return nil, m.fail
	}
	m.batches = append(m.batches, b)
	var all []channel.Received
	for _, one := range b.Messages {
		got, stored := m.keys[one.Key]
		if stored {
			got.Duplicate, got.Conflict = true, m.texts[one.Key] != one.Text
		} else {
			seq := m.add(one.Peer.Address, switchboard.ViewEntry{ID: one.ID, At: one.At, Direction: switchboard.In, Kind: one.Kind, Text: one.Text})
			got = channel.Received{Message: one.ID, ViewSeq: seq, At: one.At}
			m.keys[one.Key], m.texts[one.Key] = got, one.Text
		}
		all = append(all, got)
	}
	return all, nil
}

// add numbers an entry; the lock is held.
func (m *memory) add(session string, e switchboard.ViewEntry) int64 {
	e.Seq = int64(len(m.view[session])) + 1
	m.view[session] = append(m.view[session], e)
	m.signal()
	return e.Seq
}

// AppendView adds what outgoing holds: the house stores a message before it is sent.
func (m *memory) AppendView(_ context.Context, _ switchboard.Channel, session string, _ switchboard.ChatID, id switchboard.MessageID) (int64, error) {
	defer m.lock()()
	if m.fail != nil {
		return 0, m.fail
	}
	for _, e := range m.view[session] {
		if e.ID == id {
			return e.Seq, nil
		}
	}
	o := m.outgoing[id]
	return m.add(session, switchboard.ViewEntry{
		ID: id, At: o.At, Direction: switchboard.Out, Kind: switchboard.KindText, Text: o.Text, Author: o.Author,
	}), nil
}

// store keeps an outgoing message, as the house does before it is sent.
func (m *memory) store(o channel.Outbound) channel.Outbound {
	defer m.lock()()
	m.outgoing[o.ID] = o
	return o
}

func (m *memory) ViewEntries(_ context.Context, _ switchboard.Channel, session string, after int64, limit int) ([]switchboard.ViewEntry, error) {
	defer m.lock()()
	all := m.view[session]
	from := min(after, int64(len(all)))
	return slices.Clone(all[from:min(from+int64(limit), int64(len(all)))]), m.fail
}

func (m *memory) WaitView(ctx context.Context, _ switchboard.Channel, session string, after int64) error {
	unlock := m.lock()
	m.waits++
	m.signal()
	unlock()
	return m.until(ctx, func() bool { return int64(len(m.view[session])) > after })
}

func (m *memory) until(ctx context.Context, done func() bool) error {
	for {
		unlock := m.lock()
		ok, changed := done(), m.changed
		unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errDatabase = errors.New("canary of a database error")

func day() time.Time { return time.Date(2026, 3, 2, 9, 15, 30, 123_000_000, time.UTC) }

// failingOnce is an outbox whose next call fails when told.
type failingOnce struct {
	*memory
	next     error
	accepted int
}

func (f *failingOnce) AppendView(ctx context.Context, ch switchboard.Channel, session string, chat switchboard.ChatID, id switchboard.MessageID) (int64, error) {
	if err := f.next; err != nil {
		f.next = nil
		return 0, err
	}
	f.accepted++
	return f.memory.AppendView(ctx, ch, session, chat, id)
}
