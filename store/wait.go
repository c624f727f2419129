package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"switchboard"
)

var viewSeqs = hot("read the newest numbers of clients' views", `
	SELECT address, view_seq FROM chat WHERE account_id = $1 AND channel_id = $2
	AND address = ANY (ARRAY(SELECT jsonb_array_elements_text($3::jsonb)))`, `
	SELECT address, view_seq FROM chat WHERE account_id = $1 AND channel_id = $2
	AND address IN (SELECT value FROM json_each($3))`)

const (
	// viewPoll is how often waiting visitors are looked up without a hint: another
	// node may have written.
	viewPoll = 500 * time.Millisecond
	// viewsAtOnce bounds one look-up.
	viewsAtOnce = 500
)

// viewWaits lets any number of visitors wait with one look-up for all of them: a
// goroutine runs while somebody waits.
type viewWaits struct {
	mu      sync.Mutex
	line    map[viewLine]map[*viewWait]bool
	running bool
}

// viewLine is one channel's visitors.
type viewLine struct {
	account switchboard.AccountID
	channel switchboard.ChannelID
}

// viewWait is one waiting visitor.
type viewWait struct {
	session string
	after   int64
	news    chan struct{}
}

// WaitView returns once a visitor's view has an entry behind a number, or with ctx's
// error.
func (s *Store) WaitView(ctx context.Context, ch switchboard.Channel, session string, after int64) error {
	line, w := viewLine{ch.Account, ch.ID}, &viewWait{session: session, after: after, news: make(chan struct{})}
	leave := s.waits.join(s, line, w)
	defer leave()
	// What was written before joining is found here, what comes later by the look-ups.
	if err := s.lookUpViews(ctx, line, []*viewWait{w}); err != nil {
		return err
	}
	select {
	case <-w.news:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (v *viewWaits) join(s *Store, line viewLine, w *viewWait) (leave func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.line == nil {
		v.line = map[viewLine]map[*viewWait]bool{}
	}
	if v.line[line] == nil {
		v.line[line] = map[*viewWait]bool{}
	}
	v.line[line][w] = true
	if !v.running {
		v.running = true
		go s.watchViews()
	}
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.drop(line, w)
	}
}

// drop forgets a visitor; the lock is held.
func (v *viewWaits) drop(line viewLine, w *viewWait) {
	delete(v.line[line], w)
	if len(v.line[line]) == 0 {
		delete(v.line, line)
	}
}

// watchViews looks waiting visitors up until nobody waits.
func (s *Store) watchViews() {
	news, end := s.Subscribe()
	defer end()
	poll := time.NewTicker(viewPoll)
	defer poll.Stop()
	for {
		accounts := map[switchboard.AccountID]bool{}
		select {
		case <-poll.C: // nil means everybody
			accounts = nil
		case account := <-news:
			accounts[account] = true
		}
		for more := true; more && accounts != nil; { // hints that came meanwhile
			select {
			case account := <-news:
				accounts[account] = true
			default:
				more = false
			}
		}
		waiting, any := s.waits.of(accounts)
		if !any {
			return
		}
		for line, all := range waiting {
			for len(all) > 0 {
				some := all[:min(len(all), viewsAtOnce)]
				all = all[len(some):]
				_ = s.lookUpViews(context.Background(), line, some) // looked up again in a moment
			}
		}
	}
}

// of gives who waits in the accounts, and whether anybody waits at all; if not, the
// goroutine that asks must end.
func (v *viewWaits) of(accounts map[switchboard.AccountID]bool) (map[viewLine][]*viewWait, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.line) == 0 {
		v.running = false
		return nil, false
	}
	found := map[viewLine][]*viewWait{}
	for line, all := range v.line {
		if accounts != nil && !accounts[line.account] {
			continue
		}
		for w := range all {
			found[line] = append(found[line], w)
		}
	}
	return found, true
}

// lookUpViews wakes those whose view went on.
func (s *Store) lookUpViews(ctx context.Context, line viewLine, waiting []*viewWait) error {
	sessions := make([]string, 0, len(waiting))
	for _, w := range waiting {
		sessions = append(sessions, w.session)
	}
	list, err := toJSON(sessions)
	if err != nil {
		return fmt.Errorf("encode sessions: %w", err)
	}
	r, err := s.on(nil).many(ctx, viewSeqs, line.account, line.channel, list)
	if err != nil {
		return err
	}
	defer r.Close()
	newest := make(map[string]int64, len(waiting))
	for r.Next() {
		var session string
		var seq int64
		if err := r.Scan(&session, &seq); err != nil {
			return fmt.Errorf("read view: %w", err)
		}
		newest[session] = seq
	}
	if err := r.Err(); err != nil {
		return err
	}
	s.waits.mu.Lock()
	defer s.waits.mu.Unlock()
	for _, w := range waiting {
		if newest[w.session] > w.after && s.waits.line[line][w] {
			s.waits.drop(line, w)
			close(w.news)
		}
	}
	return nil
}
