package live

import (
	"context"
	"errors"
	"sync"
	"time"

	"switchboard"
)

// feed reads one account's journal for all its watchers.
type feed struct {
	hub     *Hub
	account switchboard.AccountID
	hinted  chan struct{}
	done    chan struct{} // closed once nobody watches

	mu      sync.Mutex
	at      int64             // read up to here
	level   bool              // nothing was left to read: cast is as of at
	cast    *switchboard.Cast // as of the newest snapshot
	streams map[*Stream]bool
	of      map[switchboard.EmployeeID]int
}

func newFeed(h *Hub, account switchboard.AccountID, p *page) *feed {
	return &feed{hub: h, account: account, hinted: make(chan struct{}, 1), done: make(chan struct{}), at: p.to, level: true, cast: p.cast,
		streams: map[*Stream]bool{}, of: map[switchboard.EmployeeID]int{}}
}

func (f *feed) kick() {
	select {
	case f.hinted <- struct{}{}:
	default:
	}
}

// add lets a stream join unless the feed is further than the stream was told. A stream
// that caught up under a snapshot of its own joins at or before the feed's; one that
// missed nothing joins exactly where the feed is, for it has judged no rights itself.
func (f *feed) add(s *Stream, at int64, caughtUp bool) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.level || f.at > at || !caughtUp && f.at != at {
		return false, nil
	}
	id := s.watcher.Employee
	if f.of[id] >= maxStreamsOfEmployee {
		return false, switchboard.Errorf(switchboard.CodeTooMany, "too_many", "%d open streams", f.of[id])
	}
	s.from = at
	f.streams[s] = true
	f.of[id]++
	s.leave = func() { f.remove(s) }
	return true, nil
}

func (f *feed) remove(s *Stream) {
	s.end(nil)
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.streams[s] {
		return
	}
	delete(f.streams, s)
	if f.of[s.watcher.Employee]--; f.of[s.watcher.Employee] == 0 {
		delete(f.of, s.watcher.Employee)
	}
	if len(f.streams) == 0 {
		f.hub.left(f)
	}
}

func (f *feed) run(ctx context.Context) {
	defer f.hub.tasks.Done()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.done:
			return
		case <-f.hinted:
		case <-poll.C:
			if news, err := f.hasNews(ctx); err == nil && !news {
				continue
			}
		}
		if err := f.readAll(ctx); err != nil && !errors.Is(err, context.Canceled) {
			f.hub.Logger.Error("live events could not be read", "account", f.account, "error", err)
		}
	}
}

// hasNews looks without a transaction whether anything changed.
func (f *feed) hasNews(ctx context.Context) (bool, error) {
	head, err := f.hub.Store.Head(ctx, nil, f.account)
	if err != nil {
		return true, err
	}
	version, err := f.hub.Store.SettingsVersion(ctx, nil, f.account)
	f.mu.Lock()
	defer f.mu.Unlock()
	return head != f.at || version != f.cast.SettingsVersion, err
}

func (f *feed) readAll(ctx context.Context) error {
	for {
		p, err := read(ctx, f.hub.Store, f.account, f.position(), f.known())
		if err != nil {
			return err
		}
		if err := f.tell(&p); err != nil {
			return err
		}
		if p.signing {
			f.checkSessions(ctx)
		}
		if p.to >= p.head {
			return nil
		}
	}
}

func (f *feed) position() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at
}

func (f *feed) known() *switchboard.Cast {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cast
}

// tell gives a page to every watcher. Who has to load anew is told that and nothing of
// the page.
func (f *feed) tell(p *page) error {
	reset, err := f.hub.reset(p.head)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	broken := !p.isComplete(f.at)
	change := compare(f.cast, p.cast)
	changedAt := p.casting
	if changedAt == 0 {
		changedAt = p.head
	}
	for s := range f.streams {
		behind := s.from < changedAt
		if broken || behind && change.concerns(s.watcher.Employee) {
			s.end(reset)
			continue
		}
		deliveries, err := p.deliveries(s.watcher, max(s.from, f.at), f.hub.Encode)
		if err != nil {
			return err
		}
		s.push(deliveries, max(p.to, s.from), reset)
	}
	f.at, f.level, f.cast = p.to, p.to >= p.head, p.cast
	return nil
}

func (f *feed) endAll(last *Frame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.streams {
		s.end(last)
	}
}

// checkSessions ends the streams whose session is over or whose employee is blocked
// (ROLE-5).
func (f *feed) checkSessions(ctx context.Context) {
	by := f.bySession()
	ids := keys(by)
	for len(ids) > 0 {
		some := ids[:min(len(ids), sessionsAtOnce)]
		ids = ids[len(some):]
		open, err := f.hub.Store.OpenSessions(ctx, f.account, some)
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				f.hub.Logger.Error("sessions could not be checked", "account", f.account, "error", err)
			}
			return
		}
		for _, id := range some {
			if _, isOpen := open[id]; !isOpen {
				f.cut(by[id])
			}
		}
	}
}

func (f *feed) bySession() map[string][]*Stream {
	f.mu.Lock()
	defer f.mu.Unlock()
	by := make(map[string][]*Stream, len(f.streams))
	for s := range f.streams {
		if !s.hasEnded() {
			by[s.watcher.Session] = append(by[s.watcher.Session], s)
		}
	}
	return by
}

func (f *feed) cut(streams []*Stream) {
	for _, s := range streams {
		if s.watcher.Renewed && !f.hub.Clock().Before(s.watcher.Expires) {
			s.end(nil) // the frame comes back with its next bearer
			continue
		}
		last, err := encoded(Event{Kind: SignedOut, Number: s.from}, Look{}, f.hub.Encode)
		if err != nil {
			last = nil
		}
		s.end(last)
	}
}
