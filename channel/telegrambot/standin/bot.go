package standin

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bot is one bot with its chats, its queue of updates and its ledger.
type Bot struct {
	ID       int64
	Token    string
	Username string
	server   *Server

	mu       sync.Mutex
	changed  chan struct{} // closed and renewed with every change
	users    map[int64]*User
	messages map[int64]int64 // last message id of each chat
	updates  []update        // waiting, oldest first
	history  []update        // every update ever made
	nextID   int64
	allowed  []string // update types; nil: all that need no asking
	pollers  int      // number of the newest poll
	polling  int      // open polls
	hook     *webhook
	files    map[string]stored // by file id
	uploads  int
	ledger   []Sent
	calls    map[string]int
	faults   faults
	limits   *limits
	disorder *disorder
}

type stored struct {
	path string
	data []byte
	gone bool
}

func newBot(s *Server, token, username string) *Bot {
	number, _, _ := strings.Cut(token, ":")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		panic("a bot's token begins with its number and a colon")
	}
	return &Bot{
		ID: id, Token: token, Username: username, server: s, changed: make(chan struct{}),
		users: map[int64]*User{}, messages: map[int64]int64{}, nextID: 700_000_001,
		files: map[string]stored{}, calls: map[string]int{}, faults: faults{fired: map[string]int{}},
	}
}

// signal wakes all who wait; the lock is held.
func (b *Bot) signal() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// Calls counts the calls of a method.
func (b *Bot) Calls(method string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls[method]
}

// answer does a call unless a fault prevents it.
func (b *Bot) answer(w http.ResponseWriter, r *http.Request, method string, p *params) {
	do, known := methods[method]
	if !known {
		refuse(w, &refusal{code: 404, text: "Not Found: method not found"})
		return
	}
	b.mu.Lock()
	b.calls[method]++
	fault := b.faults.draw(method)
	b.signal()
	b.mu.Unlock()
	if fault != nil && !fault.Done {
		fault.spoil(w, r)
		return
	}
	result, refused := do(b, r, p)
	switch {
	case fault != nil:
		fault.spoil(w, r)
	case refused != nil:
		refuse(w, refused)
	default:
		accept(w, result)
	}
}

func accept(w http.ResponseWriter, result any) {
	updates, raw := result.(rawList)
	if !raw {
		writeJSON(w, http.StatusOK, map[string]any{"ok": true, "result": result})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"ok":true,"result":[`))
	for i, u := range updates {
		if i > 0 {
			_, _ = w.Write([]byte(","))
		}
		_, _ = w.Write(u)
	}
	_, _ = w.Write([]byte(`]}`))
}

func (b *Bot) self() map[string]any {
	return map[string]any{"id": b.ID, "is_bot": true, "first_name": "Bot " + b.Username, "username": b.Username,
		"can_join_groups": true, "can_read_all_group_messages": false, "supports_inline_queries": false}
}

func (b *Bot) unix() int64 { return b.server.now().Unix() }

// limits are Telegram's own, kept when asked for.
type limits struct {
	perSecond int
	peerEvery time.Duration
	recent    []time.Time
	last      map[int64]time.Time
}

// Limit makes the bot answer 429 when it sends faster than perSecond over all chats,
// or twice to one chat within peerEvery; 0 means no such limit.
func (b *Bot) Limit(perSecond int, peerEvery time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limits = &limits{perSecond: perSecond, peerEvery: peerEvery, last: map[int64]time.Time{}}
}

// check books a send or refuses it; the bot's lock is held.
func (l *limits) check(chat int64, now time.Time) *refusal {
	if l == nil {
		return nil
	}
	kept := l.recent[:0]
	for _, t := range l.recent {
		if now.Sub(t) < time.Second {
			kept = append(kept, t)
		}
	}
	l.recent = kept
	fast := l.perSecond > 0 && len(l.recent) >= l.perSecond
	if last, sent := l.last[chat]; sent && now.Sub(last) < l.peerEvery {
		fast = true
	}
	if fast {
		return &refusal{code: 429, text: "Too Many Requests: retry after 1", retryAfter: 1}
	}
	l.recent = append(l.recent, now)
	l.last[chat] = now
	return nil
}
