package live

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"switchboard"
)

// Store is what the hub needs of the database.
type Store interface {
	View(ctx context.Context, do func(tx switchboard.Tx) error) error
	Subscribe() (<-chan switchboard.AccountID, func())
	Head(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (int64, error)
	EventsAfter(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, after int64, limit int) ([]switchboard.Event, error)
	SettingsVersion(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (int64, error)
	Cast(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (switchboard.Cast, error)
	ChatRows(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, ids []switchboard.ChatID, version int64) ([]switchboard.ChatRow, error)
	ChatsOfClients(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, clients []switchboard.ClientID) (map[switchboard.ClientID][]switchboard.ChatID, error)
	MessageRows(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, refs []switchboard.MessageRef, version int64) ([]switchboard.MessageRow, error)
	QuotesOf(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, events []switchboard.Event) ([]switchboard.MessageRef, error)
	OpenSessions(ctx context.Context, account switchboard.AccountID, ids []string) (map[string]time.Time, error)
}

// Config of a Hub; all fields are required.
type Config struct {
	Store  Store
	Encode func(e Event, look Look) ([]byte, error)
	Clock  func() time.Time
	Logger *slog.Logger
}

// Times of the hub.
const (
	pollEvery  = 500 * time.Millisecond // behind hints: another node may have written
	checkEvery = time.Second            // sessions (ROLE-5)
)

// Limits of the hub.
const (
	maxStreamsOfEmployee = 64
	maxPagesBehind       = 10 // of pageEvents: who is further behind loads anew
	sessionsAtOnce       = 500
)

// Hub tells watchers of this process what changed. It is safe for concurrent use.
type Hub struct {
	Config
	mu    sync.Mutex
	feeds map[switchboard.AccountID]*feed
	ended bool
	tasks sync.WaitGroup
	stop  context.CancelFunc
	ctx   context.Context
}

// New makes a hub; Run lets it work.
func New(c Config) *Hub {
	ctx, stop := context.WithCancel(context.Background())
	return &Hub{Config: c, feeds: map[switchboard.AccountID]*feed{}, ctx: ctx, stop: stop}
}

// Run passes hints on until ctx ends, then ends every stream.
func (h *Hub) Run(ctx context.Context) {
	defer h.close()
	news, end := h.Store.Subscribe()
	defer end()
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case account := <-news:
			h.hint(account)
		case <-check.C:
			for _, f := range h.all() {
				f.checkSessions(ctx)
			}
		}
	}
}

func (h *Hub) hint(account switchboard.AccountID) {
	h.mu.Lock()
	f := h.feeds[account]
	h.mu.Unlock()
	if f != nil {
		f.kick()
	}
}

func (h *Hub) all() []*feed {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*feed, 0, len(h.feeds))
	for _, f := range h.feeds {
		all = append(all, f)
	}
	return all
}

func (h *Hub) close() {
	h.mu.Lock()
	h.ended = true
	h.mu.Unlock()
	for _, f := range h.all() {
		f.endAll(nil)
	}
	h.stop()
	h.tasks.Wait()
}

// Watch begins to tell a watcher what happens after a number: first what he missed.
// A number that is too old, or from another history, gives a stream that says reset
// and ends. The caller closes the stream.
func (h *Hub) Watch(ctx context.Context, w Watcher, after int64) (*Stream, error) {
	s := newStream(w, after)
	if joined, err := h.join(s, after, nil); joined || err != nil {
		return s, err
	}
	for range maxPagesBehind {
		p, err := read(ctx, h.Store, w.Account, s.passed, nil)
		if err != nil {
			return nil, fmt.Errorf("catch up: %w", err)
		}
		if p.head < s.passed || !p.isComplete(s.passed) || p.casting > 0 {
			return h.resetting(s, p.head)
		}
		missed, err := p.deliveries(w, s.passed, h.Encode)
		if err != nil {
			return nil, err
		}
		reset, err := h.reset(p.head)
		if err != nil {
			return nil, err
		}
		s.push(missed, p.to, reset)
		if joined, err := h.join(s, p.to, &p); joined || err != nil {
			return s, err
		}
	}
	return h.resetting(s, s.passed)
}

func (h *Hub) resetting(s *Stream, number int64) (*Stream, error) {
	f, err := h.reset(number)
	s.end(f)
	return s, err
}

func (h *Hub) reset(number int64) (*Frame, error) {
	return encoded(Event{Kind: Reset, Number: number}, Look{}, h.Encode)
}

// join adds a stream that was told everything up to a number to its account's feed,
// which must not be further. A feed that is not there yet begins at the snapshot that
// was read.
func (h *Hub) join(s *Stream, at int64, p *page) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return false, switchboard.Errorf(switchboard.CodeUnavailable, "shutting_down", "the hub has ended")
	}
	if p != nil && p.to < p.head {
		return false, nil
	}
	f := h.feeds[s.watcher.Account]
	if f == nil {
		if p == nil {
			return false, nil
		}
		f = newFeed(h, s.watcher.Account, p)
		h.feeds[s.watcher.Account] = f
		h.tasks.Add(1)
		go f.run(h.ctx)
	}
	return f.add(s, at, p != nil)
}

// left forgets a feed that nobody watches; h.mu is held.
func (h *Hub) left(f *feed) {
	if h.feeds[f.account] == f {
		delete(h.feeds, f.account)
	}
	close(f.done)
}
