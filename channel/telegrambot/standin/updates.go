package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

type update struct {
	id  int64
	raw json.RawMessage
}

// maxPoll is the longest a poll is held.
const maxPoll = 50 * time.Second

// push queues an update of a kind; the lock is held.
func (b *Bot) push(kind string, content any) {
	if b.allowed != nil && !slices.Contains(b.allowed, kind) {
		return
	}
	raw, err := json.Marshal(map[string]any{"update_id": b.nextID, kind: content})
	if err != nil {
		panic("encode an update: " + err.Error())
	}
	b.queue(raw)
}

func (b *Bot) queue(raw json.RawMessage) {
	u := update{b.nextID, raw}
	b.nextID++
	b.updates = append(b.updates, u)
	b.history = append(b.history, u)
	b.signal()
}

// PushRaw queues bytes as they are; %d in them, if any, becomes the update's id. They
// need not be valid JSON.
func (b *Bot) PushRaw(format string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue(json.RawMessage(fmt.Appendf(nil, format, b.nextID)))
}

// Replay queues every update ever made once more, under its old id.
func (b *Bot) Replay() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.updates = append(b.updates, b.history...)
	b.signal()
}

// RestartIDs makes the next update's id anything, as after a silent week.
func (b *Bot) RestartIDs(next int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nextID = next
}

// Pending is the number of updates not confirmed.
func (b *Bot) Pending() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.updates)
}

// WaitConfirmed waits until no update waits.
func (b *Bot) WaitConfirmed(ctx context.Context) error {
	return b.wait(ctx, "confirmed updates", func() bool { return len(b.updates) == 0 })
}

// WaitPolled waits until a poll is open with nothing to give: all is confirmed and
// the next update will be delivered at once.
func (b *Bot) WaitPolled(ctx context.Context) error {
	return b.wait(ctx, "an open poll", func() bool { return b.polling > 0 && len(b.updates) == 0 })
}

func (b *Bot) wait(ctx context.Context, what string, done func() bool) error {
	for {
		b.mu.Lock()
		ok, changed := done(), b.changed
		b.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		}
	}
}

func getUpdates(b *Bot, r *http.Request, p *params) (any, *refusal) {
	limit, given := p.number("limit")
	if !given || limit < 1 || limit > 100 {
		limit = 100
	}
	seconds, _ := p.number("timeout")
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hook != nil {
		return nil, &refusal{code: 409, text: "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"}
	}
	var allowed []string
	if p.object("allowed_updates", &allowed) {
		b.allowed = allowed
	}
	b.confirm(p)
	return b.poll(r.Context(), int(limit), min(time.Duration(seconds)*time.Second, maxPoll))
}

// confirm drops what an offset confirms; the lock is held.
func (b *Bot) confirm(p *params) {
	offset, given := p.number("offset")
	switch {
	case !given || offset == 0:
		return
	case offset < 0:
		b.updates = b.updates[max(0, len(b.updates)+int(offset)):]
	default:
		b.updates = slices.DeleteFunc(b.updates, func(u update) bool { return u.id < offset })
	}
	b.signal()
}

// poll waits for updates; the lock is held on entry and exit, not while waiting.
func (b *Bot) poll(ctx context.Context, limit int, wait time.Duration) (any, *refusal) {
	b.pollers++
	mine := b.pollers
	b.polling++
	b.signal() // ends an older poll
	defer func() { b.polling--; b.signal() }()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for len(b.updates) == 0 && wait > 0 {
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
		case <-timer.C:
			wait = 0
		case <-ctx.Done():
			wait = 0
		}
		b.mu.Lock()
		if b.pollers != mine || b.hook != nil {
			return nil, &refusal{code: 409, text: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"}
		}
	}
	var raws rawList
	for _, u := range b.updates[:min(limit, len(b.updates))] {
		raws = append(raws, u.raw)
	}
	return raws, nil
}

// rawList keeps updates byte for byte, also when they are no JSON.
type rawList []json.RawMessage
